"""The fast and the reference pipeline beside each other: rounds of both in turn, so that a drifting machine hurts both.

A round is a short epoch of random images. The reference has one batch more, first and not counted: with it start the
loader processes, and what they share with this one is copied as it changes, seconds that a whole epoch hardly notices.
What its loader has ready when counting begins is to its advantage, and so is that freed memory is kept for it too.
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.config.families import parse_model
from harness.data.images import ImageSet, random_images
from harness.hardware.stopwatch import Stopwatch
from harness.models.cost import OPERATIONS_PER_MAC, count_macs
from harness.throughput.peak import convolution_peak
from harness.throughput.rounds import paired_ratios, require_pairs
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.reference import ReferenceTrainer
from harness.training.trainers.trainer import Trainer

_LEAST_BATCHES, _MOST_BATCHES = 2, 400
_LEAST_ROUNDS = 3


@dataclass(frozen=True)
class Round:
    """One round of one pipeline; ``load_share`` is the share of its time spent loading."""

    images_per_second: float
    load_share: float


@dataclass(frozen=True)
class PipelineComparison:
    """Both pipelines on one model at one dataset's shapes; round k of one was measured beside round k of the other.

    Attributes:
        input_shape: channels, height, width.
        macs: of one image's forward pass.
        compile_seconds: what compiling and capturing the fast pipeline took, in no round's time.
        peak_flops_per_second: the machine's measured convolution peak at the fast pipeline's precision.
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

    def __post_init__(self) -> None:
        require_pairs(speeds(self.fast), speeds(self.reference))
        if self.peak_flops_per_second <= 0:
            raise ValueError("a convolution peak is positive")

    @property
    def name(self) -> str:
        return f"{self.model}-{'x'.join(map(str, self.input_shape))}"

    @property
    def ratios(self) -> list[float]:
        """How many times as fast the fast pipeline was, round by round."""
        return paired_ratios(speeds(self.fast), speeds(self.reference))

    @property
    def ratio(self) -> float:
        """The rounds' median ratio."""
        return statistics.median(self.ratios)

    @property
    def flops_per_second(self) -> float:
        """What the fast pipeline computes, loading included: 3 × 2 × MACs per image."""
        return OPERATIONS_PER_MAC * self.macs * median_speed(self.fast)


def speeds(rounds: tuple[Round, ...]) -> list[float]:
    """Images per second, round by round."""
    return [one.images_per_second for one in rounds]


def median_speed(rounds: tuple[Round, ...]) -> float:
    """Images per second."""
    return statistics.median(speeds(rounds))


def median_load_share(rounds: tuple[Round, ...]) -> float:
    """Share of the time spent loading."""
    return statistics.median(one.load_share for one in rounds)


def compare_pipelines(
    case: Case,
    spec: DatasetSpec,
    device: torch.device,
    *,
    rounds: int = 5,
    round_seconds: float = 4.0,
    notify: Callable[[str], None] = lambda _: None,
) -> PipelineComparison:
    """Train random images of the dataset's shapes by both pipelines in turn.

    Args:
        case: by the fast pipeline; the reference takes the same at float32, eager.
        rounds: of each pipeline; fewer, but three, where two batches alone take much longer than ``round_seconds``.
        round_seconds: a round is as many batches as take the fast pipeline about so long, two at least.
        notify: is given a line about what is being done.
    """
    reference_case = replace(case, pipeline="reference", compiled=False, precision="fp32")
    fast = FastTrainer(case, spec, device)
    reference = ReferenceTrainer(reference_case, spec, device)
    notify("compiling" if case.compiled else "warming up")
    watch = Stopwatch(device)
    fast.warm_up(case.recipe.batch_size)
    compile_seconds = watch.total()
    images_per_round, rounds = _plan_rounds(fast, spec, rounds, round_seconds)
    images = random_images(spec, case.recipe, images_per_round + case.recipe.batch_size)
    measured: dict[str, list[Round]] = {"fast": [], "reference": []}
    for number in range(rounds):
        notify(f"round {number + 1} of {rounds}, {images_per_round:,} images each way")
        for pipeline in sorted(measured, reverse=number % 2 == 1):  # each goes first in every other round
            if pipeline == "fast":
                one = _round(fast, images.select(torch.arange(images_per_round)), number)
            else:
                one = _reference_round(reference, images, number)
            measured[pipeline].append(one)
    size = case.recipe.image_size
    shape = spec.input_shape(size)
    return PipelineComparison(
        model=case.model,
        input_shape=shape,
        batch_size=case.recipe.batch_size,
        images_per_round=images_per_round,
        macs=count_macs(parse_model(case.model), shape, spec.num_classes),
        precision=case.precision,
        compiled=case.compiled,
        compile_seconds=compile_seconds,
        fast=tuple(measured["fast"]),
        reference=tuple(measured["reference"]),
        peak_flops_per_second=convolution_peak(device, case.precision),
    )


def _plan_rounds(trainer: Trainer, spec: DatasetSpec, rounds: int, round_seconds: float) -> tuple[int, int]:
    """Images in a round and how many rounds, from the quickest of a few batches."""
    batch = random_images(spec, trainer.recipe, trainer.recipe.batch_size)
    step_seconds = min(trainer.recipe.batch_size / _round(trainer, batch, 0).images_per_second for _ in range(2))
    batches = min(_MOST_BATCHES, max(_LEAST_BATCHES, math.ceil(round_seconds / step_seconds)))
    affordable = round(rounds * round_seconds / (batches * step_seconds))
    return batches * trainer.recipe.batch_size, min(rounds, max(_LEAST_ROUNDS, affordable))


def _round(trainer: Trainer, images: ImageSet, epoch: int) -> Round:
    placed = trainer.place(images)
    watch = Stopwatch(trainer.device)
    trainer.train_epoch(placed, epoch, watch)
    seconds = watch.total()
    return Round(len(images) / seconds, watch.seconds["load"] / seconds)


def _reference_round(trainer: ReferenceTrainer, images: ImageSet, epoch: int) -> Round:
    """A round of which the first batch is not counted."""
    watch = Stopwatch(trainer.device)
    after_first: list[tuple[float, float]] = []

    def note_first(_: float) -> None:
        if not after_first:
            after_first.append((watch.total(), watch.seconds["load"]))

    trainer.train_epoch(images, epoch, watch, note_first)
    ((seconds, load_seconds),) = after_first
    counted = watch.total() - seconds
    return Round((len(images) - trainer.recipe.batch_size) / counted, (watch.seconds["load"] - load_seconds) / counted)
