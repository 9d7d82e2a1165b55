"""docs/guard.md: how often the guard errs, in the simulated comparisons of tests/analysis/test_guard_calibration.py."""

from functools import cache
from unittest.mock import patch

from harness.config.families import parse_model
from harness.models import resnet
from harness.models.build import build_network
from harness.models.cost import count_macs_on_meta
from tests.helpers.guarding import limits, violation_rate
from tests.records.quote import Quote

PAGE = "docs/guard.md"
POINTS, SHARE = 0.35, 0.02  # the spread between seeds


@cache
def _accuracy(after):
    return 100 * violation_rate(limits()["accuracy_percent"], 96.0, after, POINTS)


@cache
def _time(after):
    return 100 * violation_rate(limits()["epoch_seconds"], 1.0, after, SHARE)


def _cost(first_channels):
    """Return the parameters and MACs of ResNet-8 for the digits with so many channels in its first layers."""
    with patch.object(resnet, "_CIFAR_CHANNELS", (first_channels, 32, 64)):
        network = build_network(parse_model("resnet8"), 1, 10, seed=0, device="meta")
    return sum(one.numel() for one in network.parameters()), count_macs_on_meta(network, (1, 8, 8))


def _changes():
    """Return parameters and MACs before and after the example's change, and its size in percent."""
    before, after = _cost(16), _cost(20)
    return [value for old, new in zip(before, after, strict=True) for value in (old, new, 100 * (new / old - 1))]


QUOTES = [
    Quote(
        "parameters {:,} {:,} +{:.1f}% +0% digits resnet8 MACs {:,} {:,} +{:.1f}% +0%",
        _changes,
    ),
    Quote("a spread between seeds of {} points and of {:.0f} % of the epoch time", lambda: [POINTS, 100 * SHARE]),
    Quote("| none | {:.1f} % | {:.1f} % |", lambda: [_accuracy(96.0), _time(1.0)]),
    Quote("| as large as the limit | {:.1f} % | {:.1f} % |", lambda: [_accuracy(95.5), _time(1.1)]),
    Quote("| two points less accurate | {:.0f} % | |", lambda: [_accuracy(94.0)]),
    Quote("| epochs a quarter slower | | {:.0f} % |", lambda: [_time(1.25)]),
]
GIVEN = ["the one-sided 95 % interval"]
