"""Latency and throughput as budgets, on studies whose answer is known."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.budgets import budget_verdicts, verdicts_of
from harness.analysis.comparison import Comparisons
from harness.analysis.equal_cost import TIMING_ERROR
from harness.analysis.missing_verdicts import missing_verdicts
from harness.analysis.pareto import pareto_points
from tests.analysis.budget_studies import (
    BUDGETS,
    CLOSE,
    DEEPER,
    MEASURED_USE,
    SECONDS,
    SIX,
    USE,
    WIDER,
    by_budget,
    inference_times,
    means_of,
    noisy,
)
from tests.analysis.synthetic_evidence import grouped, study
from tests.helpers.synthetic import synthetic_result

THREE = {"resnet20": [90.0, 90.2, 90.4], "resnet56": [91.0, 91.3, 91.1], "resnet20-2": [92.0, 92.2, 92.5]}
GPU = {"resnet20": (2.00e-3, 1e-4), "resnet56": (5.3e-3, 3e-4), "resnet20-2": (1.99e-3, 2e-4)}


def reasons(evidence):
    comparisons = Comparisons(evidence)
    return missing_verdicts(comparisons, verdicts_of(comparisons))


def results_of(use=inference_times, **changes):
    """Return results of the paper's six models with three seeds, and times of use."""
    return [
        synthetic_result(
            "cifar10", model, seed, 90.0 + place + 0.1 * seed, SECONDS[model], inference=use(model), **changes
        )
        for place, model in enumerate(SIX)
        for seed in range(3)
    ]


def test_measured_use_adds_two_budgets_in_their_order():
    found = by_budget(noisy(WIDER, use=USE))
    assert list(found) == MEASURED_USE
    assert {one.outcome for one in found.values()} == {"wider"}
    assert found["macs"].correction == "joint over 6 budgets"
    latency, throughput = found["latency_seconds"], found["image_seconds"]
    assert (latency.cost, throughput.cost) == (10.4e-3, 3.2e-3)
    # within the timing error 20-4 and 110 have the same latency: they are compared themselves, with their one p
    assert (latency.wide.model, latency.deep.model) == ("resnet20-4", "resnet110")
    assert latency.p_value == found["scale_factor"].p_value
    assert throughput.wide.costs["image_seconds"] == pytest.approx(3.2e-3)
    assert (latency.take, throughput.take) == ("resnet20-4", "resnet20-2")  # 20-4 takes twice as long for a batch


def test_latency_can_decide_against_the_macs():
    # at 110's MACs depth is ahead; at its latency there is room for 20-4, which has 2.5 times the MACs
    found = by_budget(noisy(means_of((91.0, 92.5), (90.5, 93.5, 94.0)), use=USE))
    assert [found[one].outcome for one in ("macs", "latency_seconds", "image_seconds")] == ["deeper", "wider", "deeper"]


@pytest.mark.parametrize("lacking", [("resnet56", 1), ("resnet20-8", 0)])
def test_one_run_without_an_undisturbed_time_leaves_four_budgets(lacking):
    evidence = noisy(CLOSE, seeds=4, spread=0.4, use=USE | {lacking: (None, USE[lacking[0]][1])})
    assert list(by_budget(evidence)) == [one for one in MEASURED_USE if one != "latency_seconds"]
    assert reasons(evidence) == {"latency_seconds": "1 of 24 runs were disturbed or not measured"}


def test_older_results_have_the_same_answer_to_the_digit():
    """The numbers are those of the harness before it measured latency and throughput."""
    close = by_budget(noisy(CLOSE, seeds=4, spread=0.4))
    assert list(close) == BUDGETS
    p_values = [0.025672925353, 0.059128674725, 0.060892885801, 0.024415524149]
    assert [one.p_value for one in close.values()] == pytest.approx(p_values, abs=1e-12)
    lows = [0.0688749058, -0.017751335, -0.020886573, 0.0755067111]
    assert [one.interval.low for one in close.values()] == pytest.approx(lows, abs=1e-10)
    deeper = by_budget(noisy(DEEPER, seeds=2, spread=1.0)).values()
    p_values = [0.010689003167, 0.006480141238, 0.006505372956, 0.018048551628]
    assert [one.p_value for one in deeper] == pytest.approx(p_values, abs=1e-12)
    assert reasons(noisy(CLOSE)) == {}


def test_stored_results_give_undisturbed_times_with_all_threads():
    (evidence,) = grouped(*results_of())
    assert evidence.values("resnet20", "latency_seconds") == dict.fromkeys(range(3), USE["resnet20"][0])
    assert evidence.mean("resnet20-8", "image_seconds").mean == pytest.approx(USE["resnet20-8"][1])
    assert [one.budget for one in budget_verdicts(evidence)] == MEASURED_USE


def test_disturbed_times_are_no_budget():
    results = results_of()
    results[4] = replace(results[4], inference=inference_times("resnet56", is_disturbed=True))
    (evidence,) = grouped(*results)
    assert [one.budget for one in budget_verdicts(evidence)] == BUDGETS
    assert reasons(evidence)["image_seconds"] == "1 of 18 runs were disturbed or not measured"


@pytest.mark.parametrize(
    ("changes", "is_compared"),
    [
        ({"cpu": "another"}, False),
        ({"threads": 8}, False),
        ({"versions": {"torch": "2.16.0"}}, False),
        ({"node": "another"}, True),
    ],
)
def test_times_of_use_are_compared_under_the_same_conditions_only(changes, is_compared):
    *others, last = results_of()
    last = replace(last, environment=dict(last.environment) | changes)  # the attempt that trained is as the others'
    (evidence,) = grouped(*others, last)
    assert ([one.budget for one in budget_verdicts(evidence)] == MEASURED_USE) is is_compared
    if not is_compared:
        assert evidence.values("resnet20", "latency_seconds") == {}
        assert reasons(evidence)["latency_seconds"] == "times were measured under different conditions"


def test_wider_model_as_fast_as_the_base_is_compared_with_the_base():
    """On a GPU the latency of one image hardly depends on the width: the base may be measured a little slower."""
    one = by_budget(study(THREE, use=GPU))["latency_seconds"]
    assert (one.wide.weights, one.deep.weights) == ({"resnet20-2": 1.0}, {"resnet20": 1.0})
    beyond = GPU | {"resnet20-2": (2.00e-3 / TIMING_ERROR / 1.01, 2e-4)}
    evidence = study(THREE, use=beyond)
    assert "latency_seconds" not in by_budget(evidence)
    assert reasons(evidence) == {"latency_seconds": "the wider and the deeper models have no latency in common"}


def test_front_of_latency_has_its_own_models():
    evidence = noisy(means_of((90.5, 91.0), (90.8, 93.0, 93.5)), use=USE)
    front = [one.model for one in pareto_points(evidence, "latency_seconds") if one.beaten_by is None]
    assert front == ["resnet20", "resnet20-2", "resnet110", "resnet20-4", "resnet20-8"]


TIMES = st.sampled_from([None, 1e-4, 1.02e-4, 3e-4, 1e-2, 2.0])


@given(st.lists(st.tuples(TIMES, TIMES), min_size=6, max_size=6), st.integers(1, 3))
@settings(deadline=None, max_examples=12)  # the joint t is slow
def test_verdicts_at_any_times_of_use_are_coherent(times, seeds):
    evidence = noisy(WIDER, seeds=seeds, use=dict(zip(SIX, times, strict=True)))
    found = by_budget(evidence)
    assert [one for one in MEASURED_USE if one in found] == list(found)
    for place, measure in enumerate(("latency_seconds", "image_seconds")):
        if any(time[place] is None for time in times):
            assert measure not in found
        elif measure in found:
            wide, deep = found[measure].wide, found[measure].deep
            assert wide.costs[measure] == pytest.approx(deep.costs[measure], rel=TIMING_ERROR - 1 + 1e-6)
    missing = [one for one in MEASURED_USE if one not in found]
    expected = missing if evidence.has_use_times else [one for one in missing if one in BUDGETS]
    assert list(reasons(evidence)) == expected
