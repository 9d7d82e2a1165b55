"""Addition against interaction: whether width gains as much in deep networks as in shallow ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analysis.comparison import Comparisons
from harness.analysis.fit import JointTest, Weights
from harness.analysis.grid import Grid
from harness.analysis.multiplicity import family_size, holm
from harness.analysis.power import detectable_contrast
from harness.analysis.stats import Interval


@dataclass(frozen=True)
class Interaction:
    """The two-way model of a grid, over seeds as blocks, and two tests that depth and width add up.

    Attributes:
        grid: the tested cells.
        left_out: the models of the other cells, with one run each.
        additive_percent: each tested model's accuracy if they added up, by least squares on the means.
        beyond_points: each model's mean minus that.
        growth: the gain of the widest over the narrowest model at the deepest minus that at the shallowest depth, if it
            changes evenly with the logarithms of depth and width; with its 1 − α interval.
        growth_p: the p-value of growth, corrected by Holm's method; None if there is nothing to test with.
        shape: the test for an interaction of any shape; None if there is nothing to test with, or if growth is the only
            shape, as in 2 × 2 cells.
        shape_p: its p-value, corrected likewise.
        detectable_points: the least growth that its test finds with 80 % power; None without a test.
        alpha: the level α of both tests together.
    """

    grid: Grid
    left_out: tuple[str, ...]
    additive_percent: Mapping[str, float]
    beyond_points: Mapping[str, float]
    growth: Interval
    growth_p: float | None
    shape: JointTest | None
    shape_p: float | None
    detectable_points: float | None
    alpha: float

    @property
    def is_found(self) -> bool:
        """True if one of the tests rejects addition."""
        return self.has_growth or (self.shape_p is not None and self.shape_p < self.alpha)

    @property
    def has_growth(self) -> bool:
        """True if width's gain is shown to grow or to fall with depth."""
        return self.growth_p is not None and self.growth_p < self.alpha


def find_interaction(comparisons: Comparisons, grid: Grid) -> Interaction | None:
    """Return the interaction of depth and width in a grid; None if the cells to test are no grid.

    Cells with one run are left out if others have more: one run that failed to learn would look like an interaction.
    """
    fit = comparisons.estimates
    repeated = {cell: model for cell, model in grid.cells.items() if len(comparisons.evidence.of(model)) > 1}
    left_out = tuple(model for cell, model in grid.cells.items() if repeated and cell not in repeated)
    grid = Grid(repeated) if repeated else grid
    if fit is None or not len(grid.interactions):
        return None
    growth = fit.contrast(_growth(grid))
    shapes = [_weights(grid, row) for row in grid.interactions]
    shape = fit.joint_test(shapes) if len(shapes) > 1 else None
    p_values = [growth.p_value, None if shape is None else shape.p_value]
    growth_p, shape_p = holm(p_values)
    means = np.array([fit.mean(model) for model in grid.models])
    deviations = grid.interactions.T @ (grid.interactions @ means)
    error, seeds = growth.standard_error, min(len(comparisons.evidence.of(model)) for model in grid.models)
    return Interaction(
        grid=grid,
        left_out=left_out,
        additive_percent=dict(zip(grid.models, (means - deviations).tolist(), strict=True)),
        beyond_points=dict(zip(grid.models, deviations.tolist(), strict=True)),
        growth=Interval(growth.estimate, *growth.interval(comparisons.alpha), seeds, 1 - comparisons.alpha),
        growth_p=growth_p,
        shape=shape,
        shape_p=shape_p,
        detectable_points=error and detectable_contrast(error, growth.df, comparisons.alpha / family_size(p_values)),
        alpha=comparisons.alpha,
    )


def _weights(grid: Grid, row: NDArray[np.float64]) -> Weights:
    return {model: float(weight) for model, weight in zip(grid.models, row, strict=True) if abs(weight) > 1e-12}


def _growth(grid: Grid) -> Weights:
    """Return the contrast that estimates how much joint growth adds to depth's and width's own effects."""
    beyond_addition = grid.interactions.T @ (grid.interactions @ grid.joint_growth)
    return _weights(grid, beyond_addition / (beyond_addition @ beyond_addition))
