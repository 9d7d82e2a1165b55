"""The fast and the reference pipeline beside each other: rounds of both in turn, so that a drifting machine hurts both.

A round is an epoch of random images, as the pipeline runs every epoch. Loader processes are started anew in each, as in
every epoch of the study; rounds are long enough for that to be little.
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from harness.case import Case
from harness.cost import OPERATIONS_PER_MAC, count_macs
from harness.datasets.images import ImageSet, random_images
from harness.datasets.spec import DatasetSpec
from harness.device import Stopwatch
from harness.models import parse_model
from harness.pipelines import make_trainer
from harness.pipelines.trainer import Trainer
from harness.throughput.peak import convolution_peak

_LEAST_BATCHES, _MOST_BATCHES = 2, 400


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
        speeds = [one.images_per_second for one in self.fast + self.reference]
        if not self.fast or len(self.fast) != len(self.reference) or min(*speeds, self.peak_flops_per_second) <= 0:
            raise ValueError("rounds come in pairs, one at least, and their speeds are positive")

    @property
    def name(self) -> str:
        return f"{self.model}-{'x'.join(map(str, self.input_shape))}"

    @property
    def ratios(self) -> list[float]:
        """How many times as fast the fast pipeline was, round by round."""
        return [
            fast.images_per_second / reference.images_per_second
            for fast, reference in zip(self.fast, self.reference, strict=True)
        ]

    @property
    def ratio(self) -> float:
        """The rounds' median ratio."""
        return statistics.median(self.ratios)

    @property
    def flops_per_second(self) -> float:
        """What the fast pipeline computes, loading included: 3 × 2 × MACs per image."""
        return OPERATIONS_PER_MAC * self.macs * median_speed(self.fast)


def median_speed(rounds: tuple[Round, ...]) -> float:
    """Images per second."""
    return statistics.median(one.images_per_second for one in rounds)


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
    tell: Callable[[str], None] = lambda _: None,
) -> PipelineComparison:
    """Train random images of the dataset's shapes by both pipelines in turn.

    Args:
        case: by the fast pipeline; the reference takes the same at float32, eager.
        round_seconds: a round is as many batches as take the fast pipeline about so long, two at least.
        tell: is given a line about what is being done.
    """
    reference_case = replace(case, pipeline="reference", compiled=False, precision="fp32")
    fast = make_trainer(case, spec.channels, spec.num_classes, device)
    reference = make_trainer(reference_case, spec.channels, spec.num_classes, device)
    tell("compiling" if case.compiled else "warming up")
    watch = Stopwatch(device)
    fast.warm_up(case.recipe.batch_size)
    compile_seconds = watch.total()
    images = random_images(spec, case.recipe, _images_per_round(fast, spec, round_seconds))
    for trainer in (fast, reference):
        _round(trainer, images.select(torch.arange(case.recipe.batch_size)), 0)
    pairs = []
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}, {len(images):,} images each way")
        order = (fast, reference) if number % 2 == 0 else (reference, fast)
        measured = {id(trainer): _round(trainer, images, number) for trainer in order}
        pairs.append((measured[id(fast)], measured[id(reference)]))
    size = case.recipe.image_size
    shape = (spec.channels, size, size)
    return PipelineComparison(
        model=case.model,
        input_shape=shape,
        batch_size=case.recipe.batch_size,
        images_per_round=len(images),
        macs=count_macs(parse_model(case.model), shape, spec.num_classes),
        precision=case.precision,
        compiled=case.compiled,
        compile_seconds=compile_seconds,
        fast=tuple(pair[0] for pair in pairs),
        reference=tuple(pair[1] for pair in pairs),
        peak_flops_per_second=convolution_peak(device, case.precision),
    )


def _images_per_round(trainer: Trainer, spec: DatasetSpec, round_seconds: float) -> int:
    """Whole batches that take about ``round_seconds``, from the quickest of a few."""
    batch = random_images(spec, trainer.recipe, trainer.recipe.batch_size)
    step_seconds = min(trainer.recipe.batch_size / _round(trainer, batch, 0).images_per_second for _ in range(2))
    batches = min(_MOST_BATCHES, max(_LEAST_BATCHES, math.ceil(round_seconds / step_seconds)))
    return batches * trainer.recipe.batch_size


def _round(trainer: Trainer, images: ImageSet, epoch: int) -> Round:
    placed = trainer.place(images)
    watch = Stopwatch(trainer.device)
    trainer.train_epoch(placed, epoch, watch)
    seconds = watch.total()
    return Round(len(images) / seconds, watch.seconds["load"] / seconds)
