"""The fast and the reference pipeline, measured in alternating rounds: drift affects both alike.

A round is a short epoch of random images. The reference trains one extra batch first, which is not counted: it pays
for starting the loader processes and for copying the memory shared with them, seconds that hardly matter in a whole
epoch. Two choices favour the reference: batches that its loader prepared before counting begins, and freed memory,
which is kept for the reference as for the fast pipeline.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import replace

import torch

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.config.families import OPERATIONS_PER_MAC
from harness.data.images import ImageSet, random_images
from harness.hardware.stopwatch import Stopwatch
from harness.models.build import model_of
from harness.models.cost import count_macs
from harness.throughput.measurements import PipelineComparison, Round, median_speed
from harness.throughput.peak import convolution_peak
from harness.throughput.repetition import Repetition, metered
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.reference import ReferenceTrainer
from harness.training.trainers.trainer import Trainer

_MIN_BATCHES, _MAX_BATCHES = 2, 400
_MIN_ROUNDS = 3


def compare_pipelines(
    case: Case,
    spec: DatasetSpec,
    device: torch.device,
    *,
    rounds: int = 5,
    round_seconds: float = 4.0,
    notify: Callable[[str], None] = lambda _: None,
) -> PipelineComparison:
    """Train on random images of the dataset's shape with both pipelines alternately.

    Args:
        case: the fast pipeline's; the reference trains the same case in float32 without compilation.
        rounds: rounds of each pipeline; fewer, but at least three, if two batches take much longer than
            ``round_seconds``.
        round_seconds: target length of a fast round; a round has at least two batches.
        notify: callback that receives a line about each step.
    """
    reference_case = replace(case, pipeline="reference", compiled=False, precision="fp32")
    fast = FastTrainer(case, spec, device)
    reference = ReferenceTrainer(reference_case, spec, device)
    notify("compiling" if case.compiled else "warming up")
    watch = Stopwatch(device)
    fast.warm_up(fast.place(random_images(spec, case.recipe, case.recipe.batch_size)))
    compile_seconds = watch.total()
    images_per_round, rounds = _plan_rounds(fast, spec, rounds, round_seconds)
    fast_rounds, reference_rounds = _alternate(fast, reference, images_per_round, rounds, notify)
    shape = spec.input_shape(case.recipe.image_size)
    macs = count_macs(model_of(case), shape, spec.num_classes)
    reached = OPERATIONS_PER_MAC * macs * median_speed(fast_rounds)
    peak = convolution_peak(device, case.precision, at_least=reached, notify=notify)
    return PipelineComparison(
        model=case.model,
        input_shape=shape,
        batch_size=case.recipe.batch_size,
        images_per_round=images_per_round,
        macs=macs,
        precision=case.precision,
        compiled=case.compiled,
        compile_seconds=compile_seconds,
        fast=fast_rounds,
        reference=reference_rounds,
        peak_flops_per_second=peak.flops_per_second,
        peak_disturbance=peak.disturbance,
    )


def _alternate(
    fast: FastTrainer, reference: ReferenceTrainer, images_per_round: int, rounds: int, notify: Callable[[str], None]
) -> tuple[tuple[Round, ...], tuple[Round, ...]]:
    """Measure the rounds of both pipelines; each goes first in every other round. Repeat disturbed pairs."""
    images = random_images(fast.spec, fast.recipe, images_per_round + fast.recipe.batch_size)
    repetition, pairs = Repetition(notify), []
    for number in range(rounds):
        notify(f"round {number + 1} of {rounds}, {images_per_round:,} images with each pipeline")
        pairs.append(
            repetition.measure(
                f"round {number + 1}",
                functools.partial(_pair, fast, reference, images, number),
                lambda pair: [one.disturbance for one in pair],
            )
        )
    fast_rounds, reference_rounds = zip(*pairs, strict=True)
    return fast_rounds, reference_rounds


def _pair(fast: FastTrainer, reference: ReferenceTrainer, images: ImageSet, number: int) -> tuple[Round, Round]:
    """Measure a round of each pipeline on the images, without those of the reference's first batch."""
    counted = images.select(torch.arange(len(images) - fast.recipe.batch_size))
    if number % 2 == 0:
        fast_round = _metered(fast, lambda: _round(fast, counted, number))
    reference_round = _metered(reference, lambda: _reference_round(reference, images, number))
    if number % 2 == 1:
        fast_round = _metered(fast, lambda: _round(fast, counted, number))
    return fast_round, reference_round


def _metered(trainer: Trainer, work: Callable[[], Round]) -> Round:
    measured, disturbance = metered(trainer.device, work)
    return replace(measured, disturbance=disturbance)


def _plan_rounds(trainer: Trainer, spec: DatasetSpec, rounds: int, round_seconds: float) -> tuple[int, int]:
    """Return the images per round and the number of rounds, from the faster of two single batches."""
    batch = random_images(spec, trainer.recipe, trainer.recipe.batch_size)
    step_seconds = min(trainer.recipe.batch_size / _round(trainer, batch, 0).images_per_second for _ in range(2))
    batches = min(_MAX_BATCHES, max(_MIN_BATCHES, math.ceil(round_seconds / step_seconds)))
    affordable = round(rounds * round_seconds / (batches * step_seconds))
    return batches * trainer.recipe.batch_size, min(rounds, max(_MIN_ROUNDS, affordable))


def _round(trainer: Trainer, images: ImageSet, epoch: int) -> Round:
    placed = trainer.place(images)
    watch = Stopwatch(trainer.device)
    trainer.train_epoch(placed, epoch, watch)
    seconds = watch.total()
    return Round(len(images) / seconds, watch.seconds["load"] / seconds)


def _reference_round(trainer: ReferenceTrainer, images: ImageSet, epoch: int) -> Round:
    """Train a round whose first batch is not counted."""
    watch = Stopwatch(trainer.device)
    after_first: list[tuple[float, float]] = []

    def note_first(_: float) -> None:
        if not after_first:
            after_first.append((watch.total(), watch.seconds["load"]))

    trainer.train_epoch(images, epoch, watch, note_first)
    ((seconds, load_seconds),) = after_first
    counted = watch.total() - seconds
    return Round((len(images) - trainer.recipe.batch_size) / counted, (watch.seconds["load"] - load_seconds) / counted)
