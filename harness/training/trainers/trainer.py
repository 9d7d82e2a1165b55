"""What both pipelines have in common: a network in training, its optimizer, one epoch at a time."""

import abc
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.config.families import parse_model
from harness.config.recipes import Recipe
from harness.data.images import ImageSet
from harness.hardware.memory import keep_freed_memory
from harness.hardware.stopwatch import Stopwatch
from harness.models.resnet import build_network


@dataclass(frozen=True)
class Evaluation:
    """A set of images evaluated: mean loss, accuracy, and the predicted class of each image, (N,)."""

    loss: float
    accuracy_percent: float
    predictions: NDArray[np.int64]


def ignore_progress(_: float) -> None:
    """Who wants to know how far an epoch is: nobody."""


class Trainer(abc.ABC):
    """A network in training on one device.

    All of an epoch's randomness comes from the case's seed and the epoch's number, the initial weights from the seed:
    the same case on the same CPU ends with the same weights.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer

    def __init__(self, case: Case, spec: DatasetSpec, device: torch.device) -> None:
        if device.type == "cpu":
            keep_freed_memory()  # here, so that no case is timed otherwise than another
        self.case = case
        self.spec = spec
        self.recipe = case.recipe
        self.device = device

    def place(self, images: ImageSet) -> ImageSet:
        """The images where this pipeline wants to have them."""
        return images

    def warm_up(self, train_images: int) -> None:  # noqa: B027 - a pipeline may have nothing to do
        """Do, before the first epoch is timed, what is done once: compile, capture. Nothing is learnt from it.

        Args:
            train_images: in an epoch.
        """

    @abc.abstractmethod
    def train_epoch(
        self, images: ImageSet, epoch: int, watch: Stopwatch, on_progress: Callable[[float], None] = ignore_progress
    ) -> tuple[float, float]:
        """Train epoch ``epoch``, counted from 0, over every image once: its mean loss and its accuracy in percent.

        Args:
            watch: is given the seconds of loading (``load``) and of training (``train``).
            on_progress: is told now and then which share of the images is trained.
        """

    @abc.abstractmethod
    def evaluate(self, images: ImageSet) -> Evaluation:
        """Loss, accuracy and predictions on images that only get the deterministic part of the augmentation."""

    def weights(self) -> dict[str, Tensor]:
        """A copy of the weights and BatchNorm statistics, on the CPU."""
        return {
            name: value.detach().to("cpu", copy=True).contiguous() for name, value in self.network.state_dict().items()
        }

    def momentum(self) -> dict[str, Tensor]:
        """Each parameter's momentum by the parameter's name, on the device; of those that have one by now."""
        found = (
            (name, self.optimizer.state.get(parameter, {}).get("momentum_buffer"))
            for name, parameter in self.network.named_parameters()
        )
        return {name: buffer for name, buffer in found if buffer is not None}

    def restore(self, network: Mapping[str, Tensor], momentum: Mapping[str, Tensor]) -> None:
        """Go on from weights, BatchNorm statistics and momentum of the same network. Call it before `warm_up`."""
        parameters = dict(self.network.named_parameters())
        self.network.load_state_dict(network)
        for name, values in momentum.items():
            state = self.optimizer.state[parameters[name]]
            if state.get("momentum_buffer") is None:
                state["momentum_buffer"] = torch.empty_like(parameters[name])
            state["momentum_buffer"].copy_(values)

    def replace_weights(self, network: Mapping[str, Tensor]) -> None:
        """Have the network be of these weights and BatchNorm statistics, to evaluate them."""
        self.network.load_state_dict(network)

    def _set_learning_rate(self, epoch: int) -> None:
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(self.recipe.learning_rate_at(epoch))
            else:
                group["lr"] = self.recipe.learning_rate_at(epoch)


def initial_network(case: Case, spec: DatasetSpec) -> nn.Module:
    """The case's network, untrained, on the CPU."""
    return build_network(
        parse_model(case.model), spec.channels, spec.num_classes, seed=case.seed, shortcut=case.shortcut
    )


def empty_network(case: Case, spec: DatasetSpec) -> nn.Module:
    """The case's network without values, to look at its shapes."""
    model = parse_model(case.model)
    return build_network(model, spec.channels, spec.num_classes, seed=0, shortcut=case.shortcut, device="meta")


def make_optimizer(
    network: nn.Module, recipe: Recipe, *, learning_rate: float | Tensor | None = None, fused: bool | None = None
) -> torch.optim.SGD:
    """The recipe's SGD over all of the network's parameters.

    Args:
        learning_rate: in the place of the recipe's, a tensor where it has to be changed without a new capture.
        fused: one kernel for all parameters; None leaves it to torch.
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
    """The generator of all of an epoch's randomness; epochs counted from 0."""
    digest = hashlib.sha256(f"{seed}/{epoch}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
