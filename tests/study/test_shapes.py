import pytest
import torch
from torch import nn

import harness
from harness.errors import InputError
from harness.study import shapes

CLASSES = 10


class Base(nn.Module):
    """A network of one convolution, to be spoilt."""

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 4, 3, padding=1)
        self.fc = nn.Linear(4, num_classes)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


class Wrong(Base):
    def forward(self, x):
        return super().forward(x)[:, 1:]


class ChangesInEvaluation(Base):
    def forward(self, x):
        logits = super().forward(x)
        return logits if self.training else logits[:, 1:]


class Unused(Base):
    def __init__(self, in_channels, num_classes):
        super().__init__(in_channels, num_classes)
        self.other, self.third = nn.Linear(2, 2), nn.Linear(2, 2)


class Infinite(Base):
    def forward(self, x):
        return super().forward(x) / 0


class InfiniteGradient(Base):
    def forward(self, x):
        return super().forward(x) + self.fc.bias.sub(self.fc.bias.detach()).sqrt()


class ZeroAtFirst(Base):
    """As residual networks whose branches begin as zeros: the first step's gradient does not reach the convolution."""

    def __init__(self, in_channels, num_classes):
        super().__init__(in_channels, num_classes)
        nn.init.zeros_(self.fc.weight)


class Frozen(Base):
    def __init__(self, in_channels, num_classes):
        super().__init__(in_channels, num_classes)
        self.conv.requires_grad_(False)


def check(network, **arguments):
    family = harness.Family("mynet", lambda depth, width, in_channels, num_classes: network(in_channels, num_classes))
    return harness.check_shapes(family(depth=1), image_size=8, num_classes=CLASSES, **arguments)


@pytest.mark.parametrize("network", [Base, ZeroAtFirst, Frozen])
def test_a_users_network_is_checked_in_one_line(network):
    cost = check(network)

    assert cost.params == (4 * 3 * 9 + 4) * (network is not Frozen) + 4 * CLASSES + CLASSES
    assert cost.macs == 8 * 8 * 4 * 3 * 9 + 4 * CLASSES


def test_grey_images_have_one_channel():
    assert check(Base, channels=1).params == 4 * 9 + 4 + 4 * CLASSES + CLASSES


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (Wrong, "it returns logits for 9 classes, the images have 10"),
        (ChangesInEvaluation, "it returns logits for 9 classes, the images have 10"),
        (Unused, "no gradient reaches other.weight, other.bias, third.weight and 1 more parameter: use them"),
        (Infinite, "its logits are not finite: check its initial weights"),
        (InfiniteGradient, "the gradient is not finite in fc.bias: check its initial weights"),
    ],
)
def test_a_network_that_cannot_be_trained_is_refused(network, says):
    with pytest.raises(InputError) as refusal:
        check(network)
    assert f"mynet1: {says}" in str(refusal.value)


def test_several_faults_are_named_together(monkeypatch):
    monkeypatch.setattr(shapes, "count_macs_with_torch", lambda *_: 0)
    with pytest.raises(InputError, match=r"^2 faults:\n.*mynet1: no gradient reaches.*\n.*mynet1: fvcore counts"):
        check(Unused)


def test_a_harness_network_of_a_wrong_shape_is_refused(monkeypatch):
    monkeypatch.setattr(shapes, "build_network", lambda *_, **__: Wrong(3, CLASSES))
    with pytest.raises(InputError, match="model plain8: it returns logits for 9 classes, the images have 10"):
        harness.check_shapes("plain8", 8)


def test_counters_that_differ_are_a_fault_beyond_the_tolerance(monkeypatch):
    macs = check(Base).macs
    monkeypatch.setattr(shapes, "count_macs_with_torch", lambda *_: round(1.01 * macs))

    assert check(Base, macs_tolerance=0.02).macs == macs
    with pytest.raises(
        InputError, match=r"mynet1: fvcore counts 6,952 multiply-accumulates, torch 7,022; reports show"
    ):
        check(Base)


@pytest.mark.parametrize("name", ["preresnet8", "plain8", "wrn10-2-dropout0.3", "preresnet11-0.5", "wrn10-0.5"])
def test_both_counters_agree_on_every_family(name):
    assert harness.check_shapes(name, 16).macs > 0


def test_the_global_random_state_is_kept():
    before = torch.get_rng_state()
    harness.check_shapes("wrn10-0.5-dropout0.3", 8)
    assert torch.equal(torch.get_rng_state(), before)
