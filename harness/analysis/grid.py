"""The grid of a study: the measured models of one family by depth and width, on and off the two axes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import null_space

from harness.analysis.evidence import Evidence

Cell = tuple[int, float]
"""A depth and a width."""


@dataclass(frozen=True)
class Grid:
    """The models of one family that have results, by depth and width; cells may be missing.

    Attributes:
        cells: the models by (depth, width), the shallowest and narrowest first.
    """

    cells: Mapping[Cell, str]

    @property
    def models(self) -> list[str]:
        return list(self.cells.values())

    @cached_property
    def depths(self) -> list[int]:
        return sorted({depth for depth, _ in self.cells})

    @cached_property
    def widths(self) -> list[float]:
        return sorted({width for _, width in self.cells})

    @property
    def corner(self) -> tuple[Cell, Cell]:
        """The shallowest and narrowest place, and the deepest and widest one, measured or not."""
        return (self.depths[0], self.widths[0]), (self.depths[-1], self.widths[-1])

    @cached_property
    def additive(self) -> NDArray[np.float64]:
        """The design of the additive model, (cells, depths + widths): one effect of each depth and each width."""
        return np.array(
            [
                [*(depth == one for one in self.depths), *(width == one for one in self.widths)]
                for depth, width in self.cells
            ],
            dtype=float,
        )

    @cached_property
    def interactions(self) -> NDArray[np.float64]:
        """Independent contrasts of cells that are 0 if depth and width add up, (contrasts, cells)."""
        return np.asarray(null_space(self.additive.T).T, dtype=np.float64)

    @cached_property
    def joint_growth(self) -> NDArray[np.float64]:
        """Each cell's place along depth times that along width, on logarithmic scales of 0 to 1, (cells,)."""
        places = np.log2(np.array(list(self.cells), dtype=float))
        return np.asarray(np.prod((places - places.min(axis=0)) / np.ptp(places, axis=0), axis=1), dtype=np.float64)


def find_grid(evidence: Evidence) -> Grid | None:
    """Return the grid whose cells can tell interaction from addition, such as 2 × 2; None without one.

    Of several families it is the base model's, then the one with the most cells.
    """
    families: dict[str, dict[Cell, str]] = {}
    for model, point in evidence.points.items():
        if point.depth is not None and point.width is not None:
            families.setdefault(point.family, {})[point.depth, point.width] = model
    base = None if evidence.axes is None else evidence.points[evidence.axes.base].family
    found = [(family == base, len(cells), Grid(dict(sorted(cells.items())))) for family, cells in families.items()]
    grids = [one for one in found if len(one[2].interactions)]
    return max(grids, key=lambda one: one[:2])[2] if grids else None
