"""Thresholds: the model of an axis beyond which more depth or width is not shown to pay."""

from dataclasses import dataclass

from harness.analysis.axes import AXES, Axis
from harness.analysis.comparison import Comparison, Comparisons


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
