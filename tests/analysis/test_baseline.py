from dataclasses import replace

import pytest

from harness.analysis.baseline import compare_results, missing_because
from tests.helpers.guarding import AFTER, before, limits, trained, violated
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


def with_case(results, **changes):
    """Return the results with another learning rate, network or other conditions."""
    if "learning_rate" in changes:
        changes["recipe"] = replace(results[0].case.recipe, learning_rate=changes.pop("learning_rate"))
    return [replace(one, case=replace(one.case, **changes)) for one in results]


def changes_of(verdict):
    return [(one.case, *one.changes) for one in verdict.changed]


@pytest.mark.parametrize(
    ("change", "named"),
    [({"network": "b"}, "network a → b"), ({"learning_rate": 0.01}, "recipe.learning_rate 0.05 → 0.01")],
)
def test_a_changed_network_or_recipe_is_compared_and_named(change, named):
    base = with_case(before(), network="a")
    new = with_case(trained((90.0, 90.2, 90.1), params=99_999), **({"network": "a"} | change))
    verdict = compare_results(base, new, limits())
    assert changes_of(verdict) == [("digits resnet8", named)]
    assert violated(verdict) == ["accuracy_percent", "params"]
    assert not verdict.not_compared


@pytest.mark.parametrize("change", [{"precision": "bf16"}, {"val_split": 0.1}, {"network": "a"}])
def test_a_case_under_other_conditions_is_missing_with_the_difference(change):
    (missing, new) = compare_results(before(), with_case(trained(), **change), limits()).not_compared
    ((name, value),) = change.items()
    assert missing.reason.startswith(f"missing in the new results under the same conditions: {name} ")
    assert missing.reason.endswith(f"→ {value}")
    assert new.reason == "the baseline has no such case"


def test_a_recipe_beside_the_baselines_own_is_a_new_case():
    added = with_case(trained((50.0, 50.0, 50.0)), learning_rate=0.01)
    verdict = compare_results(before(), [*trained(), *added], limits())
    assert reasons(verdict) == [("digits resnet8 (recipe.learning_rate 0.01)", "the baseline has no such case", False)]
    assert (violated(verdict), verdict.exit_code) == ([], 0)


def test_a_changed_network_beside_its_earlier_version_is_compared():
    base, kept = with_case(before(), network="a"), with_case(trained(), network="a")
    verdict = compare_results(base, [*kept, *with_case(trained(params=99_999), network="b")], limits())
    assert changes_of(verdict) == [("digits resnet8 (network b)", "network a → b")]
    assert violated(verdict) == ["params"]


def test_an_earlier_network_in_the_baseline_is_not_missing():
    base = [*with_case(before(params=99_999), network="a"), *with_case(trained(), network="b")]
    new = [replace(one, started_at="2027", finished_at="2027") for one in trained()]
    verdict = compare_results(base, with_case(new, network="b"), limits())
    assert [one[1:] for one in reasons(verdict)] == [
        ("an earlier network of this model; a later one is in the baseline", False)
    ]
    assert (len(verdict.comparisons), verdict.exit_code) == (5, 0)


def test_own_models_are_compared_beside_others():
    own = [*with_case(before(), model="mynet", network="a"), *with_case(trained(), model="mynet", network="b")]
    own = [replace(one, model="mynet") for one in own]
    verdict = compare_results([*own[:3], *before()], [*own[3:], *trained()], limits())
    assert changes_of(verdict) == [("digits mynet", "network a → b")]
    assert (len(verdict.comparisons), verdict.exit_code) == (10, 0)


def test_networks_tried_in_between_are_not_compared():
    tried = with_case(trained(params=99_999, at="2026-11-23T13:00:00.000+00:00"), network="b")
    verdict = compare_results(with_case(before(), network="a"), [*tried, *with_case(trained(), network="c")], limits())
    assert [one[1:] for one in reasons(verdict)] == [
        ("an earlier network of this model; a later one is in the new results", False)
    ]
    assert [one.changes for one in verdict.changed] == [("network a → c",)]
    assert (violated(verdict), verdict.exit_code) == ([], 0)


def test_a_changed_network_is_compared_with_the_latest_in_the_baseline():
    base = [*with_case(before(params=99_999), network="a"), *with_case(trained(), network="b")]
    new = [replace(one, started_at="2027", finished_at="2027") for one in trained(params=80_000)]
    verdict = compare_results(base, with_case(new, network="c"), limits())
    assert changes_of(verdict) == [("digits resnet8 (network c)", "network b → c")]
    assert violated(verdict) == ["params"]


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
