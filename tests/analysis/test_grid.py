"""The grid of a study: its cells, and the contrasts that tell interaction from addition."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.grid import Grid, find_grid
from tests.analysis.grids import GRID
from tests.analysis.synthetic_evidence import study


def names(*models):
    return study({model: [90.0] for model in models})


def test_models_off_the_axes_are_cells():
    grid = find_grid(names("resnet20", "resnet56", "resnet20-2", "resnet56-2"))
    assert grid.cells == {
        (20, 1): "resnet20",
        (20, 2): "resnet20-2",
        (56, 1): "resnet56",
        (56, 2): "resnet56-2",
    }
    assert grid.corner == ((20, 1), (56, 2))


@pytest.mark.parametrize(
    "models",
    [
        (),
        ("resnet20",),
        ("resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4"),
        ("resnet20", "resnet56", "resnet20-2", "preresnet56-2"),
        ("resnet20", "resnet56-2"),
    ],
)
def test_two_axes_alone_are_no_grid(models):
    assert find_grid(names(*models)) is None


def test_the_base_models_family_is_preferred_and_any_other_found():
    wide = ("wrn16", "wrn16-2", "wrn28", "wrn28-2")
    both = names("resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4", "resnet56-2", *wide)
    assert set(find_grid(both).models) == set(both.models) - set(wide)
    lines = names("resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4", *wide)
    assert set(find_grid(lines).models) == set(wide)


def test_networks_without_a_place_in_a_family_are_no_cells():
    whole = names("resnet20", "resnet56", "resnet20-2", "resnet56-2")
    points = whole.points | {"resnet56-2": replace(whole.points["resnet56-2"], depth=None, width=None)}
    vars(whole)["points"] = points
    assert find_grid(whole) is None


@given(st.sets(st.tuples(st.sampled_from([8, 20, 56, 110]), st.sampled_from([0.5, 1, 2, 4])), min_size=2))
def test_contrasts_are_all_that_addition_leaves(cells):
    grid = Grid({cell: str(cell) for cell in sorted(cells)})
    assert len(grid.interactions) == len(cells) - np.linalg.matrix_rank(grid.additive)
    assert np.allclose(grid.interactions @ grid.additive, 0)
    assert np.allclose(grid.interactions @ grid.interactions.T, np.eye(len(grid.interactions)))


def test_joint_growth_is_one_at_the_far_corner_and_none_along_edges():
    grid = find_grid(names(*GRID))
    growth = dict(zip(grid.models, grid.joint_growth, strict=True))
    assert growth["resnet110-4"] == 1
    assert growth["resnet110-2"] == 0.5
    assert {growth[model] for model in ("resnet20", "resnet20-4", "resnet56", "resnet110")} == {0}
