import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from harness.analysis.equal_cost import at_equal_cost, pareto_front
from harness.analysis.evidence import COSTS, published_evidence
from tests.analysis.synthetic_evidence import numbers_in, study

THREE = {"resnet20": [90.0, 90.2], "resnet56": [91.0, 91.4], "resnet20-2": [92.0, 92.1]}
SECONDS = {"resnet20": 10.0, "resnet56": 40.0, "resnet20-2": 20.0}


def test_depth_is_interpolated_on_the_costs_logarithm_seed_by_seed():
    row = next(row for row in at_equal_cost(study(THREE, seconds=SECONDS)) if row.measure == "total_seconds")
    # 20 seconds lie half way between 10 and 40
    assert (row.model, row.between, row.cost) == ("resnet20-2", ("resnet20", "resnet56"), 2000)
    assert row.wide_percent == pytest.approx(92.05)
    assert row.deep_percent == pytest.approx((90.5 + 90.8) / 2)
    assert row.difference.p_value == pytest.approx(stats.ttest_1samp([1.5, 1.3], 0).pvalue)


def wide_at_equal_time(seconds):
    rows = at_equal_cost(study(THREE, seconds=seconds))
    return [row.model for row in rows if row.measure == "total_seconds" and row.axis == "width"]


def test_nothing_is_extrapolated():
    assert wide_at_equal_time(SECONDS | {"resnet20-2": 39.9}) == ["resnet20-2"]
    assert wide_at_equal_time(SECONDS | {"resnet20-2": 40.1}) == []
    assert wide_at_equal_time(SECONDS | {"resnet20-2": 9.9}) == []


def test_a_deep_model_is_set_against_width_at_its_cost():
    seconds = SECONDS | {"resnet20-2": 160.0}
    (row,) = [row for row in at_equal_cost(study(THREE, seconds=seconds)) if row.measure == "total_seconds"]
    # 40 seconds lie half way between 10 and 160; the difference is of wide over deep all the same
    assert (row.axis, row.model, row.between) == ("depth", "resnet56", ("resnet20", "resnet20-2"))
    assert row.deep_percent == pytest.approx(91.2)
    assert row.wide_percent == pytest.approx((90.1 + 92.05) / 2)
    assert row.difference.estimate == pytest.approx(row.wide_percent - row.deep_percent)


def test_p_values_at_equal_cost_are_corrected_over_all_of_a_studys_rows():
    rows = at_equal_cost(study(THREE, seconds=SECONDS))
    p_values = [row.difference.p_value for row in rows]
    assert len(rows) > 2
    assert [row.p_holm for row in rows] == pytest.approx(list(multipletests(p_values, method="holm")[1]))


@pytest.mark.parametrize(("time", "depth"), [(10.0, 90.1), (40.0, 91.2)])
def test_at_a_depths_own_cost_it_is_that_depths_accuracy(time, depth):
    rows = at_equal_cost(study(THREE, seconds=SECONDS | {"resnet20-2": time}))
    assert next(row for row in rows if row.measure == "total_seconds").deep_percent == pytest.approx(depth)


def test_models_without_a_seed_in_common_are_not_set_against_each_other():
    assert at_equal_cost(study(THREE | {"resnet20-2": {5: 92.0, 6: 92.1}})) == []


@pytest.mark.parametrize("models", [["resnet20"], ["resnet20", "resnet20-2"], ["resnet20", "resnet56"], []])
def test_without_width_and_depth_there_is_nothing_at_equal_cost(models):
    assert at_equal_cost(study({model: THREE[model] for model in models})) == []


def test_the_papers_rows_are_of_costs_that_its_depths_reach():
    rows = {(row.measure, row.model): row for row in at_equal_cost(published_evidence("cifar10"))}
    assert {key for key, row in rows.items() if row.axis == "width"} == {
        ("total_seconds", "resnet20-2"), ("params", "resnet20-2"), ("macs", "resnet20-2")
    }  # fmt: skip
    row = rows["params", "resnet20-2"]
    share = math.log(1_073_962 / 853_018) / math.log(1_727_962 / 853_018)
    assert row.deep_percent == pytest.approx(89.93 - share * 0.43)
    assert row.difference.p_value is None


def test_the_front_is_of_what_no_other_model_beats():
    accuracies = {"resnet20": [90.0], "resnet56": [89.0], "resnet20-2": [92.0], "resnet110": [92.0]}
    seconds = {"resnet20": 1.0, "resnet56": 2.0, "resnet20-2": 3.0, "resnet110": 4.0}
    front = pareto_front(study(accuracies, seconds=seconds), "total_seconds")
    assert [(one.model, one.beaten_by) for one in front] == [
        ("resnet20", None), ("resnet56", "resnet20"), ("resnet20-2", None), ("resnet110", "resnet20-2")
    ]  # fmt: skip


def test_models_alike_in_both_are_both_on_the_front():
    seconds = {"resnet20": 1.0, "resnet56": 1.0}
    front = pareto_front(study({"resnet20": [90.0], "resnet56": [90.0]}, seconds=seconds), "total_seconds")
    assert [one.beaten_by for one in front] == [None, None]


def test_with_how_many_seeds_a_model_is_on_the_front():
    front = {one.model: one for one in pareto_front(study({"resnet20": [90.0, 91.0, 90.0],
                                                           "resnet56": [91.0, 90.0]}), "macs")}  # fmt: skip
    assert (front["resnet56"].seeds_on_front, front["resnet56"].seeds) == (1, 2)
    assert (front["resnet20"].seeds_on_front, front["resnet20"].seeds) == (3, 3)


def test_a_model_without_times_is_on_no_front_of_times():
    evidence = study(THREE, seconds={"resnet20": {0: None, 1: None}})
    assert [one.model for one in pareto_front(evidence, "total_seconds")] == ["resnet56", "resnet20-2"]
    assert len(pareto_front(evidence, "params")) == 3
    assert pareto_front(study({}), "macs") == []


PERCENT = st.sampled_from([0.0, 10.0, 90.0, 90.01, 100.0])


@given(
    st.dictionaries(
        st.sampled_from(["resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4", "resnet24"]),
        st.dictionaries(st.integers(0, 3), st.tuples(PERCENT, st.sampled_from([None, 0.01, 1.0, 2.0])), min_size=1),
    )
)
def test_odd_studies_have_finite_numbers_and_somebody_on_the_front(drawn):
    accuracies, seconds = (
        {model: {seed: one[place] for seed, one in runs.items()} for model, runs in drawn.items()} for place in (0, 1)
    )
    evidence = study(accuracies, seconds=seconds)
    assert all(map(math.isfinite, numbers_in(at_equal_cost(evidence))))
    for measure in COSTS:
        front = pareto_front(evidence, measure)
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
def test_seeds_on_the_front_are_those_of_each_seed_taken_alone(runs):
    accuracies = {model: {seed: one[0] for seed, one in of.items()} for model, of in runs.items()}
    seconds = {model: {seed: one[1] for seed, one in of.items()} for model, of in runs.items()}
    for member in pareto_front(study(accuracies, seconds=seconds), "total_seconds"):
        found = 0
        for seed, (accuracy, time) in runs[member.model].items():
            others = [of[seed] for of in runs.values() if seed in of]
            found += not any(a >= accuracy and t <= time and (a, t) != (accuracy, time) for a, t in others)
        assert (member.seeds_on_front, member.seeds) == (found, len(runs[member.model]))
