"""What a foreign network cannot do is found out on two images, before anything is trained."""

import random

import pytest
import torch
import torchvision
from torch import nn

from harness.config.families import Model, parse_model
from harness.errors import InputError
from harness.models import trial
from harness.models.build import build_network
from harness.models.random_state import host_state
from harness.models.smallest_batch import smallest_batch
from harness.models.trial import Trial, network_notes, trial_of
from tests.helpers.networks import Drawing, HostDrawing, Plain, Waiting, model_with, own_model

SHAPE, CLASSES = (1, 8, 8), 3


def tried(build, shape=SHAPE):
    return trial_of(build if isinstance(build, Model) else own_model(build), shape, CLASSES)


def pooled(x):
    return x.mean(dim=(2, 3))


@pytest.mark.parametrize("build", [Drawing, HostDrawing, Waiting, Plain])
def test_a_network_that_can_be_trained_has_no_notes(build):
    before = host_state()
    assert tried(build) == Trial(torch.channels_last, ())
    assert host_state() == before


def test_the_harness_networks_need_no_trial(monkeypatch):
    monkeypatch.setattr(trial, "build_network", None)
    assert trial_of(parse_model("resnet8"), SHAPE, CLASSES) == Trial()
    assert network_notes(parse_model("resnet8"), SHAPE, CLASSES) == ()


KEPT = Plain(1, CLASSES)


def raises(in_channels, num_classes):
    raise KeyError("layer7")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (raises, r"model own: raises \(test_trial.py:\d+\) raised KeyError: 'layer7' \(test_trial.py:\d+\)$"),
        (lambda *_: None, r"<lambda> \(test_trial.py:\d+\) returned NoneType: it must return a torch.nn.Module"),
        (lambda *_: Plain, r"returned the class of one: it must return a torch.nn.Module"),
        (lambda c, _: Plain(c, 99), r"logits for 99 classes, the images have 3: does <lambda> .* use num_classes\?"),
        (model_with(lambda self, x: self.fc(pooled(x)).argsort()), r"returns int64 logits \(2, 3\) for 2 images"),
        (lambda c, n: nn.Conv2d(c, n, 3), r"returns logits \(2, 3, 6, 6\) for 2 images: they must be \(N, 3\)"),
        (lambda *_: KEPT, r"returns the same network each time: it must build a new one"),
        (lambda c, n: nn.Sequential(nn.LazyConv2d(4, 3)), r"parameter '0.weight' is of a lazy layer"),
        (lambda c, n: Plain(c, n).double(), r"parameter 'conv.weight' is float64: make it float32"),
        (lambda c, n: Plain(c, n).requires_grad_(False), r"it has no trainable parameters"),
        (model_with(lambda self, x: {"scores": x}), r"it returns a dict: it must return logits \(N, 3\)"),
        (model_with(lambda self, x: self.fc(pooled(x)).squeeze()), r"returns logits \(3,\) for 1 image: "),
        (model_with(lambda self, x: self.gone(x)), r"a training step on 1×8×8 images raised AttributeError: .*gone"),
    ],
)  # fmt: skip
def test_a_network_that_cannot_be_trained_is_refused(build, message):
    with pytest.raises(InputError, match=message) as refused:
        tried(build)
    assert len(str(refused.value).splitlines()) <= 2


def counting(self, x):
    self.steps = getattr(self, "steps", 0) + 1
    return self.fc(pooled(x)) * self.steps


class WithBuffer(Plain):
    """A network with a buffer that its forward pass changes."""

    def __init__(self, in_channels, num_classes, *, persistent, dtype=torch.float32):
        super().__init__(in_channels, num_classes)
        self.register_buffer("seen", torch.zeros((), dtype=dtype), persistent=persistent)

    def forward(self, x):
        self.seen += 1
        return super().forward(x)


def counting_from_one(in_channels, num_classes):
    network = Plain(in_channels, num_classes, counting)
    network.steps = 1
    return network


def test_state_that_is_not_saved_is_refused():
    with pytest.raises(InputError, match="'steps' changes in training, but is not saved with its state"):
        tried(counting_from_one)
    with pytest.raises(InputError, match="'seen' changes in training, but is not saved with its state"):
        tried(lambda c, n: WithBuffer(c, n, persistent=False))
    assert tried(lambda c, n: WithBuffer(c, n, persistent=True)).notes == ()
    with pytest.raises(InputError, match="buffer 'seen' is complex64: make it float32"):
        tried(lambda c, n: WithBuffer(c, n, persistent=True, dtype=torch.complex64))


def test_a_module_may_keep_any_number_that_does_not_change():
    def build(in_channels, num_classes):
        network = Plain(in_channels, num_classes)
        network.large, network.missing = 2**80, float("nan")
        return network

    assert tried(build).notes == ()


def test_a_network_that_views_memory_is_trained_contiguous():
    linear = nn.Linear(4 * 8 * 8, CLASSES)
    found = tried(
        lambda c, n: (
            (net := Plain(c, n, lambda self, x: self.wide(x.view(len(x), -1)))).add_module("wide", linear) or net
        )
    )
    assert found.memory_format is torch.contiguous_format
    (note,) = found.notes
    assert note.startswith("trained in the contiguous memory format, as channels_last raised RuntimeError: view size")
    assert "test_trial.py" in note


@pytest.mark.parametrize(
    ("head", "note"),
    [
        (lambda self, x: (self.fc(pooled(x)), x), "it returns a tuple of 2; the first are the logits"),
        (lambda self, x: {"out": self.fc(pooled(x))}, "it returns a dict; its 'out' are the logits"),
        (lambda self, x: self.fc(pooled(x)) / 0, "its logits are not finite at initialisation"),
        (lambda self, x: self.fc(pooled(x)) * UNSEEDED.random(), "its outputs differ from run to run with the same"),
    ],
)
def test_remarkable_outputs_are_noted(head, note):
    (found,) = tried(model_with(head)).notes
    assert found.startswith(note)


UNSEEDED = random.Random(0)


def test_unused_frozen_and_tied_parameters_need_no_note():
    def build(in_channels, num_classes):
        network = Plain(in_channels, num_classes, lambda self, x: self.fc(pooled(x)) + self.tied(pooled(x)))
        network.unused, network.tied = nn.Linear(2, 2), nn.Linear(4, num_classes)
        network.tied.weight = network.fc.weight
        network.conv.requires_grad_(False)
        return network

    assert tried(build) == Trial()


def library_model(name):
    build = getattr(torchvision.models, name)
    return Model(f"torchvision:{name}", name, build=lambda _, num_classes: build(num_classes=num_classes))


@pytest.mark.parametrize(
    ("build", "remedy"),
    [
        (
            library_model("alexnet"),
            "torchvision:alexnet cannot take 32×32 images: give the recipe image_size=64 or more",
        ),
        (
            lambda c, n: nn.Sequential(nn.Flatten(), nn.Linear(c * 48 * 48, n)),
            "own cannot take 32×32 images: give the recipe image_size=48",
        ),
    ],
)
def test_the_smallest_image_size_that_works_is_named(build, remedy):
    with pytest.raises(InputError) as refused:
        tried(build, (3, 32, 32))
    assert str(refused.value) == remedy


def test_a_network_for_smaller_images_is_told_its_size():
    with pytest.raises(InputError, match=r"RuntimeError: mat1 .*\nit takes 32×32: give the recipe image_size=32"):
        tried(lambda c, n: nn.Sequential(nn.Flatten(), nn.Linear(c * 32 * 32, n)), (1, 48, 48))


class NumpyInit(Plain):
    """A network that reads a value in its constructor, which the meta device cannot."""

    def __init__(self, in_channels, num_classes):
        super().__init__(in_channels, num_classes)
        self.scale = float(self.conv.weight.abs().max().item())
        self.mean = torch.from_numpy(self.conv.weight.detach().numpy())


def test_a_network_that_reads_values_is_built_on_the_cpu():
    network = build_network(own_model(NumpyInit), 1, CLASSES, seed=0, device="meta")
    assert network.conv.weight.is_meta
    assert tried(NumpyInit) == Trial()
    assert smallest_batch(own_model(NumpyInit), SHAPE, CLASSES) == 1


def test_a_foreign_network_may_need_two_images():
    assert smallest_batch(own_model(lambda c, n: nn.Sequential(nn.Conv2d(c, n, 8), nn.BatchNorm2d(n))), SHAPE, 3) == 2
