import numpy as np
import pytest

from harness.analysis.schedules import compare_schedules
from tests.analysis.budget_studies import SIX, SIZES
from tests.analysis.simulated_topics import EPOCHS, count_schedules, schedules
from tests.analysis.synthetic_evidence import study
from tests.helpers.marks import slow_first


def even(_model, _epochs):
    return 91.0


def wider(model, epochs):
    return 91.0 + ("-" in model) + {30: -1.0, 100: 0.0, 300: 0.5}[epochs]


def test_budgets_are_the_dearest_costs_that_both_axes_reach():
    found = compare_schedules(schedules(even))
    assert found.cost == "total_seconds"
    assert [one.epochs for one in found.verdicts] == list(EPOCHS)
    assert [one.cost for one in found.verdicts] == pytest.approx([27.0 * epochs for epochs in EPOCHS])


def test_each_axis_has_its_best_model_and_schedule_within_the_budget():
    best = {("resnet20-4", 30): 96.0, ("resnet20", 100): 95.0, ("resnet20-8", 300): 99.0}
    found = compare_schedules(schedules(lambda model, epochs: best.get((model, epochs), 91.0)))
    first, _, last = found.verdicts
    assert (first.wide.name, first.deep.name) == ("resnet20-4 for 30 epochs", "resnet20 for 100 epochs")
    assert first.outcome == "wider"
    assert first.take.name == "resnet20-4 for 30 epochs"
    assert all(one.wide.cost <= 1.1 * one.cost and one.deep.cost <= 1.1 * one.cost for one in found.verdicts)
    assert last.wide.epochs != 300  # resnet20-8 there costs more than any deep model


def test_budgets_that_allow_only_the_base_of_an_axis_are_left_out():
    """At 30 epochs the wide model costs more than the deep one, and it has no shorter schedule."""
    seconds = {"resnet20": 5.0, "resnet110": 10.0, "resnet20-4": 20.0}
    studies = {
        epochs: study(
            {model: [90.0, 90.2, 90.1] for model in seconds}, epochs=epochs,
            seconds={model: second * epochs / 100 for model, second in seconds.items()},
        )
        for epochs in (30, 100)
    }  # fmt: skip
    assert [one.epochs for one in compare_schedules(studies).verdicts] == [100]
    assert compare_schedules({30: studies[30]}).verdicts == ()


def test_planted_lead_is_found_at_three_seeds():
    found = compare_schedules(schedules(wider, spread=0.2))
    assert [one.outcome for one in found.verdicts] == ["wider"] * 3
    for one in found.verdicts:
        assert one.interval.low < 1.0 < one.interval.high
        assert one.p_alone <= one.p_value < 0.05


def test_a_look_of_several_is_tested_at_its_level():
    studies = schedules(wider, spread=0.2)
    at_all, at_look = compare_schedules(studies), compare_schedules(studies, 1e-9)
    assert {one.outcome for one in at_look.verdicts} == {"no significant difference"}
    assert [one.p_value for one in at_look.verdicts] == [one.p_value for one in at_all.verdicts]
    assert all(one.interval.low < two.interval.low
               for one, two in zip(at_look.verdicts, at_all.verdicts, strict=True))  # fmt: skip


def test_mirrored_studies_have_mirrored_intervals():
    """Deeper is found as wider is: exchanged accuracies exchange the sides."""
    mirror = {"resnet56": "resnet20-2", "resnet110": "resnet20-4", "resnet20-2": "resnet56", "resnet20-4": "resnet110"}
    sizes = dict.fromkeys(("resnet20", *mirror), (1000000.0, 100000000.0))

    def compared(name):
        values = np.random.default_rng(8).normal(0, 0.2, (5, 3)) + np.array([[0], [0.1], [0.3], [1.0], [1.4]])
        return compare_schedules({
            epochs: study({name(model): list(90 + epochs / 100 + one) for model, one in
                           zip(sizes, values, strict=True)}, sizes=sizes, seconds=dict.fromkeys(sizes, 1.0))
            for epochs in (30, 100)
        }).verdicts  # fmt: skip

    for one, other in zip(compared(str), compared(lambda model: mirror.get(model, model)), strict=True):
        assert one.p_value == pytest.approx(other.p_value)
        assert one.interval.low == pytest.approx(-other.interval.high)
        assert {one.outcome, other.outcome} == {"wider", "deeper"}


def test_base_model_that_is_best_leaves_nothing_to_take():
    found = compare_schedules(schedules(lambda model, _: 95.0 if model == "resnet20" else 90.0))
    for one in found.verdicts:
        assert one.wide == one.deep
        assert (one.interval.mean, one.outcome, one.take) == (0.0, "no significant difference", None)


def test_one_run_each_is_compared_without_a_test():
    found = compare_schedules(schedules(wider, seeds=1))
    assert {one.outcome for one in found.verdicts} == {"one run each"}
    assert {one.p_value for one in found.verdicts} == {None}


def test_without_comparable_times_the_cost_is_macs_of_all_epochs():
    studies = {
        epochs: study({model: [91.0, 91.2, 91.1] for model in SIX}, sizes=SIZES, seconds=dict.fromkeys(SIX))
        for epochs in EPOCHS
    }
    found = compare_schedules(studies)
    assert found.cost == "macs"
    assert [one.cost for one in found.verdicts] == pytest.approx([254e6 * epochs for epochs in EPOCHS])


def test_studies_without_two_axes_are_not_compared():
    assert (
        compare_schedules({30: study({"resnet20": [90.0], "resnet56": [91.0]}), 100: study({"resnet20": [90.0]})})
        is None
    )


@pytest.mark.parametrize("seeds", slow_first(3, 2, 5))
def test_no_more_than_five_percent_of_equal_studies_have_a_winner(seeds):
    assert count_schedules(seeds, "equal", 0.0, 0, 500)["winner"] <= 25


def test_choice_of_the_best_of_many_makes_no_winner_of_noise():
    """Twelve candidates against nine of the same accuracy: the best of each differ, and no budget has a winner."""
    assert count_schedules(3, "equal", 0.0, 0, 10)["winner"] == 0
