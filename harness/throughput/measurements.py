"""The kinds of throughput measurement, with their checks and derived figures; needs no torch.

Everything here is a value that was measured elsewhere in this room, recorded by `harness.throughput.record`, and is
shown by the report.
"""

import statistics
from dataclasses import dataclass

from harness.analysis.stats import Growth, Interval, fit_power_law, mean_interval
from harness.results.disturbance import Disturbance
from harness.throughput.gradient_norms import GradientNorms
from harness.throughput.pipelines import PipelineComparison
from harness.throughput.rounds import Disturbed, disturbed_part, paired_ratios, require_pairs


@dataclass(frozen=True)
class AugmentationComparison:
    """Images per second of batched and per-sample augmentation, by round, on one thread of the CPU.

    Attributes:
        source_size: side of the images before augmentation, in pixels.
        image_size: side after augmentation, in pixels.
        disturbances: the stronger disturbance of both ways, by round; empty in recordings of earlier versions.
    """

    recipe: str
    channels: int
    source_size: int
    image_size: int
    images_per_round: int
    batched: tuple[float, ...]
    per_sample: tuple[float, ...]
    disturbances: tuple[Disturbance, ...] = ()

    def __post_init__(self) -> None:
        require_pairs(self.batched, self.per_sample)
        if self.disturbances and len(self.disturbances) != len(self.batched):
            raise ValueError(f"{len(self.batched)} rounds have {len(self.disturbances)} disturbances")

    @property
    def name(self) -> str:
        return f"augmentation-{self.channels}x{self.image_size}x{self.image_size}"

    @property
    def ratios(self) -> list[float]:
        """Speed of the batched way over that of the per-sample way, round by round."""
        return paired_ratios(self.batched, self.per_sample)

    @property
    def ratio(self) -> float:
        """The rounds' median ratio."""
        return statistics.median(self.ratios)

    @property
    def disturbed(self) -> Disturbed | None:
        """The disturbance that remained in the rounds; None if there is none."""
        return disturbed_part("rounds", self.disturbances)


@dataclass(frozen=True)
class Point:
    """One point of an axis.

    Attributes:
        x: its value on the axis.
        epoch_seconds: the fastest of three epochs; disturbed ones count only if all are disturbed.
        peak_bytes: memory beyond that of the process before it built the network.
        disturbance: that of the fastest epoch; None in recordings of earlier versions.
    """

    x: int
    epoch_seconds: float
    peak_bytes: int
    disturbance: Disturbance | None = None


@dataclass(frozen=True)
class Scaling:
    """Growth of an epoch's time and memory along one axis.

    Attributes:
        axis: ``images``, ``width``, ``depth`` or ``batch``.
        images: training images in an epoch; on the axis ``images`` each point has its own.
    """

    axis: str
    images: int
    precision: str
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        values = [value for p in self.points for value in (p.x, p.epoch_seconds, p.peak_bytes)]
        if len({p.x for p in self.points}) < 3 or min(values) <= 0:
            raise ValueError("an axis needs three or more different points, all positive")
        _ = self.time_growth, self.memory_growth  # raises where no curve can be fitted

    @property
    def name(self) -> str:
        return f"scaling-{self.axis}"

    @property
    def disturbed(self) -> Disturbed | None:
        """The disturbance that remained in the points; None if there is none."""
        return disturbed_part("points", [point.disturbance for point in self.points])

    @property
    def time_growth(self) -> Growth:
        """Growth of the epoch's seconds along the axis."""
        return fit_power_law([p.x for p in self.points], [p.epoch_seconds for p in self.points])

    @property
    def memory_growth(self) -> Growth:
        """Growth of the peak memory along the axis."""
        return fit_power_law([p.x for p in self.points], [p.peak_bytes for p in self.points])


@dataclass(frozen=True)
class Equivalence:
    """Final accuracies of both pipelines on the same test images, seed by seed."""

    model: str
    dataset: str
    train_images: int
    test_images: int
    epochs: int
    precision: str
    seeds: tuple[int, ...]
    fast_accuracy_percent: tuple[float, ...]
    reference_accuracy_percent: tuple[float, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.seeds), len(self.fast_accuracy_percent), len(self.reference_accuracy_percent)}
        if lengths == {0} or len(lengths) > 1:
            raise ValueError("an equivalence needs one seed or more, with an accuracy of each pipeline per seed")

    @property
    def name(self) -> str:
        return f"equivalence-{self.dataset}-{self.model}"

    @property
    def differences(self) -> list[float]:
        """Fast minus reference accuracy in percentage points, seed by seed."""
        pairs = zip(self.fast_accuracy_percent, self.reference_accuracy_percent, strict=True)
        return [fast - reference for fast, reference in pairs]

    @property
    def interval(self) -> Interval:
        """The paired 95 % confidence interval of the difference, in percentage points."""
        return mean_interval(self.differences)


Measurement = PipelineComparison | AugmentationComparison | Scaling | Equivalence | GradientNorms
