"""The fast pipeline: the same recipe at the hardware's pace.

Images stay in memory as 8-bit tensors, on the device if they fit, and are augmented there in batches. The network is
channels_last if it can be, the optimizer is one kernel, and the host never waits for the device within a chunk of
batches. The network is compiled if the case says so. On CUDA the whole step is captured as a graph and replayed.
"""

import functools
import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.config.recipe import Recipe
from harness.data.augment import augment, prepare
from harness.data.augment_parameters import AugmentationParameters, draw_parameters
from harness.data.images import ImageSet
from harness.hardware.device import autocast, computing_at
from harness.hardware.memory import is_out_of_memory
from harness.hardware.stopwatch import Stopwatch
from harness.models.build import model_of
from harness.models.random_state import seeded
from harness.results import metrics
from harness.training.trainers.compilation import compile_network
from harness.training.trainers.cuda_graph import captured_step, why_not_capturable
from harness.training.trainers.evaluation import Evaluation, Predictions
from harness.training.trainers.streaming import ImageStream, augmentation_device
from harness.training.trainers.trainer import (
    SetName,
    Trainer,
    epoch_generator,
    ignore_progress,
    initial_network,
    make_optimizer,
    trial_of_case,
)
from harness.training.trainers.verification import Acceleration, verify

# Images are augmented some batches ahead, in chunks of about this many bytes of float32: few synchronisations then time
# the parts of an epoch, and memory stays bounded. A CPU is fastest with chunks that fit its cache (1.5 × as fast as at
# 16 MiB). On CUDA augmenting takes six times the chunk's bytes: with 16 MiB that is about what a step of the study's
# narrowest networks takes, so the peak memory is that of the steps. With 256 MiB it was 1.4 GiB for most networks.
_CHUNK_BYTES = {"cpu": 2 * 2**20, "mps": 16 * 2**20, "cuda": 16 * 2**20}
_EVALUATION_BYTES = 16 * 2**20
_EVALUATION_BATCH_SIZE = 500
# On CUDA: this share of the device's memory, whose network may take a hundred times as much, up to a limit at which it
# takes less than a training step. Of the whole memory and not of what is free, so that every run has the same batches.
_EVALUATION_SHARE, _MAX_EVALUATION_BYTES = 1 / 1024, 128 * 2**20
# Images stay on a GPU if they take at most this share of its free memory; otherwise they are streamed to it.
_RESIDENT_SHARE = 0.25
_CPU = torch.device("cpu")


class FastTrainer(Trainer):
    """The trainer of the fast pipeline."""

    def __init__(self, case: Case, spec: DatasetSpec, device: torch.device) -> None:
        super().__init__(case, spec, device)
        self.memory_format = trial_of_case(case, spec).memory_format
        self.network = self._on_device(initial_network(case, spec))
        self._forward = compile_network(self.network, model_of(case)) if case.compiled else self.network
        # A captured step reads its learning rate from the device's memory at every replay.
        learning_rate = torch.tensor(self.recipe.learning_rate, device=device) if device.type == "cuda" else None
        fused = None if device.type == "mps" else True
        self.optimizer = make_optimizer(self.network, self.recipe, learning_rate=learning_rate, fused=fused)
        if self.recipe.momentum:  # the first step then equals every other: 0 × momentum + gradient
            for parameter in self.network.parameters():
                self.optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        self._loss_sum = torch.zeros((), device=device, dtype=_sum_dtype(device))
        self._correct = torch.zeros((), device=device, dtype=torch.int64)
        self._captured = captured_step(device)
        self._streamed: ImageSet | None = None  # the training images as before they were moved to a GPU

    def _on_device(self, network: nn.Module) -> nn.Module:
        """Return the network on the device, in this pipeline's memory layout."""
        placed: nn.Module = network.to(self.device, memory_format=self.memory_format)  # type: ignore[call-overload]
        return placed

    def place(self, images: ImageSet, name: SetName = "train") -> ImageSet:
        """Return the images on the device if they fit and it can augment them, else unchanged."""
        if "resident" in self.switched_off or not self._fits(images):
            if name == "train" and (reason := self._image_stream.why_not_pinned(images)):
                self.notes.append(f"images copied to the GPU without pinned memory, which raised {reason}")
            return images
        try:
            placed = images.to(augmentation_device(self.device))
        except Exception as error:
            if self.device.type != "cuda" or not is_out_of_memory(error):
                raise
            self.switch_off("resident", "the images did not fit beside the network")
            return images
        if name == "train" and self.device.type == "cuda":
            self._streamed = images
        return placed

    def _fits(self, images: ImageSet) -> bool:
        if self.device.type != "cuda":
            return True
        free, _ = torch.cuda.mem_get_info(self.device)
        return images.nbytes <= _RESIDENT_SHARE * free

    @functools.cached_property
    def _image_stream(self) -> ImageStream:
        """The source of chunks of images."""
        return ImageStream(self.device)

    def accelerations(self) -> list[Acceleration]:
        found = [
            Acceleration("bf16", "precision", self.precision, "fp32"),
            Acceleration("compile", "_forward", self._forward, self.network),
            Acceleration("capture", "_captured", self._captured, None),
        ]
        return [one for one in found if one.value != one.plain and one.value != "tf32"]

    def uses_of_memory(self) -> list[str]:
        is_resident = self._streamed is not None and "resident" not in self.switched_off
        return super().uses_of_memory() + ["resident"] * is_resident

    def warm_up(self, images: ImageSet) -> None:
        """Compile and capture the step, and verify each technique in use on the first epoch's first batch.

        The network is trained without a technique that fails; `switched_off` says why. If nothing is in use, nothing is
        done.
        """
        if not self.accelerations() and self._streamed is None:
            return
        if self.case.compiled:
            torch.compiler.reset()  # earlier networks' compiled code counts against a limit
        order, parameters = self._begin_epoch(images, 0)
        full, partial = min(self.recipe.batch_size, len(images)), len(images) % self.recipe.batch_size
        parts = [slice(0, full)] + [slice(len(images) - partial, None)] * (0 < partial < full)
        batches = [self._load(images, order[part], parameters[part]) for part in parts]
        if self._streamed is not None:
            streamed = self._load(self._streamed, order[parts[0]], parameters[parts[0]])
            if not all(torch.equal(one.cpu(), other.cpu()) for one, other in zip(batches[0], streamed, strict=True)):
                self.switch_off("resident", "its first batch differs from the streamed one")
                batches = [self._load(self._streamed, order[part], parameters[part]) for part in parts]
        with seeded(0, self.device):  # what these steps draw leaves no trace either
            verify(self, batches)

    def prepare(self, technique: str, batch: Tensor, labels: Tensor) -> str | None:
        """Prepare a technique: capture the step for batches of this size; return why not, or None."""
        if technique != "capture" or self._captured is None:
            return None
        if self.network_generators:
            return "it draws from a generator of its own"
        reason = why_not_capturable(self._compute, self._state, batch, labels)
        if reason is None:
            self._captured.capture(self._compute, self._state, batch, labels)
        return reason

    def train_epoch(
        self, images: ImageSet, epoch: int, watch: Stopwatch, on_progress: Callable[[float], None] = ignore_progress
    ) -> tuple[float, float]:
        """Train as `Trainer.train_epoch` says; wait for the device only at the ends of each chunk."""
        order, parameters = self._begin_epoch(images, epoch)
        step = chunk_size(self.recipe, self.spec.channels, self.device)
        with self._drawing(epoch):
            for start in range(0, len(images), step):
                chunk = slice(start, start + step)
                with watch.part("load"):
                    inputs, labels = self._load(images, order[chunk], parameters[chunk])
                    images.read_ahead(order[start + step : start + 2 * step])  # while these are trained
                with watch.part("train"):
                    self._take_steps(inputs, labels)
                    del inputs, labels  # before the next chunk is augmented, which else adds to their memory
                    self._image_stream.start(images, order[start + step : start + 2 * step])
                on_progress(min(1.0, (start + step) / len(images)))
        return self._loss_sum.item() / len(images), metrics.accuracy_percent(int(self._correct.item()), len(images))

    def _begin_epoch(self, images: ImageSet, epoch: int) -> tuple[Tensor, AugmentationParameters]:
        """Reset the sums; return the order of the epoch's images and the draw of each position, (N,)."""
        self._set_learning_rate(epoch)
        self.network.train()
        generator = epoch_generator(self.case.seed, epoch)
        order = torch.randperm(len(images), generator=generator)
        parameters = draw_parameters(self.recipe.augmentation, len(images), self.recipe.image_size, generator)
        self._loss_sum.zero_()
        self._correct.zero_()
        return order, parameters

    def _load(self, images: ImageSet, order: Tensor, parameters: AugmentationParameters) -> tuple[Tensor, Tensor]:
        """Return a chunk of images, augmented, on the device: inputs (N, C, S, S) and labels (N,).

        The inputs are channels_last, if the network can take them so.
        """
        place = augmentation_device(self.device)
        chosen = self._image_stream.take(images, order)
        inputs = augment(chosen.pixels, parameters.to(place), self.recipe.augmentation, self.recipe.image_size)
        inputs = inputs.to(self.device).contiguous(memory_format=self.memory_format)
        return inputs, chosen.labels.to(self.device)

    def _take_steps(self, inputs: Tensor, labels: Tensor) -> None:
        for batch in _batches(inputs, labels, self.recipe.batch_size):
            self.step(*batch)

    def step(self, batch: Tensor, labels: Tensor) -> None:
        """Take one optimizer step on one batch; add its loss and correct images to the sums on the device."""
        if self._captured is None:
            self._compute(batch, labels)
        else:
            self._captured.run(self._compute, self._state, batch, labels)

    def _compute(self, batch: Tensor, labels: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        # A partial batch would need a compilation of its own: a minute for one step per epoch.
        forward = self._forward if len(labels) == self.recipe.batch_size else self.network
        with computing_at(self.precision, deterministic=self.case.deterministic):
            with autocast(self.precision, self.device):
                logits = forward(batch)
                loss = functional.cross_entropy(logits, labels)
            loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self._loss_sum += loss.detach() * len(labels)
        self._correct += (logits.detach().argmax(1) == labels).sum()

    def state_by_part(self) -> dict[str, list[Tensor]]:
        """Return every tensor that a step changes."""
        states = self.optimizer.state.values()
        return {
            "weights": list(self.network.parameters()),
            "statistics": list(self.network.buffers()),
            "momentum": [value for state in states for value in state.values() if isinstance(value, Tensor)],
            "loss": [self._loss_sum],
            "correct": [self._correct],
        }

    def _state(self) -> Iterator[Tensor]:
        """Yield every tensor that a step changes."""
        return itertools.chain(*self.state_by_part().values())

    def evaluate(self, images: ImageSet, *, with_logits: bool = False) -> Evaluation:
        """Evaluate as `Trainer.evaluate` says, batch by batch, without waiting for the device."""
        # A foreign network may keep a tensor made here for its next training step, which inference mode forbids. The
        # order counts: inference_mode(False) turns gradients on.
        is_foreign = model_of(self.case).is_foreign
        with torch.inference_mode(not is_foreign), torch.no_grad(), self._drawing(None):
            return self._evaluate(images, with_logits=with_logits)

    def _evaluate(self, images: ImageSet, *, with_logits: bool) -> Evaluation:
        self.network.eval()
        loss_sum = torch.zeros((), device=self.device, dtype=_sum_dtype(self.device))
        predictions = Predictions(len(images), self.spec.num_classes, with_logits=with_logits)
        step, count = evaluation_batch_size(self.recipe, self.spec.channels, self.device), len(images)
        for start in range(0, count, step):
            end = min(start + step, count)
            chosen = self._image_stream.between(images, start, end)
            inputs = prepare(chosen.pixels, self.recipe.augmentation, self.recipe.image_size).to(self.device)
            labels = chosen.labels.to(self.device)
            with (
                computing_at(self.precision, deterministic=self.case.deterministic),
                autocast(self.precision, self.device),
            ):
                logits = self.network(inputs.contiguous(memory_format=self.memory_format))
                loss_sum += functional.cross_entropy(logits, labels, reduction="sum")
            predictions.add(logits)
            self._image_stream.start(images, torch.arange(end, min(end + step, count)))
        return predictions.evaluation(loss_sum.item() / len(images), images.labels)


def chunk_size(recipe: Recipe, channels: int, device: torch.device) -> int:
    """Return the number of images augmented at a time: full batches of about `_CHUNK_BYTES` in float32."""
    batch_bytes = recipe.batch_size * channels * recipe.image_size**2 * 4
    return recipe.batch_size * max(1, _CHUNK_BYTES[device.type] // batch_bytes)


def evaluation_batch_size(recipe: Recipe, channels: int, device: torch.device = _CPU) -> int:
    """Return the number of images evaluated at a time, up to 500: 16 MiB of float32, more on a large GPU."""
    limit = _EVALUATION_BYTES
    if device.type == "cuda":
        _, memory = torch.cuda.mem_get_info(device)
        limit = max(limit, min(int(_EVALUATION_SHARE * memory), _MAX_EVALUATION_BYTES))
    return max(1, min(_EVALUATION_BATCH_SIZE, limit // (channels * recipe.image_size**2 * 4)))


def _sum_dtype(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64


def _batches(inputs: Tensor, labels: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(labels), batch_size):
        yield inputs[start : start + batch_size], labels[start : start + batch_size]
