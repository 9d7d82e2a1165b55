"""BatchNorm over the images of all ranks, equal to BatchNorm on one rank with all images."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from harness.errors import InputError
from harness.training.process_group import ProcessGroup

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def synchronise_batch_norm(network: nn.Module, device: torch.device, processes: ProcessGroup) -> nn.Module:
    """Return the network with each BatchNorm synchronised; parameters, statistics and names are kept.

    Raises:
        InputError: as `require_synchronisable` does.
    """
    require_synchronisable(network)
    if device.type == "cuda":
        convert: Any = nn.SyncBatchNorm.convert_sync_batchnorm
        converted: nn.Module = convert(network, processes.device_group)
        return converted
    for name, child in network.named_children():
        if isinstance(child, _BATCH_NORMS):
            setattr(network, name, SynchronisedBatchNorm.of(child, processes))
        else:
            synchronise_batch_norm(child, device, processes)
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
    """BatchNorm of any dimension over the images of all ranks, on any device; torch's own needs a GPU."""

    _processes: ProcessGroup

    @classmethod
    def of(cls, module: _BatchNorm, processes: ProcessGroup) -> "SynchronisedBatchNorm":
        """Return a synchronised BatchNorm that shares the module's parameters and statistics."""
        made = cls(module.num_features, module.eps, module.momentum, module.affine, device="meta")
        made.weight, made.bias = module.weight, module.bias
        made.running_mean, made.running_var = module.running_mean, module.running_var
        made.num_batches_tracked = module.num_batches_tracked
        made._processes = processes
        made.train(module.training)
        return made

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        mean, variance, count = _moments(x, self._processes)
        if count <= 1:
            raise ValueError("one value per channel over all processes: BatchNorm needs at least two in training")
        self._update_statistics(mean, variance * (count / (count - 1)))
        weight = torch.ones_like(mean, dtype=x.dtype) if self.weight is None else self.weight
        bias = torch.zeros_like(weight) if self.bias is None else self.bias
        normalised: Tensor = _Normalise.apply(
            x, weight, bias, mean.to(weight), variance.to(weight), count, self.eps, self._processes
        )
        return normalised

    @torch.no_grad()
    def _update_statistics(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        """Move the running statistics towards the batch's."""
        running: Any = self  # every BatchNorm of the networks tracks all three statistics
        running.num_batches_tracked += 1
        momentum = 1 / float(running.num_batches_tracked) if self.momentum is None else self.momentum
        running.running_mean.lerp_(mean.to(running.running_mean.dtype), momentum)
        running.running_var.lerp_(unbiased_variance.to(running.running_var.dtype), momentum)

    def _check_input_dim(self, _: Tensor) -> None:
        """Do nothing: inputs of every dimension are valid."""


def _moments(x: Tensor, processes: ProcessGroup) -> tuple[Tensor, Tensor, float]:
    """Return mean and biased variance per channel over all ranks, (C,) in float64, and their count.

    Combining each rank's own moments keeps precision if the mean is large compared with the deviation.
    """
    channels = x.shape[1]
    own = x.numel() // channels
    moments = torch.zeros(processes.world_size, 2 * channels + 1, dtype=torch.float64, device=x.device)
    if own:
        values = x.detach().to(torch.promote_types(x.dtype, torch.float32))
        variance, mean = torch.var_mean(values, (0, *range(2, x.dim())), correction=0)
        moments[processes.rank, :channels] = mean
        moments[processes.rank, channels:-1] = variance
        moments[processes.rank, -1] = own
    processes.all_reduce(moments)  # the other ranks' rows are zero: the sum holds every rank's row
    means, variances, counts = moments[:, :channels], moments[:, channels:-1], moments[:, -1:]
    count = float(counts.sum())
    if not count:
        raise ValueError("the batch has no images on any process")
    mean = (counts * means).sum(0) / count
    variance = (counts * (variances + (means - mean) ** 2)).sum(0) / count
    return mean, variance, count


class _Normalise(torch.autograd.Function):
    """(x − mean) / √(variance + eps) · weight + bias, with mean and variance over all ranks' x."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, count: float, eps: float,
        processes: ProcessGroup,
    ) -> Tensor:  # fmt: skip
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.count, ctx.eps, ctx.processes = count, eps, processes
        if not len(x):  # torch's batch_norm divides by zero
            return x.clone()
        return functional.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by x, weight and bias; the last two from this rank's images alone."""
        (gradient,) = gradients
        x, weight, mean, variance = ctx.saved_tensors
        by_x, by_weight, by_bias = gradient.clone(), torch.zeros_like(weight), torch.zeros_like(weight)
        if len(x):
            by_x, by_weight, by_bias = torch.ops.aten.native_batch_norm_backward(
                gradient, x, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
            )
        sums = ctx.processes.all_reduce(torch.stack([by_weight, by_bias]).double()) / ctx.count
        deviation = (variance.double() + ctx.eps).sqrt()
        slope = -weight.double() * sums[0] / deviation**2
        offset = -weight.double() * sums[1] / deviation - slope * mean.double()
        shape = (1, -1, *(1 for _ in x.shape[2:]))
        by_x.add_(x * slope.to(x.dtype).view(shape)).add_(offset.to(x.dtype).view(shape))
        return by_x, by_weight, by_bias, None, None, None, None, None
