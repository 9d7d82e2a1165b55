import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from harness.analysis.budgets import verdicts_of
from harness.analysis.comparison import Comparisons
from harness.analysis.cost_comparisons import compare_at_each_cost
from tests.analysis.synthetic_evidence import study

MEANS = {"resnet20": 89.0, "resnet56": 90.0, "resnet110": 89.6, "resnet20-2": 90.9, "resnet20-4": 92.0}


def compared(seeds):
    generator = np.random.default_rng(2)
    values = {model: list(generator.normal(mean, 0.2, seeds)) for model, mean in MEANS.items()}
    comparisons = Comparisons(study(values))
    verdicts = verdicts_of(comparisons)
    return comparisons, verdicts, compare_at_each_cost(comparisons, verdicts)


def test_dearest_cost_has_the_numbers_of_the_budgets_verdict():
    _, verdicts, found = compared(5)
    decided = {one.point.measure: one for one in found if one.family == "budget"}
    by_cost = {one.budget: one for one in verdicts if one.budget != "scale_factor"}
    assert decided.keys() == by_cost.keys() == {"total_seconds", "params", "macs"}
    for cost, one in decided.items():
        same = by_cost[cost]
        assert (one.interval, one.p_alone, one.p_value) == (same.interval, same.p_alone, same.p_value)
        assert one.point.cost == same.cost == max(two.point.cost for two in found if two.point.measure == cost)


def test_exploratory_costs_are_one_family_of_their_own():
    comparisons, _, found = compared(5)
    explored = [one for one in found if one.family == "exploratory"]
    assert len(explored) == len(found) - 3 >= 3
    alone = [one.p_alone for one in explored]
    assert [one.p_value for one in explored] == pytest.approx(list(multipletests(alone, method="holm")[1]))
    assert {one.interval.confidence for one in explored} == {1 - 0.05 / len(explored)}
    for one in explored:
        mean = {model: comparisons.evidence.mean(model, "accuracy_percent").mean for model in one.point.contrast}
        cheaper, dearer = one.point.between
        costs = [comparisons.evidence.mean(model, one.point.measure).mean for model in (cheaper, dearer)]
        share = math.log(one.point.cost / costs[0]) / math.log(costs[1] / costs[0])
        other = (1 - share) * mean[cheaper] + share * mean[dearer]
        sign = 1 if one.point.axis == "width" else -1
        assert one.interval.mean == pytest.approx(sign * (mean[one.point.model] - other))
        assert (one.interval.low <= 0 <= one.interval.high) or one.p_value < 0.05


def test_one_run_each_is_compared_without_a_test():
    _, _, found = compared(1)
    assert {one.family for one in found} == {"budget", "exploratory"}
    for one in found:
        assert (one.interval.low, one.interval.high, one.interval.n) == (None, None, 1)
        assert one.p_alone is one.p_value is None
        assert one.interval.mean != 0
