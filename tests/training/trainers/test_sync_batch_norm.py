import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.errors import InputError
from harness.training.process_group import ProcessGroup
from harness.training.trainers.sync_batch_norm import RankShare, SynchronisedBatchNorm, synchronise_batch_norm
from tests.helpers.rank_threads import in_threads


@settings(deadline=None, max_examples=25)
@given(
    sizes=st.lists(st.integers(0, 4), min_size=2, max_size=3).filter(lambda sizes: sum(sizes) > 0),
    mean=st.sampled_from([0.0, 100.0]),
    has_stand_in=st.booleans(),
    seed=st.integers(0, 99),
)
def test_batch_norm_over_ranks_equals_that_of_one_process(sizes, mean, has_stand_in, seed):
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
        share = RankShare(processes)
        network = synchronise_batch_norm(nn.Sequential(module), share)
        own = x.split(sizes)[processes.rank].clone().requires_grad_()
        own_gradient = gradient.split(sizes)[processes.rank]
        share.counts = len(own) > 0
        if has_stand_in and not len(own):
            out = network(own.new_full((1, 3, 2, 5), 1e6))
            out.backward(torch.zeros_like(out))
            return network, own, own.detach()
        out = network(own)
        out.backward(own_gradient)
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
    module = SynchronisedBatchNorm.of(whole.eval(), RankShare(ProcessGroup(0, 2)))
    x = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(module(x), whole(x))


def outcomes(network, x, gradient):
    """Output, the gradients by x and by the weight, and the statistics of a network's first layer."""
    own = x.clone().requires_grad_()
    out = network(own)
    out.backward(gradient)
    return out.detach(), own.grad, network[0].weight.grad, network[0].running_mean, network[0].running_var


def relative_error(found, exact):
    return ((found.double() - exact).norm() / exact.norm()).item()


# The mean is 1, or 10,000 times as large as the deviation: of the latter float32 keeps 3 digits of each x.
@pytest.mark.parametrize(("mean", "dtype"), [(1.0, torch.float32), (1e4, torch.float32), (8.0, torch.bfloat16)])
def test_rounding_is_of_the_size_of_one_process(mean, dtype):
    generator = torch.Generator().manual_seed(0)
    x = (torch.randn(64, 4, 8, 8, generator=generator) + mean).to(dtype)
    # Most of this gradient is a multiple of x, which BatchNorm takes away: a small difference remains.
    gradient = (x.float() + torch.randn(64, 4, 8, 8, generator=generator) / 8).to(dtype)
    exact = outcomes(nn.Sequential(nn.BatchNorm2d(4)).double(), x.double(), gradient.double())
    single = outcomes(nn.Sequential(nn.BatchNorm2d(4)), x, gradient)

    def part(processes):
        network = synchronise_batch_norm(nn.Sequential(nn.BatchNorm2d(4)), RankShare(processes))
        return outcomes(network, *(one.split([40, 24])[processes.rank] for one in (x, gradient)))

    first, second = in_threads(2, part)
    assert first[0].dtype == first[1].dtype == dtype
    joined = [torch.cat([first[0], second[0]]), torch.cat([first[1], second[1]]), first[2] + second[2], *first[3:]]
    assert all(torch.equal(mine, its) for mine, its in zip(first[3:], second[3:], strict=True))
    for found, reference, right in zip(joined, single, exact, strict=True):
        assert relative_error(found, right) <= 3 * relative_error(reference, right) + 5e-6


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
        network = synchronise_batch_norm(nn.Sequential(make()), RankShare(processes))
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
        synchronise_batch_norm(nn.Sequential(layer), RankShare(ProcessGroup(0, 2)))
