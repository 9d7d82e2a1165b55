import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.errors import InputError
from harness.training.process_group import ProcessGroup
from harness.training.trainers.sync_batch_norm import SynchronisedBatchNorm, synchronise_batch_norm
from tests.helpers.rank_threads import in_threads
from tests.helpers.tiny import CPU


@settings(deadline=None, max_examples=25)
@given(
    sizes=st.lists(st.integers(0, 4), min_size=2, max_size=3).filter(lambda sizes: sum(sizes) > 0),
    mean=st.sampled_from([0.0, 100.0]),
    seed=st.integers(0, 99),
)
def test_batch_norm_over_ranks_equals_that_of_one_process(sizes, mean, seed):
    torch.manual_seed(seed)
    x, gradient = (torch.randn(sum(sizes), 3, 2, 5, dtype=torch.float64) for _ in range(2))
    x = (x + mean).contiguous(memory_format=torch.channels_last)
    whole = nn.BatchNorm2d(3, dtype=torch.float64)
    nn.init.uniform_(whole.weight)
    nn.init.uniform_(whole.bias)
    state = {name: value.clone() for name, value in whole.state_dict().items()}
    everything = x.clone().requires_grad_()
    expected = whole(everything)
    expected.backward(gradient)

    def part(processes):
        module = nn.BatchNorm2d(3, dtype=torch.float64)
        module.load_state_dict(state)
        network = synchronise_batch_norm(nn.Sequential(module), CPU, processes)
        own = x.split(sizes)[processes.rank].clone().requires_grad_()
        out = network(own)
        out.backward(gradient.split(sizes)[processes.rank])
        return network, own.grad, out.detach()

    parts = in_threads(len(sizes), part)
    torch.testing.assert_close(torch.cat([out for _, _, out in parts]), expected.detach())
    torch.testing.assert_close(torch.cat([by_x for _, by_x, _ in parts]), everything.grad)
    for name in ("weight", "bias"):
        torch.testing.assert_close(sum(getattr(n[0], name).grad for n, _, _ in parts), getattr(whole, name).grad)
    for network, _, _ in parts:
        assert network.state_dict().keys() == {f"0.{name}" for name in state}
        for name, value in network[0].state_dict().items():
            torch.testing.assert_close(value, whole.state_dict()[name])


def test_evaluation_uses_the_running_statistics():
    whole = nn.BatchNorm2d(2)
    whole.running_mean.fill_(3)
    module = SynchronisedBatchNorm.of(whole.eval(), ProcessGroup(0, 2))
    x = torch.randn(1, 2, 2, 2)
    assert torch.equal(module(x), whole(x))


def test_gradients_are_finite_at_bfloat16():
    def part(processes):
        module = synchronise_batch_norm(nn.Sequential(nn.BatchNorm2d(2)), CPU, processes)
        with torch.autocast("cpu", torch.bfloat16):
            out = module(torch.arange(16.0).view(2, 2, 2, 2).bfloat16())
            out.float().square().sum().backward()
        return out.dtype, module[0].weight.grad.isfinite().all().item()

    assert in_threads(2, part) == [(torch.bfloat16, True)] * 2


def test_one_value_per_channel_over_all_ranks_is_refused_in_training():
    def part(processes):
        network = synchronise_batch_norm(nn.Sequential(nn.BatchNorm2d(2)), CPU, processes)
        return network(torch.ones(1 - processes.rank, 2, 1, 1))

    for error in in_threads(2, part):
        assert isinstance(error, ValueError)
        assert "one value per channel" in str(error)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.BatchNorm1d(3), (6, 3)),
        (lambda: nn.BatchNorm3d(3, affine=False), (6, 3, 2, 2, 2)),
        (lambda: nn.BatchNorm2d(3, momentum=None), (6, 3, 2, 2)),
    ],
)
def test_every_kind_of_batch_norm_is_synchronised(make, shape):
    x, whole = torch.randn(shape, generator=torch.Generator().manual_seed(0)), make()
    expected = [whole(part) for part in x.split(4)]

    def part(processes):
        network = synchronise_batch_norm(nn.Sequential(make()), CPU, processes)
        return [network(part.chunk(2)[processes.rank]) for part in x.split(4)], network[0]

    parts = in_threads(2, part)
    for number, values in enumerate(expected):
        torch.testing.assert_close(torch.cat([outputs[number] for outputs, _ in parts]), values)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(parts[0][1].state_dict()[name], value)


class NormAndRelu(nn.BatchNorm2d):
    """A layer that does more than BatchNorm, as timm's do."""


@pytest.mark.parametrize("layer", [NormAndRelu(2), nn.BatchNorm2d(2, track_running_stats=False)])
def test_a_layer_that_cannot_be_synchronised_is_refused(layer):
    with pytest.raises(InputError, match=r"its layer '0', a (NormAndRelu|BatchNorm2d), cannot be synchronised"):
        synchronise_batch_norm(nn.Sequential(layer), CPU, ProcessGroup(0, 2))
