"""Laws of error against cost along an axis, kept only if they predict left-out models."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from statsmodels.regression.linear_model import OLS

from harness.analysis.axes import AXES, Axis
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import COSTS, Measure
from harness.analysis.stats import SIGNIFICANCE, Interval

LEAST_MODELS = 4
"""Models of an axis, the base among them, that a law takes."""
_NEXT = 2.0  # times the dearest cost: where the law predicts
_Points = NDArray[np.float64]
_Predict = Callable[[_Points, _Points, float], float]


@dataclass(frozen=True)
class CostLaw:
    """A power law, error = a · cost^exponent, through the mean errors of an axis's models.

    Attributes:
        models: the number of points.
        exponent: with its 95 % interval.
        errors_points: the root mean square error, in percentage points, of predicting each model from the others, by
            ``law`` and by their ``mean``; and of the models between others by ``law between`` and ``interpolation``.
        cost: twice the dearest model's.
        accuracy_percent: the prediction at that cost with its 95 % interval for one more model.
    """

    axis: Axis
    measure: Measure
    models: int
    exponent: Interval
    errors_points: dict[str, float]
    cost: float
    accuracy_percent: Interval

    @property
    def is_kept(self) -> bool:
        """True if the law predicts left-out models better than the mean does, and no worse than interpolation."""
        of = self.errors_points
        return of["law"] < of["mean"] and of["law between"] <= of["interpolation"]


def cost_laws(comparisons: Comparisons) -> list[CostLaw]:
    """Return the law of each axis with four models or more and of each cost, kept or not."""
    axes, found = comparisons.evidence.axes, []
    for axis in AXES if axes is not None else ():
        for measure in COSTS:
            costs, errors = _points(comparisons, axes.along(axis) if axes is not None else (), measure)
            if len(set(costs)) >= LEAST_MODELS and errors.min() > 0:
                found.append(_law(axis, measure, costs, errors))
    return found


def _points(comparisons: Comparisons, models: tuple[str, ...], measure: Measure) -> tuple[_Points, _Points]:
    """Return the costs of models and their mean errors in percent, cheapest first."""
    found = [
        (cost.mean, 100 - comparisons.mean(model))
        for model in models
        if (cost := comparisons.evidence.mean(model, measure)) is not None and cost.mean > 0
    ]
    costs, errors = np.array(sorted(found), dtype=float).reshape(-1, 2).T
    return costs, errors


def _law(axis: Axis, measure: Measure, costs: _Points, errors: _Points) -> CostLaw:
    x, y = np.log(costs), np.log(errors)
    fitted = OLS(y, np.column_stack([np.ones_like(x), x])).fit()
    low, high = (float(end) for end in fitted.conf_int(SIGNIFICANCE)[1])
    then = float(_NEXT * costs.max())
    ahead = fitted.get_prediction([[1.0, np.log(then)]])
    worst, best = (float(min(100.0, np.exp(end))) for end in ahead.conf_int(obs=True, alpha=SIGNIFICANCE)[0][::-1])
    confidence, middle = 1 - SIGNIFICANCE, float(min(100.0, np.exp(ahead.predicted_mean[0])))
    inside = slice(1, -1)
    left_out = {name: _left_out_errors(x, errors, predict) for name, predict in _PREDICTIONS.items()}
    return CostLaw(
        axis,
        measure,
        len(costs),
        Interval(float(fitted.params[1]), low, high, len(costs), confidence),
        {
            "law": _root_mean_square(left_out["law"]),
            "mean": _root_mean_square(left_out["mean"]),
            "law between": _root_mean_square(left_out["law"][inside]),
            "interpolation": _root_mean_square(left_out["interpolation"][inside]),
        },
        then,
        Interval(100 - middle, 100 - worst, 100 - best, len(costs), confidence),
    )


def _predict_by_law(x: _Points, errors: _Points, at: float) -> float:
    slope, intercept = np.polyfit(x, np.log(errors), 1)
    return float(np.exp(np.clip(slope * at + intercept, -50.0, np.log(100))))


def _predict_by_mean(_: _Points, errors: _Points, __: float) -> float:
    return float(errors.mean())


def _predict_by_interpolation(x: _Points, errors: _Points, at: float) -> float:
    return float(np.interp(at, x, errors))


_PREDICTIONS: dict[str, _Predict] = {
    "law": _predict_by_law,
    "mean": _predict_by_mean,
    "interpolation": _predict_by_interpolation,
}


def _left_out_errors(x: _Points, errors: _Points, predict: _Predict) -> _Points:
    """Return each point's prediction from the others minus its value."""
    others = [np.arange(len(x)) != place for place in range(len(x))]
    return np.array([predict(x[kept], errors[kept], x[~kept][0]) for kept in others]) - errors


def _root_mean_square(values: _Points) -> float:
    return float(np.sqrt(np.mean(values**2)))
