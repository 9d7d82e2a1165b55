from dataclasses import replace

from harness.analysis.baseline import compare_results, missing_because
from tests.helpers.guarding import AFTER, before, limits, trained
from tests.helpers.synthetic import synthetic_result


def reasons(verdict):
    return [(one.case, one.reason, one.is_failure) for one in verdict.not_compared]


def other(model="resnet20", at=AFTER, **changes):
    return synthetic_result("digits", model, 0, 95.0, started_at=at, finished_at=at, **changes)


def test_every_case_of_both_folders_is_compared():
    verdict = compare_results([*before(), other(at="2026")], [*trained(), other()], limits())
    assert len(verdict.comparisons) == 10
    assert {one.case for one in verdict.comparisons} == {"digits resnet8", "digits resnet20"}


def test_a_case_missing_after_is_a_failure_and_a_new_one_is_not():
    verdict = compare_results([*before(), other()], [*trained(), other("resnet32")], limits())
    assert reasons(verdict) == [
        ("digits resnet20", "missing in the new results", True),
        ("digits resnet32", "the baseline has no such case", False),
    ]
    assert verdict.exit_code == 2


def test_a_case_trained_by_another_recipe_names_the_difference():
    (result,) = trained((96.0,))
    recipe = replace(result.case.recipe, learning_rate=0.01)
    changed = replace(result, case=replace(result.case, recipe=recipe))
    (missing, _) = compare_results(before(), [changed], limits()).not_compared
    assert missing.case == "digits resnet8 (recipe.learning_rate 0.05)"
    assert missing.reason == "missing in the new results under the same conditions: recipe.learning_rate 0.05 → 0.01"


def test_many_changed_conditions_are_cut():
    (result,) = trained((96.0,))
    recipe = replace(result.case.recipe, learning_rate=0.01, gamma=0.2, momentum=0.8, batch_size=7, warmup_epochs=1)
    said = missing_because(result.case, [[replace(result, case=replace(result.case, recipe=recipe))]])
    assert said.endswith("recipe.gamma 0.1 → 0.2 and 2 more changes")


def test_quick_results_are_named_and_never_compared():
    quick = [other(mode="quick", at=at) for at in ("2026", AFTER)]
    verdict = compare_results([*before(), quick[0]], [*trained(), quick[1]], limits())
    assert reasons(verdict) == [
        ("digits resnet20", f"quick mode in the {name}, which measures nothing", False)
        for name in ("baseline", "new results")
    ]
    assert (len(verdict.comparisons), verdict.exit_code) == (5, 0)
