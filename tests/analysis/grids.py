"""Studies of a grid of models with a known truth."""

import numpy as np

from harness.config.families import parse_model
from tests.analysis.synthetic_evidence import study

DEPTHS, WIDTHS = (20, 56, 110), (1, 2, 4)
GRID = tuple(f"resnet{depth}" if width == 1 else f"resnet{depth}-{width}" for depth in DEPTHS for width in WIDTHS)


def place(model):
    """Return a model's place along depth and along width, on logarithmic scales from 0 to 1."""
    point = parse_model(model)
    return tuple(
        np.log2(value / least) / np.log2(most / least)
        for value, least, most in ((point.depth, 20, 110), (point.width, 1, 4))
    )


def truth(model, growth=0.0, depth_points=1.0, width_points=2.0):
    """Return a model's true accuracy: 90 %, plus effects of depth and width, plus growth for both together."""
    along_depth, along_width = place(model)
    return 90 + depth_points * along_depth + width_points * along_width + growth * along_depth * along_width


def simulated(generator, truths, seeds=3, spread_points=0.3, factors=None):
    """Return a study with independent normal deviations around true accuracies; ``factors``: of the spread."""
    scales = spread_points * np.broadcast_to(1.0 if factors is None else factors, len(truths))
    return study(
        {
            model: [round(float(value), 2) for value in generator.normal(true, scale, seeds)]
            for (model, true), scale in zip(truths.items(), scales, strict=True)
        }
    )
