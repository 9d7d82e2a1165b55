"""The trainer that both pipelines implement: a network, its optimizer, and one epoch at a time."""

import abc
import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.config.recipe import Recipe
from harness.data.images import ImageSet
from harness.hardware.device import autocast, computing_at
from harness.hardware.memory import keep_freed_memory
from harness.hardware.stops import Stops
from harness.hardware.stopwatch import Stopwatch
from harness.models.build import build_network, model_of
from harness.models.random_state import OwnGenerator, own_generators, seed_own, seeded
from harness.models.trial import Trial, trial_of
from harness.training.trainers.evaluation import Evaluation
from harness.training.trainers.verification import Acceleration

SetName = Literal["train", "test", "validation"]


def ignore_progress(_: float) -> None:
    """Do nothing: the default progress callback."""


class Trainer(abc.ABC):
    """A network in training on one device.

    An epoch's randomness comes from the case's seed and the epoch's number only, and the initial weights from the seed.
    That includes what the network itself draws (dropout, stochastic depth). So the same case on the same CPU ends with
    the same weights.

    Attributes:
        notes: remarks on how the network is trained, complete after `warm_up`.
        switched_off: the reason for each technique that the case is trained without, in one line; complete after
            `warm_up`. Techniques are ``bf16``, ``compile``, ``capture`` (the step as a CUDA graph) and ``resident``
            (images on the GPU).
        memory_format: of the network and its inputs.
        precision: that of forward passes.
        rank: this process's in its process group; each rank's network draws other numbers.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    memory_format: torch.memory_format = torch.contiguous_format
    rank: int = 0

    def __init__(self, case: Case, spec: DatasetSpec, device: torch.device) -> None:
        if device.type == "cpu":
            keep_freed_memory()  # in every trainer, so that all cases are timed alike
            # MKL chooses threads otherwise until the first call, which measuring with one thread makes for later cases.
            torch.set_num_threads(torch.get_num_threads())
        self.case = case
        self.spec = spec
        self.recipe = case.recipe
        self.precision: str = case.precision
        self.device = device
        self.notes: list[str] = []
        self.switched_off: dict[str, str] = {}

    def place(self, images: ImageSet, name: SetName = "train") -> ImageSet:
        """Return the images in the memory that this pipeline reads them from.

        Args:
            images: the images, on the CPU.
            name: the name of the set, by which ranks of a process group refer to it.
        """
        return images

    def switch_off(self, technique: str, reason: str) -> None:
        """Train without a technique from now on."""
        self.switched_off[technique] = reason
        for one in self.accelerations():
            if one.technique == technique:
                setattr(self, one.attribute, one.plain)
        self.optimizer.zero_grad(set_to_none=True)  # a failed capture's gradients lie in its memory

    def accelerations(self) -> list[Acceleration]:
        """List the techniques of a step in use, in the order in which they build on one another."""
        return []

    def uses_of_memory(self) -> list[str]:
        """List the techniques in use that may take memory which plain steps need."""
        return [one.technique for one in self.accelerations() if one.technique != "bf16"]

    def warm_up(self, images: ImageSet) -> None:  # noqa: B027 - a pipeline may have nothing to do
        """Compile, capture and verify before the first epoch is timed; leave no trace in the weights.

        Args:
            images: the training images, placed.
        """

    @abc.abstractmethod
    def train_epoch(
        self, images: ImageSet, epoch: int, watch: Stopwatch, on_progress: Callable[[float], None] = ignore_progress
    ) -> tuple[float, float]:
        """Train one epoch, on every image once; return its mean loss and its accuracy in percent.

        Args:
            images: the training images, placed.
            epoch: the epoch's number, from 0.
            watch: receives the seconds of loading (``load``) and of training (``train``).
            on_progress: called now and then with the share of the images trained so far, 0 to 1.
        """

    @abc.abstractmethod
    def evaluate(self, images: ImageSet, *, with_logits: bool = False) -> Evaluation:
        """Evaluate the network on images; only the deterministic part of the augmentation is applied.

        Args:
            with_logits: return the logits too, which costs a copy from the device.
        """

    @contextlib.contextmanager
    def in_use(self) -> Iterator[nn.Module]:
        """Yield the network in evaluation mode, to predict with; no call of it changes a later training."""
        # A foreign network may keep a tensor made here for its next training step, which inference mode forbids. The
        # order counts: inference_mode(False) turns gradients on.
        with (
            torch.inference_mode(not model_of(self.case).is_foreign),
            torch.no_grad(),
            self._drawing(None),
            computing_at(self.precision, deterministic=self.case.deterministic),
            autocast(self.precision, self.device, keeps_casts=True),
        ):
            yield self.network.eval()

    def stops_of_ranks(self) -> list[Stops]:
        """Return each rank's stops since its last training epoch began; empty for a single process."""
        return []

    def network_state(self) -> dict[str, Tensor]:
        """Return the weights and BatchNorm statistics by name; no copy if this process has all of them."""
        return self.network.state_dict()

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights and BatchNorm statistics, on the CPU."""
        return {name: value.detach().to("cpu", copy=True).contiguous() for name, value in self.network_state().items()}

    def momentum(self) -> dict[str, Tensor]:
        """Return each parameter's momentum on the device, by name; parameters without momentum are left out."""
        found = (
            (name, self.optimizer.state.get(parameter, {}).get("momentum_buffer"))
            for name, parameter in self.network.named_parameters()
        )
        return {name: buffer for name, buffer in found if buffer is not None}

    def restore(self, network: Mapping[str, Tensor], momentum: Mapping[str, Tensor]) -> None:
        """Restore weights, BatchNorm statistics and momentum of the same network, in place, after `warm_up`."""
        parameters = dict(self.network.named_parameters())
        self.network.load_state_dict(network)
        for name, values in momentum.items():
            state = self.optimizer.state[parameters[name]]
            if state.get("momentum_buffer") is None:
                state["momentum_buffer"] = torch.empty_like(parameters[name])
            state["momentum_buffer"].copy_(values)

    def replace_weights(self, network: Mapping[str, Tensor]) -> None:
        """Load these weights and BatchNorm statistics into the network, to evaluate them."""
        self.network.load_state_dict(network)

    @contextlib.contextmanager
    def _drawing(self, epoch: int | None) -> Iterator[None]:
        """Set the seed of everything that the network draws from; restore the session's states afterwards.

        Args:
            epoch: its number, from 0; None for an evaluation, each of which draws the same numbers.
        """
        seed = network_seed(self.case.seed, epoch, self.rank)
        with seeded(seed, self.device):
            seed_own(self.network_generators, seed)
            yield

    @functools.cached_property
    def network_generators(self) -> list[OwnGenerator]:
        """The generators that the network's modules keep."""
        return own_generators(self.network)

    def _set_learning_rate(self, epoch: int) -> None:
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(self.recipe.learning_rate_at(epoch))
            else:
                group["lr"] = self.recipe.learning_rate_at(epoch)


def initial_network(case: Case, spec: DatasetSpec) -> nn.Module:
    """Return the case's untrained network, on the CPU."""
    return build_network(model_of(case), spec.channels, spec.num_classes, seed=case.seed, shortcut=case.shortcut)


def empty_network(case: Case, spec: DatasetSpec) -> nn.Module:
    """Return the case's network on the meta device: shapes without values."""
    model = model_of(case)
    return build_network(model, spec.channels, spec.num_classes, seed=0, shortcut=case.shortcut, device="meta")


def trial_of_case(case: Case, spec: DatasetSpec) -> Trial:
    """Return the trial of the case's network on its images, see `trial_of`."""
    return trial_of(model_of(case), spec.input_shape(case.recipe.image_size), spec.num_classes)


def make_optimizer(
    network: nn.Module, recipe: Recipe, *, learning_rate: float | Tensor | None = None, fused: bool | None = None
) -> torch.optim.SGD:
    """Return the recipe's SGD over all parameters of the network.

    Args:
        network: the network to train.
        recipe: gives momentum, weight decay and, by default, the learning rate.
        learning_rate: replaces the recipe's; a captured step needs a tensor, to change it without a new capture.
        fused: use one kernel for all parameters; None leaves the choice to torch.
    """
    return torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate if learning_rate is None else learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
        fused=fused,
    )


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """Return the generator of all randomness in an epoch; epochs are counted from 0."""
    return torch.Generator().manual_seed(_seed_from(f"{seed}/{epoch}"))


def network_seed(seed: int, epoch: int | None, rank: int) -> int:
    """Return the seed of what a network draws in an epoch, or in an evaluation (None).

    It is not that of `epoch_generator`, which augments the images.
    """
    return _seed_from(f"network/{seed}/{'evaluation' if epoch is None else epoch}/{rank}")


def _seed_from(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
