import math

from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.comparison import Comparisons
from harness.analysis.equal_cost import equal_costs
from harness.analysis.evidence import COSTS
from harness.analysis.pareto import models_on_front, models_worth_their_cost, pareto_points
from tests.analysis.synthetic_evidence import numbers_in, study

THREE = {"resnet20": [90.0, 90.2], "resnet56": [91.0, 91.4], "resnet20-2": [92.0, 92.1]}


def test_front_holds_models_that_no_other_beats():
    accuracies = {"resnet20": [90.0], "resnet56": [89.0], "resnet20-2": [92.0], "resnet110": [92.0]}
    seconds = {"resnet20": 1.0, "resnet56": 2.0, "resnet20-2": 3.0, "resnet110": 4.0}
    front = pareto_points(study(accuracies, seconds=seconds), "total_seconds")
    assert [(one.model, one.beaten_by) for one in front] == [
        ("resnet20", None), ("resnet56", "resnet20"), ("resnet20-2", None), ("resnet110", "resnet20-2")
    ]  # fmt: skip


def test_models_equal_in_both_are_both_on_the_front():
    seconds = {"resnet20": 1.0, "resnet56": 1.0}
    front = pareto_points(study({"resnet20": [90.0], "resnet56": [90.0]}, seconds=seconds), "total_seconds")
    assert [one.beaten_by for one in front] == [None, None]


def test_seeds_on_the_front_are_counted():
    front = {one.model: one for one in pareto_points(study({"resnet20": [90.0, 91.0, 90.0],
                                                           "resnet56": [91.0, 90.0]}), "macs")}  # fmt: skip
    assert (front["resnet56"].seeds_on_front, front["resnet56"].seeds) == (1, 2)
    assert (front["resnet20"].seeds_on_front, front["resnet20"].seeds) == (3, 3)


def test_model_without_times_is_not_on_a_front_of_times():
    evidence = study(THREE, seconds={"resnet20": {0: None, 1: None}})
    assert [one.model for one in pareto_points(evidence, "total_seconds")] == ["resnet56", "resnet20-2"]
    assert len(pareto_points(evidence, "params")) == 3
    assert pareto_points(study({}), "macs") == []


STEPS = {"resnet20": [90.0, 90.3, 90.1], "resnet56": [91.5, 91.9, 91.8], "resnet20-2": [91.8, 91.6, 92.1],
         "resnet20-4": [93.0, 93.4, 93.3], "resnet110": [90.5, 90.4, 90.9]}  # fmt: skip
COST = {"resnet20": 1.0, "resnet56": 2.0, "resnet20-2": 3.0, "resnet20-4": 4.0, "resnet110": 5.0}


def test_worth_its_cost_is_above_the_next_cheaper_on_the_front():
    comparisons = Comparisons(study(STEPS, seconds=COST))
    front = [one.model for one in models_on_front(comparisons.evidence, "total_seconds")]
    assert front == ["resnet20", "resnet56", "resnet20-2", "resnet20-4"]
    # 20-2 is on the front, 0.1 pp above 56: not shown to be worth its time; 20-4 is above 20-2
    assert models_worth_their_cost(comparisons, "total_seconds") == ["resnet56", "resnet20-4"]


def test_one_run_each_shows_no_model_to_be_worth_its_cost():
    comparisons = Comparisons(study({model: values[:1] for model, values in STEPS.items()}, seconds=COST))
    assert len(models_on_front(comparisons.evidence, "total_seconds")) > 1
    assert models_worth_their_cost(comparisons, "total_seconds") == []


def test_cheapest_model_alone_on_the_front_is_not_worth_more():
    comparisons = Comparisons(study({"resnet20": [92.0, 92.1], "resnet56": [90.0, 90.3], "resnet110": [88.0, 88.1]}))
    assert models_worth_their_cost(comparisons, "macs") == []


PERCENT = st.sampled_from([0.0, 10.0, 90.0, 90.01, 100.0])


@given(
    st.dictionaries(
        st.sampled_from(["resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4", "resnet24"]),
        st.dictionaries(st.integers(0, 3), st.tuples(PERCENT, st.sampled_from([None, 0.01, 1.0, 2.0])), min_size=1),
    )
)
def test_random_studies_have_finite_numbers_and_a_front(drawn):
    accuracies, seconds = (
        {model: {seed: one[place] for seed, one in runs.items()} for model, runs in drawn.items()} for place in (0, 1)
    )
    evidence = study(accuracies, seconds=seconds)
    assert all(map(math.isfinite, numbers_in(equal_costs(evidence))))
    for measure in COSTS:
        front = pareto_points(evidence, measure)
        assert all(map(math.isfinite, numbers_in(front)))
        assert not front or any(one.beaten_by is None for one in front)
        assert all(0 <= one.seeds_on_front <= one.seeds for one in front)


@given(
    st.dictionaries(
        st.sampled_from(["resnet20", "resnet32", "resnet56", "resnet20-2", "resnet20-4"]),
        st.dictionaries(
            st.integers(0, 4), st.tuples(st.sampled_from([90.0, 91.0, 92.0]), st.sampled_from([1.0, 2.0])), min_size=1
        ),
        min_size=1,
    )
)
def test_seeds_on_the_front_match_fronts_of_single_seeds(runs):
    accuracies = {model: {seed: one[0] for seed, one in of.items()} for model, of in runs.items()}
    seconds = {model: {seed: one[1] for seed, one in of.items()} for model, of in runs.items()}
    for member in pareto_points(study(accuracies, seconds=seconds), "total_seconds"):
        found = 0
        for seed, (accuracy, time) in runs[member.model].items():
            others = [of[seed] for of in runs.values() if seed in of]
            found += not any(a >= accuracy and t <= time and (a, t) != (accuracy, time) for a, t in others)
        assert (member.seeds_on_front, member.seeds) == (found, len(runs[member.model]))
