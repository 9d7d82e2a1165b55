"""The fast pipeline beside other ways to train, measured in alternating rounds; needs no torch."""

import statistics
from dataclasses import dataclass

from harness.config.families import OPERATIONS_PER_MAC
from harness.results.disturbance import Disturbance, was_disturbed
from harness.throughput.rounds import Disturbed, disturbed_part, paired_ratios, require_pairs, strongest


@dataclass(frozen=True)
class Round:
    """One round of one way to train.

    Attributes:
        load_share: the share of its time spent waiting for images, 0 to 1.
        disturbance: its disturbance; None in recordings of earlier versions.
    """

    images_per_second: float
    load_share: float
    disturbance: Disturbance | None = None


@dataclass(frozen=True)
class PipelineComparison:
    """The fast pipeline, the reference and others on one model and input shape; their rounds k alternate.

    Attributes:
        input_shape: channels, height, width.
        macs: multiply-accumulates of one image's forward pass.
        precision: that of the fast pipeline and of the plain loop.
        compile_seconds: compiling and capturing the fast pipeline; not part of any round.
        reference: the reference pipeline, at IEEE fp32.
        peak_flops_per_second: the machine's measured convolution peak at the fast pipeline's precision.
        peak_disturbance: the disturbance of that measurement; None in recordings of earlier versions.
        plain: the plain loop on ready batches; empty in recordings of earlier versions.
        reference_default: the reference pipeline at torch's own precision, on CUDA, where it differs from fp32.
        fp32: the fast pipeline at fp32, if it was measured beside another precision.
        switched_off: techniques that the fast pipeline was measured without, each with the reason: ``bf16: REASON``.
    """

    model: str
    input_shape: tuple[int, int, int]
    batch_size: int
    images_per_round: int
    macs: int
    precision: str
    compiled: bool
    compile_seconds: float
    fast: tuple[Round, ...]
    reference: tuple[Round, ...]
    peak_flops_per_second: float
    peak_disturbance: Disturbance | None = None
    plain: tuple[Round, ...] = ()
    reference_default: tuple[Round, ...] = ()
    fp32: tuple[Round, ...] = ()
    switched_off: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for others in (self.reference, *self._optional):
            require_pairs(speeds(self.fast), speeds(others))
        if self.peak_flops_per_second <= 0:
            raise ValueError(f"peak_flops_per_second is {self.peak_flops_per_second:g}: it must be positive")

    @property
    def name(self) -> str:
        """The model and the input; the precision too, unless it is fp32."""
        at = "" if self.precision == "fp32" else f"-{self.precision}"
        return f"{self.model}-{'x'.join(map(str, self.input_shape))}{at}"

    @property
    def _optional(self) -> list[tuple[Round, ...]]:
        return [rounds for rounds in (self.plain, self.reference_default, self.fp32) if rounds]

    def ratios_to(self, others: tuple[Round, ...]) -> list[float]:
        """Return the speed of the fast pipeline over that of others, round by round."""
        return paired_ratios(speeds(self.fast), speeds(others))

    @property
    def ratios(self) -> list[float]:
        """Speed of the fast pipeline over that of the reference, round by round."""
        return self.ratios_to(self.reference)

    @property
    def ratio(self) -> float:
        """The rounds' median ratio."""
        return statistics.median(self.ratios)

    @property
    def flops_per_second(self) -> float:
        """Floating-point operations per second of the fast pipeline, loading included: 3 × 2 × MACs per image."""
        return OPERATIONS_PER_MAC * self.macs * median_speed(self.fast)

    @property
    def peak_share(self) -> float | None:
        """The fast pipeline's share of the peak, 0 to 1; None if the measured peak is known to be too low.

        It is too low if it was disturbed, or if the pipeline was faster.
        """
        is_too_low = self.is_peak_disturbed or self.flops_per_second > self.peak_flops_per_second
        return None if is_too_low else self.flops_per_second / self.peak_flops_per_second

    @property
    def is_peak_disturbed(self) -> bool:
        return was_disturbed(self.peak_disturbance)

    @property
    def disturbed(self) -> Disturbed | None:
        """The disturbance that remained in the rounds; None if there is none."""
        rounds = zip(self.fast, self.reference, *self._optional, strict=True)
        return disturbed_part("rounds", [strongest(one.disturbance for one in together) for together in rounds])


def speeds(rounds: tuple[Round, ...]) -> list[float]:
    """Return images per second, round by round."""
    return [one.images_per_second for one in rounds]


def median_speed(rounds: tuple[Round, ...]) -> float:
    """Return the rounds' median of images per second."""
    return statistics.median(speeds(rounds))


def median_load_share(rounds: tuple[Round, ...]) -> float:
    """Return the rounds' median share of the time spent waiting for images."""
    return statistics.median(one.load_share for one in rounds)
