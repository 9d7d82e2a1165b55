"""The ways to train that are compared: the fast pipeline, a plain loop and the reference."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.data.images import ImageSet, random_images
from harness.hardware.device import computing_at
from harness.hardware.memory import release_freed_memory
from harness.hardware.stopwatch import Stopwatch
from harness.throughput.pipelines import Round
from harness.throughput.plain_loop import PlainLoop
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.reference import ReferenceTrainer

Name = Literal["fast", "plain", "reference", "reference_default"]


@dataclass(frozen=True)
class WarmUp:
    """The outcome of a warm-up.

    Attributes:
        seconds: its time.
        switched_off: techniques that the rounds are trained without, each with the reason, as ``bf16: REASON``.
    """

    seconds: float = 0.0
    switched_off: tuple[str, ...] = ()


@dataclass(frozen=True)
class Way:
    """One way to train.

    Attributes:
        precision: that of its products, or ``default`` for torch's own.
        measure: function that trains one round, number N, of the images without their last batch.
        warm_up: function that compiles, captures and verifies once, before the first round.
    """

    name: Name
    precision: str
    measure: Callable[[ImageSet, int], Round]
    warm_up: Callable[[], WarmUp] = lambda: WarmUp()

    @property
    def key(self) -> tuple[str, str]:
        """Its name and precision."""
        return self.name, self.precision


def make_ways(cases: Sequence[Case], spec: DatasetSpec, device: torch.device) -> list[Way]:
    """Return the fast pipeline and the plain loop for each of the cases, then the reference.

    On CUDA the reference comes twice: at IEEE fp32, and at torch's defaults, which compute convolutions at TF32.

    Args:
        cases: the fast pipeline's, one for each precision.
    """
    ways = []
    for case in cases:
        ways += [_fast(FastTrainer(case, spec, device)), _plain(PlainLoop(case, spec, device))]
    reference_case = replace(cases[0], pipeline="reference", compiled=False, precision="fp32")
    ways.append(_reference("reference", "fp32", ReferenceTrainer(reference_case, spec, device)))
    if device.type == "cuda":
        ways.append(_reference("reference_default", "default", _DefaultReference(reference_case, spec, device)))
    return ways


class _DefaultReference(ReferenceTrainer):
    """The reference pipeline at torch's default precision."""

    def _computing(self) -> contextlib.AbstractContextManager[None]:
        return computing_at_torch_defaults()


@contextlib.contextmanager
def computing_at_torch_defaults() -> Iterator[None]:
    """Compute float32 products on CUDA as torch does by default: cuDNN's at TF32, others at fp32."""
    with computing_at("fp32"):  # restores this setting too
        torch.backends.cudnn.allow_tf32 = True  # sets the newer ``fp32_precision`` as well
        yield


def _fast(trainer: FastTrainer) -> Way:
    def measure(images: ImageSet, number: int) -> Round:
        return _round(trainer, _without_a_batch(images, trainer.case), number)

    def warm_up() -> WarmUp:
        images = trainer.place(random_images(trainer.spec, trainer.recipe, trainer.recipe.batch_size))
        watch = Stopwatch(trainer.device)
        trainer.warm_up(images)
        found = (f"{technique}: {reason}" for technique, reason in trainer.switched_off.items())
        return WarmUp(watch.total(), tuple(found))

    return Way("fast", trainer.case.precision, measure, warm_up)


def _round(trainer: FastTrainer, images: ImageSet, epoch: int) -> Round:
    placed = trainer.place(images)
    watch = Stopwatch(trainer.device)
    trainer.train_epoch(placed, epoch, watch)
    seconds = watch.total()
    return Round(len(images) / seconds, watch.seconds["load"] / seconds)


def _plain(loop: PlainLoop) -> Way:
    def measure(images: ImageSet, _: int) -> Round:
        return loop.measure(_without_a_batch(images, loop.case))

    return Way("plain", loop.case.precision, measure)


def _reference(name: Name, precision: str, trainer: ReferenceTrainer) -> Way:
    return Way(name, precision, lambda images, number: reference_round(trainer, images, number))


def _without_a_batch(images: ImageSet, case: Case) -> ImageSet:
    """Return the images without those of the reference's first batch, which is not counted."""
    return images.select(torch.arange(len(images) - case.recipe.batch_size))


def reference_round(trainer: ReferenceTrainer, images: ImageSet, epoch: int) -> Round:
    """Train a round of the reference; its first batch is not counted."""
    # Kept memory would be shared with the loader's processes, and copied while they run: twice the memory.
    release_freed_memory(trainer.device)
    watch = Stopwatch(trainer.device)
    after_first: list[tuple[float, float]] = []

    def note_first(_: float) -> None:
        if not after_first:
            after_first.append((watch.total(), watch.seconds["load"]))

    trainer.train_epoch(images, epoch, watch, note_first)
    ((seconds, load_seconds),) = after_first
    counted = watch.total() - seconds
    return Round((len(images) - trainer.recipe.batch_size) / counted, (watch.seconds["load"] - load_seconds) / counted)
