"""Changes in each class's recall by depth and by width."""

from dataclasses import dataclass

from harness.analysis.evidence import Evidence
from harness.analysis.multiplicity import holm
from harness.analysis.stats import SIGNIFICANCE, Difference, difference_by_seed, mean_interval


@dataclass(frozen=True)
class ClassChange:
    """One class's recall with the base model, and its change with the deeper and the wider model.

    Recall is the share of the class's test images that are classified correctly, in percent.

    Attributes:
        images: the class's images in the test set.
        base_percent: the base model's recall, mean over seeds.
        deeper, wider: the change from the base model in percentage points, paired by seed; None without such a model.
        alpha: the level α of both tests.
        deeper_p_holm, wider_p_holm: the p-values after Holm's correction over all classes and both models.
    """

    class_name: str
    images: int
    base_percent: float
    deeper: Difference | None
    wider: Difference | None
    deeper_p_holm: float | None = None
    wider_p_holm: float | None = None
    alpha: float = SIGNIFICANCE

    @property
    def helped_by(self) -> str:
        """The axis that raises recall significantly: ``width``, ``depth``, ``both`` or ``neither``."""
        width, depth = (
            change is not None and change.estimate > 0 and p_holm is not None and p_holm < self.alpha
            for change, p_holm in ((self.wider, self.wider_p_holm), (self.deeper, self.deeper_p_holm))
        )
        return "both" if width and depth else "width" if width else "depth" if depth else "neither"


def class_models(evidence: Evidence) -> tuple[str, str | None, str | None] | None:
    """Return the base, deeper and wider model to compare: those at the largest equal scale factor."""
    axes = evidence.axes
    if axes is None:
        return None
    if axes.counterparts:
        wider, deeper = axes.counterparts[-1]
        return axes.base, deeper, wider
    return axes.base, axes.depth[-1] if axes.depth else None, axes.width[-1] if axes.width else None


def class_changes(evidence: Evidence, alpha: float = SIGNIFICANCE) -> list[ClassChange]:
    """Return the change in each class's recall by depth and by width, in the classes' order."""
    chosen = class_models(evidence)
    if chosen is None or not evidence.classes:
        return []
    base, deeper, wider = chosen
    images = _test_images(evidence)
    changes = [
        (_change(evidence, base, deeper, name), _change(evidence, base, wider, name)) for name in evidence.classes
    ]
    p_values = holm([None if one is None else one.p_value for both in changes for one in both])
    return [
        ClassChange(
            name,
            images[name],
            mean_interval(list(_recalls(evidence, base, name).values())).mean,
            *changes[k],
            deeper_p_holm=p_values[2 * k],
            wider_p_holm=p_values[2 * k + 1],
            alpha=alpha,
        )
        for k, name in enumerate(evidence.classes)
    ]


def _change(evidence: Evidence, base: str, model: str | None, class_name: str) -> Difference | None:
    if model is None:
        return None
    return difference_by_seed(_recalls(evidence, model, class_name), _recalls(evidence, base, class_name))


def _recalls(evidence: Evidence, model: str, class_name: str) -> dict[int, float]:
    """Return a model's recall of a class by seed."""
    return {seed: run.recall_percent[class_name] for seed, run in evidence.of(model).items()}


def _test_images(evidence: Evidence) -> dict[str, int]:
    result = evidence.runs[0].result
    return {} if result is None else {str(one["class_name"]): int(one["images"]) for one in result.per_class}
