"""True marginal gain of depth and width, and the threshold beyond which an axis stops paying.

The paper's marginal gain (equation 6) is an average: accuracy over seconds. The true one is Δaccuracy over Δcost from
the base model.
"""

from dataclasses import dataclass

from harness.analysis.axes import Axis
from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.evidence import COSTS, Evidence, Measure
from harness.analysis.stats import Interval, mean_interval

AXES: tuple[Axis, ...] = ("depth", "width")


@dataclass(frozen=True)
class TrueGain:
    """The gain in accuracy of a model over the base model, and the same per unit of cost.

    Attributes:
        accuracy: Δaccuracy in percentage points, tested.
        per_cost: by name of the cost, Δaccuracy over Δcost in percentage points per second of training, per parameter
            or per multiply-accumulate; the mean of the seeds' quotients. None if a cost is unknown, or if
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


@dataclass(frozen=True)
class AxisStep:
    """The step from a model to the next one of its axis, and all later models that are better than it.

    Attributes:
        step: the next model compared with this one.
        better: the later models of the axis that are significantly above this one: the axis pays beyond it if any is.
    """

    step: Comparison
    better: tuple[str, ...]

    @property
    def model(self) -> str:
        return self.step.other


@dataclass(frozen=True)
class Threshold:
    """The point at which an axis stops paying: the first model that no later one is significantly above.

    Attributes:
        steps: the steps of the axis from the base on, as far as they were measured.
        at: that first model; the axis's last one if the axis pays to its end. None if nothing can be tested.
    """

    axis: Axis
    steps: tuple[AxisStep, ...]
    at: str | None

    @property
    def word(self) -> str:
        """The paper's term for a network beyond the threshold."""
        return "overwidened" if self.axis == "width" else "overdeepened"

    @property
    def last(self) -> str:
        """The last model of the axis."""
        return self.steps[-1].step.model

    @property
    def pays_to_the_end(self) -> bool:
        return self.at == self.last


def thresholds(comparisons: Comparisons) -> list[Threshold]:
    """Return the practical threshold of each axis that has a measured step."""
    axes = comparisons.evidence.axes
    if axes is None:
        return []
    found = []
    for axis in AXES:
        models = axes.along(axis)
        steps = tuple(
            AxisStep(step, tuple(one for one in models[place + 1 :] if _is_better(comparisons, one, model)))
            for place, model in enumerate(models[:-1])
            if (step := comparisons.of(models[place + 1], model)) is not None
        )
        if steps:
            first = next((one.model for one in steps if not one.better), steps[-1].step.model)
            found.append(Threshold(axis, steps, None if comparisons.fit is None else first))
    return found


def _is_better(comparisons: Comparisons, model: str, other: str) -> bool:
    comparison = comparisons.of(model, other)
    return comparison is not None and comparison.is_better
