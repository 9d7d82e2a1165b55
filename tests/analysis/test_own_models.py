"""Answers about models of any family: own ones, named networks with given axes, and several families."""

from dataclasses import replace

import pytest

from harness.analysis.answer import Question, answer
from harness.analysis.axes import Axes
from harness.analysis.budgets import verdicts_of
from harness.analysis.comparison import Comparisons
from harness.analysis.missing_verdicts import missing_verdicts
from harness.analysis.power import Spread
from harness.analysis.wording import budget_cost_text
from harness.results.result import OwnNetwork
from tests.analysis.own_models import (
    GRID,
    built_in_result,
    declared,
    family_results,
    named_results,
    own_result,
    study_of,
)

LOW, MIDDLE, HIGH = (90.0, 90.3, 90.6), (92.0, 92.3, 92.7), (95.0, 95.3, 95.5)
NAMED = {"small": LOW, "deeper": MIDDLE, "deepest": MIDDLE, "wider": HIGH, "widest": HIGH}
BOTH = declared("small", ["deeper", "deepest"], ["wider", "widest"])


def answered(evidence):
    return answer(Comparisons(evidence), evidence, Question(Spread(0.3, True)))


def test_an_own_familys_axes_are_those_of_its_grid():
    evidence = study_of(family_results({"mynet1": LOW, "mynet3": MIDDLE, "mynet1-0.5": LOW, "mynet1-2": HIGH}))
    assert evidence.axes == Axes("mynet1", ("mynet3",), ("mynet1-2",))
    assert evidence.axes.scales == {"mynet3": 3.0, "mynet1-2": 2.0}
    assert evidence.axes.counterparts == []  # three times as deep is not about twice as wide


def test_an_own_family_gets_a_verdict_at_each_budget():
    places = {"mynet2": (2, 1), "mynet4": (4, 1), "mynet2-2": (2, 2)}
    evidence = study_of(family_results({"mynet2": LOW, "mynet4": MIDDLE, "mynet2-2": HIGH}, places))
    found = answered(evidence)
    assert [one.budget for one in found.verdicts] == ["total_seconds", "params", "macs", "scale_factor"]
    assert "take mynet2-2" in found.headline
    assert budget_cost_text(found.verdicts[-1]) == "×2"


def test_narrower_models_are_named_as_on_no_axis():
    evidence = study_of(family_results({"mynet1": LOW, "mynet3": MIDDLE, "mynet1-0.5": LOW, "mynet1-2": HIGH}))
    assert (
        "Depth and width are compared from mynet1 on, without mynet1-0.5: base=… in the experiment mark chooses "
        "another base."
    ) in answered(evidence).cautions


def test_given_axes_pair_named_networks_by_their_steps():
    evidence = study_of(named_results(NAMED), BOTH)
    assert evidence.axes.counterparts == [("wider", "deeper"), ("widest", "deepest")]
    found = answered(evidence)
    assert budget_cost_text(found.verdicts[-1]) == "step 2"
    assert found.headline == "At every budget go wider: take widest."


def test_missing_named_network_does_not_change_other_pairs():
    evidence = study_of(named_results({name: NAMED[name] for name in NAMED if name != "deeper"}), BOTH)
    assert evidence.axes == Axes("small", ("deepest",), ("wider", "widest"))
    assert evidence.axes.counterparts == [("widest", "deepest")]


@pytest.mark.parametrize("missing", [{"small"}, {"deeper", "deepest", "wider", "widest"}])
def test_given_axes_without_base_or_other_models_are_none(missing):
    assert study_of(named_results({name: NAMED[name] for name in NAMED if name not in missing}), BOTH).axes is None


def test_newest_axes_with_results_are_used():
    first, newest = declared("deeper", ["deepest"]), declared("nosuch", ["deepest"])
    assert study_of(named_results(NAMED), BOTH, first).axes.base == "deeper"
    assert study_of(named_results(NAMED), first, BOTH, newest).axes.base == "small"


def test_given_base_chooses_the_family_of_the_axes():
    results = [built_in_result(model) for model in ("resnet8", "resnet14", "resnet8-2")]
    results += family_results({"mynet1": LOW[:1], "mynet3": LOW[:1]})
    assert study_of(results).axes.base == "resnet8"
    assert study_of(results, declared("mynet1")).axes == Axes("mynet1", ("mynet3",), ())


def test_given_axes_with_numbers_are_paired_by_scale_factor():
    results = family_results(dict.fromkeys(GRID, LOW))
    axes = study_of(results, declared("mynet1-0.5", ["mynet3"], ["mynet1", "mynet1-2"])).axes
    assert axes.scales == {"mynet3": 3.0, "mynet1": 2.0, "mynet1-2": 4.0}
    assert axes.counterparts == [("mynet1-2", "mynet3")]


def test_answer_without_axes_says_how_to_give_them():
    evidence = study_of(named_results({"small": LOW, "deeper": MIDDLE, "much-wider": HIGH}))
    found = answered(evidence)
    assert found.headline == (
        "No answer: no model is a deeper or wider one of another. Give base='small' and axes={'depth': […], "
        "'width': […]} in the experiment mark."
    )
    assert set(missing_verdicts(Comparisons(evidence), ()).values()) == {"no wider or deeper model here"}
    assert found.sentences[-1].startswith("Worth their training time: deeper and much-wider")


def test_verdicts_are_about_the_bases_family_and_say_so():
    results = [built_in_result(model, 0, 90.0) for model in ("resnet8", "resnet14", "resnet20", "resnet8-2")]
    results += family_results({"mynet1": LOW[:1], "mynet3": LOW[:1], "mynet1-2": LOW[:1]})
    evidence = study_of(results)
    assert evidence.axes.base == "resnet8"
    (caution,) = [one for one in answered(evidence).cautions if "without" in one]
    assert "compared from resnet8 on, without mynet1, mynet3 and mynet1-2:" in caution


def test_no_model_is_between_named_networks():
    evidence = study_of(named_results({"small": LOW, "deeper": MIDDLE}), BOTH)
    assert not evidence.has_models_between("small", "deeper")


def test_results_of_a_changed_network_are_not_pooled():
    old = [own_result("mynet1", seed, 50.0, place=(1, 1)) for seed in range(3)]
    changed = {"finished_at": "2026-12-01T12:00:00.000+00:00", "case_changes": {"network": "changed since"}}
    new = own_result("mynet1", 0, 90.0, place=(1, 1), **changed)
    evidence = study_of([new, *old])
    assert [run.result for run in evidence.runs] == [new]
    assert list(evidence.of_other_networks) == old
    assert set(map(id, evidence.results)) == set(map(id, [new, *old]))
    assert answered(evidence).cautions[-1] == (
        "Left out: 3 results of other networks named mynet1: the one trained last counts; --rerun trains the present "
        "one again."
    )


def test_caution_if_a_familys_code_changed_between_its_models():
    def trained(model, place, code, day):
        result = own_result(model, place=place, finished_at=f"2026-12-0{day}T12:00:00.000+00:00")
        return replace(result, network=OwnNetwork("mynet", *place, code=code))

    old = [trained("mynet2", (2, 1), "a", 1), trained("mynet1-2", (1, 2), "a", 1)]
    caution = (
        "Versions of mynet are mixed: mynet2 and mynet1-2 were trained before its code changed. Train all its models "
        "again."
    )
    assert answered(study_of([*old, trained("mynet1", (1, 1), "b", 2)])).cautions[0] == caution
    for same in ("a", ""):  # results of earlier versions have none
        assert caution not in answered(study_of([*old, trained("mynet1", (1, 1), same, 2)])).cautions


def test_equal_step_is_the_reason_without_counterparts():
    results = named_results({"small": LOW, "deepest": MIDDLE, "wider": HIGH})
    comparisons = Comparisons(study_of(results, BOTH))
    reasons = missing_verdicts(comparisons, verdicts_of(comparisons))
    assert reasons["scale_factor"] == "no wider and deeper model of the same step"
