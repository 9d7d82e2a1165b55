import math

import pytest
import torch
from torch import nn

from harness.config.families import parse_model
from harness.models.build import build_network


def build(name, *, seed=0, shortcut="A", device="cpu"):
    return build_network(parse_model(name), 3, 10, seed=seed, shortcut=shortcut, device=device)


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


@pytest.mark.parametrize("name", ["resnet20", "resnet24"])
def test_the_seed_decides_the_initial_weights(name):
    first, again, other = (weights(build(name, seed=seed)) for seed in (5, 5, 6))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_initial_weights_ignore_the_global_random_state():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first = weights(build("resnet8"))
        torch.manual_seed(2)
        assert torch.equal(first, weights(build("resnet8")))


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", ["resnet8", "resnet24"])
def test_building_keeps_the_global_random_state(name, device):
    before = torch.get_rng_state()
    build(name, seed=123, device=device)

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_building_keeps_the_gpus_random_state():
    torch.cuda.manual_seed(7)
    before = torch.cuda.get_rng_state()
    build("resnet8", seed=123)

    assert torch.equal(torch.cuda.get_rng_state(), before)


@pytest.mark.parametrize(("name", "shortcut"), [("resnet20-4", "A"), ("resnet56-2", "B")])
def test_the_cifar_family_is_initialised_kaiming_normal(name, shortcut):
    for path, module in build(name, seed=1, shortcut=shortcut).named_modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        values, fan_in = module.weight.detach().flatten(), module.weight[0].numel()
        std = math.sqrt(2 / fan_in)
        allowed = 5 / math.sqrt(2 * values.numel())  # five standard errors of a standard deviation
        assert values.std().item() == pytest.approx(std, rel=allowed), path
        assert values.mean().item() == pytest.approx(0, abs=5 * std / math.sqrt(values.numel())), path
        # A normal's, not a uniform's: that has no value beyond √3 standard deviations, this has 8.3 % of them.
        beyond = (values.abs() > math.sqrt(3) * std).float().mean().item()
        assert beyond == pytest.approx(0.0833, abs=5 * 0.277 / math.sqrt(values.numel())), path


def test_the_imagenet_family_keeps_torchs_initialisation():
    for path, module in build("resnet24", seed=1).named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = 1 / math.sqrt(module.weight[0].numel())
            largest = module.weight.detach().abs().max().item()
            assert 0.99 * bound < largest <= bound * (1 + 1e-6), path


def test_batch_normalisation_starts_as_identity():
    for module in build("resnet20").modules():
        if isinstance(module, nn.BatchNorm2d):
            assert torch.equal(module.weight, torch.ones_like(module.weight))
            assert torch.equal(module.bias, torch.zeros_like(module.bias))
