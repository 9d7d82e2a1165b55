"""The model to take for a budget, among models with a known truth."""

import itertools

import numpy as np
import pytest

from harness.analysis.affordable import MAX_CHOICES, Affordable
from harness.analysis.comparison import Comparisons
from tests.analysis.grids import GRID, simulated, truth
from tests.analysis.simulated_topics import TRUTHS, count_best_models
from tests.analysis.synthetic_evidence import study
from tests.helpers.marks import slow_first

FAR_APART = {"resnet20": [90.0, 90.2], "resnet56": [95.0, 95.1], "resnet20-2": [93.0, 93.3], "resnet56-2": [98.0, 98.1]}


def choices(evidence, measure="params"):
    return Affordable(Comparisons(evidence)).choices(measure)


def test_each_range_takes_the_most_accurate_affordable_model():
    found = choices(study(FAR_APART))
    assert [one.model for one in found] == ["resnet20", "resnet56", "resnet56-2"]
    assert [one.below for one in found] == [one.least for one in found[1:]] + [None]
    assert found[1].affordable == ("resnet20", "resnet56", "resnet20-2")
    assert [one.not_worse for one in found] == [("resnet20",), ("resnet56",), ("resnet56-2",)]


def test_equal_costs_count_as_affordable_together():
    found = choices(study(FAR_APART, sizes=dict.fromkeys(FAR_APART, (1000, 1e6))))
    assert [(one.model, one.least, one.below) for one in found] == [("resnet56-2", 1000, None)]


def test_none_of_equal_models_is_shown_to_be_worse():
    (*_, last) = choices(simulated(np.random.default_rng(0), dict.fromkeys(GRID, 90.0)))
    assert last.not_worse == last.affordable


def test_one_run_each_is_not_tested():
    assert {one.not_worse for one in choices(study({model: [90.0 + truth(model)] for model in GRID}))} == {None}


def test_two_models_with_one_run_are_not_tested_against_each_other():
    evidence = simulated(np.random.default_rng(0), {model: truth(model) for model in GRID})
    values = {model: evidence.values(model, "accuracy_percent") for model in GRID}
    values |= {"resnet20": [89.8], "resnet110-4": [93.0]}
    (*_, last) = choices(study(values))
    assert (last.model, last.untested) == ("resnet110-4", ("resnet20",))
    assert "resnet20" not in last.not_worse


def test_one_model_with_one_run_is_not_tested_if_spreads_are_not_pooled():
    generator = np.random.default_rng(0)
    evidence = simulated(generator, {model: truth(model) for model in GRID}, seeds=8, factors=[0.1] * 6 + [6.0] * 3)
    alone = study({model: evidence.values(model, "accuracy_percent") for model in GRID[1:]} | {"resnet20": [80.0]})
    assert Comparisons(alone).fit.is_pooled is False
    (*_, last) = choices(alone)
    assert last.untested == ("resnet20",)
    assert "resnet20" not in last.not_worse


def test_unknown_times_give_no_choices():
    assert choices(study(FAR_APART, seconds=dict.fromkeys(FAR_APART)), "total_seconds") == []


def test_many_choices_are_thinned_and_their_ends_kept():
    models = [f"resnet{6 * n + 2}" for n in range(1, 101)]
    found = choices(study({model: [50 + place / 3, 50.1 + place / 3] for place, model in enumerate(models)}))
    assert len(found) == MAX_CHOICES
    assert (found[0].model, found[-1].model, found[-1].below) == (models[0], models[-1], None)
    assert [len(one.affordable) for one in found] == [models.index(one.model) + 1 for one in found]


def share_kept(kind, studies, seeds):
    found = count_best_models(kind, seeds, 0, studies)
    return found["kept"] / found["choices"]


@pytest.mark.parametrize("kind", ["apart", "growing"])
def test_the_best_of_few_studies_models_is_rarely_excluded(kind):
    assert share_kept(kind, 25, 3) >= 0.95


@pytest.mark.parametrize(("seeds", "kind"), slow_first((3, "apart"), *itertools.product((2, 3, 5), TRUTHS)))
def test_the_best_model_is_rarely_excluded(seeds, kind):
    assert share_kept(kind, 200, seeds) >= 0.95
