"""Networks of a user's own for tests: with randomness inside, and with the faults that are found out."""

import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torchvision.ops import StochasticDepth

from harness.config.families import Model, named_model
from harness.models.build import remember
from tests.helpers.tiny import make_case


class WideBlock(nn.Module):
    """A pre-activation block with dropout between its convolutions, as in wide residual networks."""

    def __init__(self, channels, dropout):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.dropout, self.depth = nn.Dropout(dropout), StochasticDepth(0.5, "row")

    def forward(self, x):
        out = self.conv1(functional.relu(self.bn1(x)))
        out = self.conv2(self.dropout(functional.relu(self.bn2(out))))
        return x + self.depth(out)


class Drawing(nn.Module):
    """A small wide residual network with dropout and stochastic depth."""

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.conv, self.block = nn.Conv2d(in_channels, 8, 3, padding=1), WideBlock(8, 0.3)
        self.fc = nn.Linear(8, num_classes)

    def features(self, x):
        return self.block(self.conv(x)).mean(dim=(2, 3))

    def forward(self, x):
        return self.fc(self.features(x))


class HostDrawing(Drawing):
    """A network that draws from Python's, numpy's and its own generators, in evaluation too."""

    def __init__(self, in_channels, num_classes):
        super().__init__(in_channels, num_classes)
        self.own, self.numbers = torch.Generator(), np.random.default_rng()

    def forward(self, x):
        scale = random.random() + np.random.rand() + torch.rand(1, generator=self.own).item() + self.numbers.random()
        return self.fc(self.features(x) * scale)


class Waiting(Drawing):
    """A network that waits for the device in its forward pass."""

    def forward(self, x):
        features = self.features(x)
        return self.fc(features / max(1.0, features.abs().max().item()))


class Plain(nn.Module):
    """Features of a convolution without BatchNorm; ``head`` makes the output of features and a linear layer."""

    def __init__(self, in_channels, num_classes, head=lambda self, x: self.fc(x.mean(dim=(2, 3)))):
        super().__init__()
        self.conv, self.fc, self.head = nn.Conv2d(in_channels, 4, 3, padding=1), nn.Linear(4, num_classes), head

    def forward(self, x):
        return self.head(self, functional.relu(self.conv(x)))


def model_with(head):
    """Return the model of a `Plain` network with that head."""
    return own_model(lambda in_channels, num_classes: Plain(in_channels, num_classes, head))


def own_model(build, name="own"):
    """Return a user's model."""
    return named_model(name, build)


def own_case(dataset, build, **changes):
    """Return the tiny case of a user's network."""
    model = build if isinstance(build, Model) else own_model(build)
    network = f"test{id(model.build):x}"
    remember(network, model)
    return make_case(dataset, model=model.name, network=network, **changes)
