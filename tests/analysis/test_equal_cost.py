import math

import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from harness.analysis.equal_cost import compare_at_equal_cost
from harness.analysis.evidence import published_evidence
from tests.analysis.synthetic_evidence import study

THREE = {"resnet20": [90.0, 90.2], "resnet56": [91.0, 91.4], "resnet20-2": [92.0, 92.1]}
SECONDS = {"resnet20": 10.0, "resnet56": 40.0, "resnet20-2": 20.0}


def test_depth_is_interpolated_on_log_cost_seed_by_seed():
    row = next(row for row in compare_at_equal_cost(study(THREE, seconds=SECONDS)) if row.measure == "total_seconds")
    # 20 seconds are half way between 10 and 40 on the logarithm
    assert (row.model, row.between, row.cost) == ("resnet20-2", ("resnet20", "resnet56"), 2000)
    assert row.wide_percent == pytest.approx(92.05)
    assert row.deep_percent == pytest.approx((90.5 + 90.8) / 2)
    assert row.difference.p_value == pytest.approx(stats.ttest_1samp([1.5, 1.3], 0).pvalue)


def wide_at_equal_time(seconds):
    rows = compare_at_equal_cost(study(THREE, seconds=seconds))
    return [row.model for row in rows if row.measure == "total_seconds" and row.axis == "width"]


def test_nothing_is_extrapolated():
    assert wide_at_equal_time(SECONDS | {"resnet20-2": 39.9}) == ["resnet20-2"]
    assert wide_at_equal_time(SECONDS | {"resnet20-2": 40.1}) == []
    assert wide_at_equal_time(SECONDS | {"resnet20-2": 9.9}) == []


def test_deep_model_is_compared_with_width_at_its_cost():
    seconds = SECONDS | {"resnet20-2": 160.0}
    (row,) = [row for row in compare_at_equal_cost(study(THREE, seconds=seconds)) if row.measure == "total_seconds"]
    # 40 seconds are half way between 10 and 160; the difference is still wide minus deep
    assert (row.axis, row.model, row.between) == ("depth", "resnet56", ("resnet20", "resnet20-2"))
    assert row.deep_percent == pytest.approx(91.2)
    assert row.wide_percent == pytest.approx((90.1 + 92.05) / 2)
    assert row.difference.estimate == pytest.approx(row.wide_percent - row.deep_percent)


def test_p_values_at_equal_cost_are_corrected_over_all_rows():
    rows = compare_at_equal_cost(study(THREE, seconds=SECONDS))
    p_values = [row.difference.p_value for row in rows]
    assert len(rows) > 2
    assert [row.p_holm for row in rows] == pytest.approx(list(multipletests(p_values, method="holm")[1]))


@pytest.mark.parametrize(("time", "depth"), [(10.0, 90.1), (40.0, 91.2)])
def test_interpolation_at_a_models_own_cost_is_its_accuracy(time, depth):
    rows = compare_at_equal_cost(study(THREE, seconds=SECONDS | {"resnet20-2": time}))
    assert next(row for row in rows if row.measure == "total_seconds").deep_percent == pytest.approx(depth)


def test_no_equal_cost_comparison_without_a_common_seed():
    assert compare_at_equal_cost(study(THREE | {"resnet20-2": {5: 92.0, 6: 92.1}})) == []


@pytest.mark.parametrize("models", [["resnet20"], ["resnet20", "resnet20-2"], ["resnet20", "resnet56"], []])
def test_equal_cost_needs_both_axes(models):
    assert compare_at_equal_cost(study({model: THREE[model] for model in models})) == []


def test_paper_rows_stay_within_the_costs_of_its_depths():
    rows = {(row.measure, row.model): row for row in compare_at_equal_cost(published_evidence("cifar10"))}
    assert {key for key, row in rows.items() if row.axis == "width"} == {
        ("total_seconds", "resnet20-2"), ("params", "resnet20-2"), ("macs", "resnet20-2")
    }  # fmt: skip
    row = rows["params", "resnet20-2"]
    share = math.log(1_073_962 / 853_018) / math.log(1_727_962 / 853_018)
    assert row.deep_percent == pytest.approx(89.93 - share * 0.43)
    assert row.difference.p_value is None
