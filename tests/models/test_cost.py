import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from harness.config.families import parse_model
from harness.models import cost
from harness.models.build import build_network
from harness.models.cost import count_macs, count_macs_with_torch, count_parameters
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
