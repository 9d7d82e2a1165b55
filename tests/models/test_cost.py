import random
import subprocess
import sys

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from harness.config.families import named_model, parse_model
from harness.models import cost
from harness.models.build import build_network
from harness.models.cost import (
    count_activations,
    count_macs,
    count_macs_with_torch,
    count_parameters,
    count_weight_bytes,
    macs_note,
)
from harness.paper.published import MMACS
from tests.helpers import REPOSITORY

SHAPES = {"cifar10": (3, 32, 32), "fashionmnist": (1, 28, 28), "gtsrb": (3, 225, 225)}
CLASSES = {"cifar10": 10, "fashionmnist": 10, "gtsrb": 43}
# fvcore's tracer takes gigabytes for these; bench/test_shapes.py has them.
LARGE = ("resnet24-2", "resnet24-4")
TRACED = [pair for pair in MMACS if pair[1] not in LARGE]

# resnet8 on 1×8×8, 10 classes: stem, two convolutions at 8×8, two at 4×4, two at 2×2, the linear layer.
RESNET8_MACS = (
    9 * 1 * 16 * 64 + 2 * 9 * 16 * 16 * 64 + 9 * (16 + 32) * 32 * 16 + 9 * (32 + 64) * 64 * 4 + 64 * 10
)  # fmt: skip


@pytest.mark.parametrize(("dataset", "name"), TRACED)
def test_macs_are_the_published_ones(dataset, name):
    macs = count_macs(parse_model(name), SHAPES[dataset], CLASSES[dataset])

    assert macs / 1e6 == pytest.approx(MMACS[dataset, name], rel=0.005)
    assert macs == count_macs_with_torch(parse_model(name), SHAPES[dataset], CLASSES[dataset])


@pytest.mark.parametrize("name", LARGE)
def test_macs_of_large_models_are_the_published_ones(name):
    macs = count_macs_with_torch(parse_model(name), SHAPES["gtsrb"], 43)

    assert macs / 1e6 == pytest.approx(MMACS["gtsrb", name], rel=0.005)


def test_every_published_mac_count_is_tested():
    assert len(TRACED) == 15
    assert len(MMACS) == 17


@pytest.mark.parametrize("count", [count_macs, count_macs_with_torch])
def test_macs_of_a_small_model_match_a_hand_count(count):
    assert RESNET8_MACS == 747_136
    assert count(parse_model("resnet8"), (1, 8, 8), 10) == RESNET8_MACS


@pytest.mark.parametrize("count", [count_macs, count_macs_with_torch])
def test_option_b_adds_its_projections(count):
    assert count(parse_model("resnet8"), (1, 8, 8), 10, "B") == RESNET8_MACS + 16 * 32 * 16 + 32 * 64 * 4


def test_macs_are_integers():
    assert type(count_macs(parse_model("resnet8"), (1, 8, 8), 10)) is int
    assert type(count_macs_with_torch(parse_model("resnet8"), (1, 8, 8), 10)) is int


def test_parameters_exclude_buffers_and_frozen_parameters():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(5, 2))
    assert count_parameters(network) == (3 * 4 * 9 + 4) + 2 * 4 + (5 * 2 + 2)

    network[2].requires_grad_(False)
    assert count_parameters(network) == (3 * 4 * 9 + 4) + 2 * 4


def test_parameters_are_counted_on_the_meta_device():
    network = build_network(parse_model("resnet24-4"), 3, 43, seed=0, device="meta")

    assert count_parameters(network) == 317_753_643


def test_shared_parameters_are_counted_once():
    first, second = nn.Linear(5, 5), nn.Linear(5, 5)
    second.weight = first.weight
    assert count_parameters(nn.Sequential(first, second)) == 5 * 5 + 5 + 5


@pytest.fixture
def measured(monkeypatch):
    """The networks measured so far; their BatchNorm statistics are reset before."""
    networks, make = [], cost._unfilled_network

    def spy(*arguments):
        network = make(*arguments)
        for module in batch_norms_of(network):
            module.reset_running_stats()
        networks.append(network)
        return network

    monkeypatch.setattr(cost, "_unfilled_network", spy)
    cost._counted.cache_clear()
    return networks


def batch_norms_of(network):
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize("name", ["resnet20", "resnet24"])
def test_counting_keeps_batch_norm_statistics(measured, name):
    count_macs(parse_model(name), (3, 32, 32), 10)

    (network,) = measured
    assert batch_norms_of(network)
    for module in batch_norms_of(network):
        assert not module.training
        assert module.num_batches_tracked == 0
        assert torch.equal(module.running_mean, torch.zeros_like(module.running_mean))
        assert torch.equal(module.running_var, torch.ones_like(module.running_var))


@pytest.mark.parametrize("count", [count_macs, count_macs_with_torch])
def test_counting_keeps_the_global_random_states(count):
    cost._counted.cache_clear()
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    count(parse_model("resnet14"), (3, 32, 32), 10)
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()

    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_counting_prints_nothing_and_warns_of_nothing():
    code = (
        "from harness.models.cost import count_macs, count_parameters\n"
        "from harness.models.build import build_network\n"
        "from harness.config.families import parse_model\n"
        "count_parameters(build_network(parse_model('resnet8'), 1, 10, seed=0))\n"
        "count_macs(parse_model('resnet8'), (1, 8, 8), 10)\n"
        "count_macs(parse_model('resnet24'), (3, 32, 32), 10)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_counting_keeps_the_callers_warning_filters():
    import warnings

    cost._counted.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        count_macs(parse_model("resnet8"), (1, 8, 8), 10)
        count_parameters(nn.Linear(5, 2))
        assert warnings.filters == before


class Attention(nn.Module):
    """Patches of 2×2 pixels that attend to each other."""

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.patches, self.fc = nn.Conv2d(in_channels, 8, 2, 2), nn.Linear(8, num_classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        return self.fc(functional.scaled_dot_product_attention(x, x, x).mean(1))


class Products(nn.Module):
    """Matrix products of every spelling between a convolution and a linear layer."""

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(in_channels, 4, 1), nn.Linear(4, num_classes)

    def forward(self, x):
        x = self.conv(x).flatten(2)
        squares = torch.bmm(x, x.transpose(1, 2)) + x @ x.transpose(1, 2) + torch.einsum("nci,ndi->ncd", x, x)
        return self.fc(squares.mean(2))


class Untraceable(Products):
    """A network that torch.jit cannot trace."""

    def forward(self, x):
        if torch.jit.is_tracing():
            raise RuntimeError("not while tracing")
        return super().forward(x)


PRODUCTS = 4 * 64 + 3 * 4 * 4 * 64 + 4 * 10


@pytest.mark.parametrize(
    ("build", "macs", "note"),
    [
        (Products, PRODUCTS, None),
        (Untraceable, PRODUCTS, "MACs by torch's counter, since fvcore cannot trace the network (RuntimeError)"),
        (
            Attention,
            4 * 8 * 16 + 2 * 16 * 16 * 8 + 8 * 10,
            "MACs by torch's counter, since fvcore does not know aten::scaled_dot_product_attention",
        ),
    ],
)
def test_matrix_products_and_attention_of_foreign_networks_count(build, macs, note):
    model = named_model("own", build)
    assert count_macs(model, (1, 8, 8), 10) == count_macs_with_torch(model, (1, 8, 8), 10) == macs
    assert macs_note(model, (1, 8, 8), 10) == note


def test_a_vision_transformer_is_counted_without_memory():
    model = named_model("vit", lambda _, classes: torchvision.models.vit_b_16(num_classes=classes))
    assert round(count_macs_with_torch(model, (3, 224, 224), 1000) / 1e9, 2) == 17.56  # torchvision's figure
    assert count_parameters(build_network(model, 3, 1000, seed=0, device="meta")) == 86_567_656


def test_a_network_with_index_buffers_is_counted_with_their_values():
    def build(in_channels, num_classes):
        network = nn.Sequential(nn.Conv2d(in_channels, 4, 8), nn.Flatten(), nn.Linear(4, num_classes))
        network.register_buffer("order", torch.tensor([3, 1, 0, 2]))
        network.register_forward_pre_hook(lambda module, inputs: (inputs[0][:, :, module.order.repeat(2)],))
        return network

    assert count_macs(named_model("own", build), (1, 8, 8), 10) == 4 * 64 + 4 * 10


def test_activations_are_the_outputs_of_all_convolutions():
    model = parse_model("resnet8")
    assert count_activations(model, (1, 8, 8), 10) == (1 + 2) * 16 * 64 + 2 * 32 * 16 + 2 * 64 * 4
    projections = 32 * 16 + 64 * 4
    assert count_activations(model, (1, 8, 8), 10, "B") == count_activations(model, (1, 8, 8), 10) + projections


def test_activations_of_resnet50_are_the_published_ones():
    """11.1 million, table 2 of Radosavovic et al., Designing Network Design Spaces (2020)."""
    assert round(count_activations(parse_model("torchvision:resnet50"), (3, 224, 224), 1000) / 1e6, 1) == 11.1


class Functional(nn.Module):
    """A convolution called as a function, and a product that is none; without ``on_meta`` it needs real values."""

    def __init__(self, in_channels, num_classes, on_meta=True):
        super().__init__()
        self.weight, self.fc, self.on_meta = (
            nn.Parameter(torch.ones(4, in_channels, 3, 3)),
            nn.Linear(4, num_classes),
            on_meta,
        )

    def forward(self, x):
        random.random()
        x = functional.conv2d(x, self.weight)
        if not self.on_meta:
            x = x / float(x.abs().max() + 1)
        return self.fc(x.mean((2, 3)))


@pytest.mark.parametrize("on_meta", [True, False])
def test_activations_of_own_networks_count_functions_too(on_meta):
    model = named_model("own", lambda channels, classes: Functional(channels, classes, on_meta))
    state = random.getstate()
    assert count_activations(model, (3, 8, 8), 10) == 4 * 6 * 6
    assert random.getstate() == state


def test_weight_bytes_count_buffers_and_frozen_parameters_once():
    network = nn.Sequential(nn.Linear(5, 2, bias=False, dtype=torch.float64), nn.BatchNorm2d(3)).requires_grad_(False)
    network.append(network[0])
    assert count_weight_bytes(network) == 5 * 2 * 8 + (4 * 3 * 4 + 8)
    assert count_weight_bytes(nn.Linear(5, 2, device="meta")) == (10 + 2) * 4
