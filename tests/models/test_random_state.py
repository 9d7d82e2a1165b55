import random

import numpy as np
import pytest
import torch
from torch import nn

from harness.models.random_state import host_state, own_generators, seed_own, seeded


def drawn():
    return torch.rand(1).item(), random.random(), np.random.rand()


def test_a_seed_decides_what_every_generator_draws():
    with seeded(5):
        first = drawn()
    with seeded(5):
        again = drawn()
    with seeded(6):
        other = drawn()
    assert first == again
    assert all(one != two for one, two in zip(first, other, strict=True))


def test_the_sessions_states_are_restored_after_an_error():
    before = host_state()
    with pytest.raises(ValueError, match="inside"), seeded(2**63 - 1):
        drawn()
        raise ValueError("inside")
    assert host_state() == before


@pytest.mark.parametrize("draw", [lambda: torch.rand(1), random.random, np.random.rand])
def test_a_draw_on_the_host_changes_its_state(draw):
    with seeded(0):
        before = host_state()
        torch.ones(1).sum()
        assert host_state() == before
        draw()
        assert host_state() != before


def test_a_networks_own_generators_are_found_and_seeded():
    network = nn.Sequential(nn.Identity())
    network[0].one, network.two, network.three = torch.Generator(), random.Random(), np.random.default_rng()
    generators = own_generators(network)
    assert len(generators) == 3

    def values():
        seed_own(generators, 7)
        return torch.rand(1, generator=network[0].one).item(), network.two.random(), network.three.random()

    assert values() == values()


def test_generators_of_numpys_old_kind_and_in_containers_are_found():
    network, kept = nn.Identity(), [random.Random()]
    kept.append(kept)  # a list may contain itself
    network.old, network.listed, network.named = np.random.RandomState(), kept, {"a": (np.random.default_rng(),)}
    generators = own_generators(network)
    assert len(generators) == 3

    def values():
        seed_own(generators, 2**63 - 3)
        return network.old.random(), kept[0].random(), network.named["a"][0].random()

    assert values() == values()
