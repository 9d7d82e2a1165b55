"""True marginal gain of depth and width.

The paper's marginal gain (equation 6) is an average: accuracy over seconds. The true one is Δaccuracy over Δcost from
the base model.
"""

from dataclasses import dataclass

from harness.analysis.axes import AXES, Axis
from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.evidence import COSTS, Evidence, Measure
from harness.analysis.stats import Interval, mean_interval


@dataclass(frozen=True)
class TrueGain:
    """The gain in accuracy of a model over the base model, and the same per unit of cost.

    Attributes:
        accuracy: Δaccuracy in percentage points, tested.
        per_cost: by name of the cost, Δaccuracy over Δcost in percentage points per second of training or of use, per
            parameter or per multiply-accumulate; the mean of the seeds' quotients. None if a cost is unknown, or if
            the model cost no more than the base for any of the seeds.
    """

    axis: Axis
    model: str
    base: str
    accuracy: Comparison
    per_cost: dict[Measure, Interval | None]


def true_gains(comparisons: Comparisons) -> list[TrueGain]:
    """Return the true marginal gain of every model on an axis, depth first."""
    evidence = comparisons.evidence
    axes = evidence.axes
    if axes is None:
        return []
    found = []
    for axis in AXES:
        for model in axes.along(axis)[1:]:
            accuracy = comparisons.of(model, axes.base)
            if accuracy is not None:
                per_cost = {cost: _gain_per(evidence, model, axes.base, cost) for cost in COSTS}
                found.append(TrueGain(axis, model, axes.base, accuracy, per_cost))
    return found


def _gain_per(evidence: Evidence, model: str, base: str, cost: Measure) -> Interval | None:
    gained, spent = (_increase(evidence, model, base, measure) for measure in ("accuracy_percent", cost))
    seeds = sorted(gained.keys() & spent.keys())
    if not seeds or min(spent[seed] for seed in seeds) <= 0:
        return None
    return mean_interval([gained[seed] / spent[seed] for seed in seeds])


def _increase(evidence: Evidence, model: str, base: str, measure: Measure) -> dict[int, float]:
    """Return the model's value of a measure minus the base's, by seed."""
    ours, theirs = evidence.values(model, measure), evidence.values(base, measure)
    return {seed: ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()}
