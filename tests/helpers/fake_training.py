"""A case from its making to its restoring, on fake CUDA."""

from dataclasses import dataclass
from typing import Any

import torch

from harness.config.case import Case
from harness.config.datasets import SPECS, DatasetSpec
from harness.config.recipes import PUBLISHED_RECIPES
from harness.data.images import ImageSet, PackedPixels, random_images
from harness.hardware.memory import PeakMemory
from harness.training.trainers import make_trainer
from harness.training.trainers.fast import chunk_size
from harness.training.trainers.trainer import trial_of_case
from tests.helpers.fake_cuda import GPU, FakeCuda, PhaseWatch, fake_cuda

LAST_BATCH = 5  # images of the last batch of an epoch


@dataclass(frozen=True)
class Passage:
    """The record of a case that was made, warmed up, trained for an epoch, evaluated and restored.

    Attributes:
        images: the number of training images.
        peak_memory_bytes: as its result would say.
    """

    cuda: FakeCuda
    trainer: Any
    images: int
    peak_memory_bytes: int


def cuda_case(dataset: str, model: str, **changes: Any) -> Case:
    """Return a case of a published recipe on CUDA, at bf16 unless changed."""
    fields = {"seed": 0, "mode": "full", "device_kind": "cuda", "precision": "bf16", "data_fingerprint": ""}
    return Case(model=model, dataset=dataset, **({"recipe": PUBLISHED_RECIPES[dataset]} | fields | changes))


def images_of(case: Case, spec: DatasetSpec, count: int) -> ImageSet:
    """Return blank images: GTSRB's in sizes of their own, small and large."""
    if case.dataset != "gtsrb":
        return random_images(spec, case.recipe, count)
    sizes = [(230, 200 + k % 30) if k % 4 == 0 else (40 + k % 20, 50) for k in range(count)]
    pixels = PackedPixels.from_images([torch.zeros(3, *size, dtype=torch.uint8) for size in sizes])
    return ImageSet(pixels, torch.arange(count) % spec.num_classes)


def pass_through(
    case: Case, spec: DatasetSpec | None = None, images: int | None = None, *, with_logits: bool = False, **options: Any
) -> Passage:
    """Take a case through all that a training does; its epoch has a whole chunk and a partial batch."""
    spec = spec or SPECS[case.dataset]
    count = images or chunk_size(case.recipe, spec.channels, GPU) + LAST_BATCH
    kept = images_of(case, spec, count)
    trial_of_case(case, spec)  # on the CPU, as before a training
    with fake_cuda(**options) as cuda:
        with cuda.recording("make"):
            trainer = make_trainer(case, spec, GPU)
        with cuda.recording("place"):
            placed = trainer.place(kept)
        memory = PeakMemory(GPU)
        with cuda.recording("warm-up"):
            trainer.warm_up(placed)
        with cuda.recording("epoch"):
            trainer.train_epoch(placed, 0, PhaseWatch(cuda))
        with cuda.recording("evaluate"):
            trainer.evaluate(placed, with_logits=with_logits)
        peak = memory.bytes()
        with cuda.recording("save"):
            weights, momentum = trainer.weights(), {name: one.cpu() for name, one in trainer.momentum().items()}
        with cuda.recording("restore"):
            trainer.restore(weights, momentum)
    return Passage(cuda, trainer, count, peak)
