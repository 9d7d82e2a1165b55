"""Gradient norms by layer, as measured; needs no torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class GradientNorms:
    """The gradient norms of a network's layers, from the input to the output.

    A layer's figure is the mean, over the batches of the training images, of the Euclidean norm of the gradient of the
    loss by the layer's weights.

    Attributes:
        layers: names of the convolution and linear layers.
        at_start: norms at initialisation, one per layer.
        after_epoch: norms after one epoch of training, one per layer.
    """

    model: str
    dataset: str
    train_images: int
    batch_size: int
    learning_rate: float
    layers: tuple[str, ...]
    at_start: tuple[float, ...]
    after_epoch: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.layers) == len(self.at_start) == len(self.after_epoch) or len(self.layers) < 2:
            raise ValueError("gradient norms need two layers or more, each with a norm before and after the epoch")
        if not all(math.isfinite(norm) and norm >= 0 for norm in (*self.at_start, *self.after_epoch)):
            raise ValueError(f"a gradient norm of {self.model} is not a number of 0 or more")

    @property
    def name(self) -> str:
        return f"gradients-{self.dataset}-{self.model}"


def first_over_last(norms: Sequence[float]) -> float:
    """Return the first layer's norm over that of the last convolution.

    It is 1 if gradients neither vanish nor explode on their way. The linear layer behind the convolutions does not
    count. The ratio is infinite if the last convolution's norm is 0.
    """
    return norms[0] / norms[-2] if norms[-2] else math.inf
