import torch
from torch import nn

from harness.training.process_group import ProcessGroup
from harness.training.trainers.gradient_sums import GradientSums
from tests.helpers.host_waits import HostWaits
from tests.helpers.rank_threads import in_threads


def reduced(part):
    """What ``part(network, rank)`` leaves as gradients on each of two ranks, after the reduction of its second step."""

    def act(processes):
        network = nn.ParameterDict({name: nn.Parameter(torch.ones(2, 3)) for name in ("all", "one", "none")})
        sums = GradientSums(network, processes)
        sum(network.values()).sum().backward()
        sums.reduce()
        network.zero_grad()
        with HostWaits() as waits:
            part(network, processes.rank).backward()
            sums.reduce()
        return {name: parameter.grad for name, parameter in network.items()}, waits.names

    return in_threads(2, act)


def test_gradients_are_summed_and_none_without_any():
    for gradients, _ in reduced(lambda network, rank: network["one" if rank else "all"].sum() * (2 + rank)):
        assert torch.equal(gradients["all"], torch.full((2, 3), 2.0))
        assert torch.equal(gradients["one"], torch.full((2, 3), 3.0))
        assert gradients["none"] is None


def test_no_wait_for_the_device_if_every_parameter_has_a_gradient():
    for gradients, waits in reduced(lambda network, rank: sum(network.values()).sum()):
        assert torch.equal(gradients["none"], torch.full((2, 3), 2.0))
        assert waits == []


def test_a_gradient_keeps_its_parameters_memory_layout():
    network = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    sums = GradientSums(network, ProcessGroup())
    network(torch.ones(2, 3, 5, 5)).sum().backward()
    expected = network.weight.grad.clone()
    sums.reduce()
    assert torch.equal(network.weight.grad, expected)
    assert network.weight.grad.stride() == network.weight.stride()
