"""A check of a network before it is trained: logits, gradients, parameters, multiply-accumulates."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.config.families import Model, parse_model
from harness.errors import FaultList, InputError
from harness.models.build import build_network
from harness.models.cost import count_macs, count_macs_with_torch, count_parameters
from harness.models.random_state import seeded
from harness.models.trial import require_logits, trial_of
from harness.text import MOST_NAMED, listed_up_to

_IMAGES = 4  # batch normalisation of 1×1 maps needs more than one
_MOST_STEPS = 3


@dataclass(frozen=True)
class NetworkCost:
    """A network's cost.

    Attributes:
        params: trainable parameters.
        macs: multiply-accumulates of one image's forward pass.
    """

    params: int
    macs: int


def check_shapes(
    model: str | Model,
    image_size: int = 32,
    channels: int = 3,
    num_classes: int = 10,
    *,
    macs_tolerance: float = 0.005,
) -> NetworkCost:
    """Check in seconds that a network can be trained, and return its cost.

    A test of a user's network is one line: ``harness.check_shapes(NET(depth=1), image_size=32)``. The checks, on random
    images, are those before a training, see `trial_of`, and these: the network returns logits (N, num_classes) in
    training and in evaluation, finite ones in training; a finite gradient other than zero reaches every trainable
    parameter; fvcore and torch count the same multiply-accumulates.

    Args:
        model: a model, or the name of one that comes with the harness.
        image_size: height and width of the images in pixels.
        channels: 3 for colour images, 1 for grey ones.
        num_classes: the number of logits.
        macs_tolerance: the largest difference of the two counts, as a fraction of fvcore's.

    Raises:
        InputError: a check fails; the message names every fault.
    """
    model, shape = parse_model(model) if isinstance(model, str) else model, (channels, image_size, image_size)
    trial_of(model, shape, num_classes)
    network = build_network(model, channels, num_classes, seed=0)
    faults = FaultList()
    with seeded(0):
        images = torch.randn(_IMAGES, *shape)
        with faults:
            _require_gradients(model, network.train(), images, num_classes)
        with faults, torch.no_grad():
            require_logits(model, network.eval()(images), _IMAGES, num_classes)
    with faults:
        macs = _agreed_macs(model, shape, num_classes, macs_tolerance)
    faults.raise_any()
    return NetworkCost(count_parameters(network), macs)


def _require_gradients(model: Model, network: nn.Module, images: Tensor, num_classes: int) -> None:
    """Raise an `InputError` unless finite gradients reach all trainable parameters within three steps.

    A layer whose initial weights are 0, as the last of a residual branch often is, passes none on in the first step.
    """
    parameters = {name: one for name, one in network.named_parameters() if one.requires_grad}
    unreached, optimizer = set(parameters), torch.optim.SGD(parameters.values(), lr=0.01)
    for _ in range(_MOST_STEPS):
        logits = network(images)
        require_logits(model, logits, _IMAGES, num_classes)
        if not logits.isfinite().all():
            raise InputError(f"{model.name}: its logits are not finite: check its initial weights")
        optimizer.zero_grad()
        functional.cross_entropy(logits, torch.arange(_IMAGES) % num_classes).backward()  # type: ignore[no-untyped-call]
        gradients = {name: one.grad for name, one in parameters.items() if one.grad is not None}
        if infinite := [name for name, one in gradients.items() if not one.isfinite().all()]:
            raise InputError(
                f"{model.name}: the gradient is not finite in {_named(infinite)}: check its initial weights"
            )
        unreached -= {name for name, one in gradients.items() if one.any()}
        if not unreached:
            return
        optimizer.step()
    in_order = [name for name in parameters if name in unreached]
    raise InputError(f"{model.name}: no gradient reaches {_named(in_order)}: use them in forward, or remove them")


def _named(parameters: list[str]) -> str:
    return listed_up_to(parameters, MOST_NAMED, "parameter")


def _agreed_macs(model: Model, shape: tuple[int, int, int], num_classes: int, tolerance: float) -> int:
    """Return fvcore's count; raise an `InputError` if torch's differs by more than the tolerance."""
    macs, by_torch = count_macs(model, shape, num_classes), count_macs_with_torch(model, shape, num_classes)
    if abs(by_torch - macs) > tolerance * macs:
        raise InputError(
            f"{model.name}: fvcore counts {macs:,} multiply-accumulates, torch {by_torch:,}; reports show fvcore's\n"
            "if that is right, give a larger macs_tolerance"
        )
    return macs
