"""BatchNorm over the images of all ranks, equal to BatchNorm on one rank with all images.

It replaces torch's `SyncBatchNorm` on every device, so that the tests on CPUs cover it. Torch's needs a GPU, makes the
host wait for it at each layer, and fails on a rank without images.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from harness.errors import InputError
from harness.training.process_group import ProcessGroup

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class RankShare:
    """A rank's share of the current batch, known to each of its BatchNorm layers.

    Attributes:
        processes: the ranks that share the batch.
        counts: False if the share is one image that stands in for none, so that it must not count.
    """

    def __init__(self, processes: ProcessGroup) -> None:
        self.processes, self.counts = processes, True


def synchronise_batch_norm(network: nn.Module, share: RankShare) -> nn.Module:
    """Return the network with each BatchNorm synchronised; parameters, statistics and names are kept.

    Raises:
        InputError: as `require_synchronisable` does.
    """
    require_synchronisable(network)
    for name, child in network.named_children():
        if isinstance(child, _BATCH_NORMS):
            setattr(network, name, SynchronisedBatchNorm.of(child, share))
        else:
            synchronise_batch_norm(child, share)
    return network


def require_synchronisable(network: nn.Module) -> None:
    """Raise an `InputError` for a BatchNorm that is not torch's own: it would lose what it adds."""
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) and not (type(module) in _BATCH_NORMS and module.track_running_stats):
            raise InputError(
                f"its layer {name!r}, a {type(module).__name__}, cannot be synchronised between processes\n"
                "train it without torchrun, or use nn.BatchNorm2d with running statistics"
            )


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """BatchNorm of any dimension over the images of all ranks. The host never waits for the device."""

    _share: RankShare

    @classmethod
    def of(cls, module: _BatchNorm, share: RankShare) -> "SynchronisedBatchNorm":
        """Return a synchronised BatchNorm that shares the module's parameters and statistics."""
        made = cls(module.num_features, module.eps, module.momentum, module.affine, device="meta")
        made.weight, made.bias = module.weight, module.bias
        made.running_mean, made.running_var = module.running_mean, module.running_var
        made.num_batches_tracked = module.num_batches_tracked
        made._share = share
        made.train(module.training)
        return made

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        mean, variance, count = _moments(x.detach(), self._share)
        # `require_no_batch_of_one` has refused a batch with one value per channel, for which count - 1 is 0.
        self._update_statistics(mean, variance * (count / (count - 1)))
        weight = torch.ones_like(mean, dtype=_at_least_float32(x)) if self.weight is None else self.weight
        bias = torch.zeros_like(weight) if self.bias is None else self.bias
        normalised: Tensor = _Normalise.apply(
            x, weight, bias, mean.to(weight), variance.to(weight), count, self.eps, self._share
        )
        return normalised

    @torch.no_grad()
    def _update_statistics(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        """Move the running statistics towards the batch's."""
        running: Any = self  # every BatchNorm of the networks tracks all three statistics
        running.num_batches_tracked += 1
        for statistic, value in ((running.running_mean, mean), (running.running_var, unbiased_variance)):
            value = value.to(statistic.dtype)
            momentum = self.momentum
            statistic.lerp_(value, 1 / running.num_batches_tracked.to(value) if momentum is None else momentum)

    def _check_input_dim(self, _: Tensor) -> None:
        """Do nothing: inputs of every dimension are valid."""


def _at_least_float32(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)


def _moments(x: Tensor, share: RankShare) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and biased variance per channel over all ranks, (C,), and their count, (1,), in float64.

    One all-reduce of 2 C + 1 numbers for any world size. A rank's own mean and variance come from a stable algorithm
    in float32; in float64, the sums of squares made of them lose precision only if the mean is a million times as
    large as the deviation, where float32 inputs have lost it already.
    """
    channels = x.shape[1]
    sums = torch.zeros(2 * channels + 1, dtype=torch.float64, device=x.device)
    if share.counts and (count := x.numel() // channels):
        variance, mean = torch.var_mean(x.to(_at_least_float32(x)), (0, *range(2, x.dim())), correction=0)
        mean = mean.double()
        torch.cat([mean, variance.double().addcmul_(mean, mean), torch.ones_like(mean[:1])], out=sums).mul_(count)
    share.processes.all_reduce(sums)
    count_of_all = sums[-1:]
    mean, mean_of_squares = (sums[:-1] / count_of_all).chunk(2)
    return mean, mean_of_squares.addcmul(mean, mean, value=-1).clamp_(min=0), count_of_all


class _Normalise(torch.autograd.Function):
    """(x − mean) / √(variance + eps) · weight + bias, with mean and variance over all ranks' x."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, count: Tensor, eps: float,
        share: RankShare,
    ) -> Tensor:  # fmt: skip
        ctx.save_for_backward(x, weight, mean, variance, count)
        ctx.eps, ctx.share, ctx.counts = eps, share, share.counts and x.numel() > 0
        if not x.numel():  # torch's batch_norm divides by zero
            return x.clone()
        return functional.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by x, weight and bias; the last two from this rank's images alone.

        With x̂ the normalised x, and means over all ranks' values of a channel: the gradient by x is
        weight / √(variance + eps) · (gradient − mean(gradient) − x̂ · mean(gradient · x̂)).
        """
        (gradient,) = gradients
        x, weight, mean, variance, count = ctx.saved_tensors
        by_x, by_weight, by_bias = torch.zeros_like(x), torch.zeros_like(weight), torch.zeros_like(weight)
        if ctx.counts:
            _, by_weight, by_bias = torch.ops.aten.native_batch_norm_backward(
                gradient, x, weight, mean, variance, None, None, False, ctx.eps, [False, True, True]
            )
        means = ctx.share.processes.all_reduce(torch.stack([by_weight, by_bias]).double()) / count
        if ctx.counts:
            inverse = (variance.double() + ctx.eps).rsqrt()
            scale = weight.double() * inverse
            slope = -scale * inverse * means[0]
            offset = -scale * means[1] - slope * mean.double()
            shape, dtype = (1, -1, *(1 for _ in x.shape[2:])), _at_least_float32(x)
            scale, slope, offset = (one.to(dtype).view(shape) for one in (scale, slope, offset))
            by_x = torch.addcmul(offset, x, slope).addcmul_(gradient, scale).to(x.dtype)  # bf16 is rounded once
        return by_x, by_weight, by_bias, None, None, None, None, None
