"""docs/several-devices.md: what a step exchanges follows from each network's layers."""

from functools import cache

from torch import nn

from harness.config.families import parse_model
from harness.models.build import build_network
from tests.records.quote import Quote

PAGE = "docs/several-devices.md"


def _in_bytes(size):
    number, unit = (size / 1e6, "MB") if size >= 500_000 else (size / 1e3, "kB")
    return f"{number:.0f} {unit}" if number >= 100 else f"{number:.2g} {unit}"


@cache
def _exchanges(model, classes):
    """Return the number of exchanges of a step, and the bytes of BatchNorm and of gradients."""
    network = build_network(parse_model(model), 3, classes, seed=0, device="meta")
    channels = [layer.num_features for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    normalising = sum(8 * (2 * count + 1) + 8 * 2 * count for count in channels)
    gradients = sum(4 * (parameter.numel() + 1) for parameter in network.parameters())
    return 2 * len(channels) + 1, _in_bytes(normalising), _in_bytes(gradients)


def _row(title, model, classes):
    return Quote(f"| {title} | {{}} | {{}} | {{}} |", lambda: _exchanges(model, classes))


QUOTES = [
    _row("ResNet-20", "resnet20", 10),
    _row("ResNet-20-4", "resnet20-4", 10),
    _row("ResNet-110", "resnet110", 10),
    _row("ResNet-50", "resnet50", 43),
    _row("ResNet-152", "resnet152", 43),
]
GIVEN = []
