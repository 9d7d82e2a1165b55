"""Addition against interaction, on grids with a known truth."""

import itertools

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from tests.analysis.grids import GRID, place, simulated, truth
from tests.analysis.simulated_topics import (
    NINE_SPREADS,
    count_interactions,
    detectable_growth,
    interaction_of,
    planted,
)
from tests.analysis.synthetic_evidence import study
from tests.helpers.marks import slow_first

SQUARE = ("resnet20", "resnet20-4", "resnet110", "resnet110-4")


def test_a_two_by_two_grid_has_one_test_of_the_double_difference():
    values = {
        "resnet20": [90.0, 90.4],
        "resnet20-4": [91.0, 91.1],
        "resnet110": [90.5, 90.9],
        "resnet110-4": [93, 92.7],
    }
    found = interaction_of(study(values))
    a, b, c, d = (np.array(values[model]) for model in SQUARE)
    assert found.growth.mean == pytest.approx((d - c - b + a).mean())
    assert found.shape is None
    assert found.shape_p is None
    assert found.growth.n == 2


def test_the_test_of_any_shape_is_the_two_way_analysis_of_variance():
    generator = np.random.default_rng(3)
    evidence = simulated(generator, {model: truth(model, 0.8) for model in GRID})
    rows = [
        {"y": value, "depth": place(model)[0], "width": place(model)[1], "seed": seed}
        for model in GRID
        for seed, value in evidence.values(model, "accuracy_percent").items()
    ]
    fitted = ols("y ~ C(seed) + C(depth) * C(width)", pd.DataFrame(rows)).fit()
    expected = anova_lm(fitted).loc["C(depth):C(width)"]
    shape = interaction_of(evidence).shape
    assert shape.df == (4, 16)
    assert (shape.statistic, shape.p_value) == pytest.approx((expected["F"], expected["PR(>F)"]))


def test_exact_growth_is_estimated_exactly_with_missing_cells_too():
    offsets = (-0.2, 0.1, 0.1)
    for models in (GRID, GRID[1:], GRID[:-1], ("resnet20", "resnet110", "resnet20-2", "resnet110-2", "resnet20-4")):
        values = {model: [truth(model, growth=-1.5) + one for one in offsets] for model in models}
        found = interaction_of(study(values))
        assert found.growth.mean == pytest.approx(-1.5)


def test_additive_accuracies_are_recovered_in_an_unbalanced_grid():
    generator = np.random.default_rng(0)
    values = {
        model: {
            seed: truth(model) + generator.normal(0, 0.05)
            for seed in range(1 if model == "resnet20" else 2 + place_in % 2)
        }
        for place_in, model in enumerate(GRID[:-1])
    }
    found = interaction_of(study(values))
    repeated = [model for model in values if len(values[model]) > 1]
    assert found.additive_percent == pytest.approx({model: truth(model) for model in repeated}, abs=0.25)
    assert not found.is_found
    assert found.growth.n == 2


def test_one_run_that_did_not_learn_is_no_interaction():
    evidence = simulated(np.random.default_rng(0), {model: truth(model) for model in GRID})
    values = {model: evidence.values(model, "accuracy_percent") for model in GRID}
    assert not interaction_of(study(values | {"resnet110-4": [70.0]})).is_found


def test_the_tested_cells_and_those_left_out_are_kept():
    values = {model: [truth(model), *([truth(model) + 0.1] if place(model)[0] else [])] for model in GRID}
    found = interaction_of(study(values))
    assert found.grid.corner == ((56, 1), (110, 4))
    assert found.left_out == ("resnet20", "resnet20-2", "resnet20-4")


def test_repeated_cells_along_one_line_are_no_grid():
    assert interaction_of(study({model: [truth(model)] * (2 if place(model)[0] == 1 else 1) for model in GRID})) is None


def test_one_run_each_is_not_tested():
    found = interaction_of(study({model: [truth(model, 5.0)] for model in GRID}))
    assert (found.growth_p, found.shape_p, found.detectable_points, found.is_found) == (None, None, None, False)
    assert found.growth.mean == pytest.approx(5.0)


def test_unequal_spreads_have_welchs_tests():
    factors = [0.1] * 6 + [6.0] * 3
    found = planted(np.random.default_rng(0), seeds=6, factors=factors)
    assert found.shape.method == "Welch"
    assert 0 <= found.shape_p <= 1


@pytest.mark.parametrize("growth", [-2.5, 2.5])
def test_the_direction_of_a_large_interaction_is_found(growth):
    found = planted(np.random.default_rng(1), growth)
    assert found.has_growth
    assert np.sign(found.growth.mean) == np.sign(growth)
    assert found.growth.low < growth < found.growth.high


def test_an_interaction_of_another_shape_is_found():
    generator = np.random.default_rng(2)
    truths = {model: truth(model) for model in GRID} | {"resnet56-2": truth("resnet56-2") + 3.0}
    found = interaction_of(simulated(generator, truths))
    assert found.is_found
    assert found.shape_p < 0.001


def share_found(studies, growth, seeds=3, spreads="equal"):
    return count_interactions(seeds, spreads, growth, 0, studies)["found"] / studies


def test_addition_is_seldom_called_interaction():
    assert share_found(80, 0.0) <= 0.05


def test_a_planted_interaction_is_found_at_three_seeds():
    assert share_found(60, 1.4) >= 0.7


@pytest.mark.parametrize(("seeds", "spreads"), slow_first((3, "growing"), *itertools.product((2, 3, 5), NINE_SPREADS)))
def test_addition_passes_in_95_percent_of_500_studies(seeds, spreads):
    assert share_found(500, 0.0, seeds, spreads) <= 0.05 + (spreads != "equal") * 0.015


@pytest.mark.parametrize("seeds", slow_first(3, 2, 5))
def test_planted_interactions_are_found_with_the_stated_power(seeds):
    stated = np.median(detectable_growth(seeds, 100))  # the median: each study's own spread makes its statement
    found = share_found(300, stated, seeds)
    assert 0.8 - 3 * np.sqrt(0.16 / 300) <= found <= 0.9
