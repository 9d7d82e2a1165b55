"""The sum of every gradient over all ranks: the gradient of the whole batch's loss."""

import itertools

import torch
from torch import nn

from harness.training.process_group import ProcessGroup


class GradientSums:
    """One buffer with all gradients of a network, summed in a single all-reduce after the backward pass."""

    # Not `DistributedDataParallel`, which sends buckets during the backward pass: it regroups them after a process's
    # first step. Three processes then sum in another order (other bits, measured on gloo), so a resumed training would
    # differ from an uninterrupted one. Each BatchNorm's exchange would wait behind the buckets sent before it.

    def __init__(self, network: nn.Module, processes: ProcessGroup) -> None:
        """Make the buffer: each gradient in its parameter's memory layout, then one flag per parameter.

        A user's network may leave parameters without a gradient, which the optimizer then passes over: flags say so.
        """
        self._processes = processes
        self._parameters = [one for one in network.parameters() if one.requires_grad]
        ends = list(itertools.accumulate(parameter.numel() for parameter in self._parameters))
        first = self._parameters[0]
        self._buffer = torch.zeros(ends[-1] + len(ends), dtype=first.dtype, device=first.device)
        self._flags = self._buffer[ends[-1] :]
        self._sums = [
            self._buffer.as_strided(parameter.shape, parameter.stride(), end - parameter.numel())
            for parameter, end in zip(self._parameters, ends, strict=True)
        ]

    def reduce(self) -> None:
        """Replace each parameter's gradient by its sum; all ranks call it.

        The host waits for the device only if the network left a parameter of this rank without a gradient.
        """
        gradients = [parameter.grad for parameter in self._parameters]
        missing = [number for number, gradient in enumerate(gradients) if gradient is None]
        self._flags.fill_(1)
        for number in missing:
            self._sums[number].zero_()
            self._flags[number].zero_()
        present = [(sums, one) for sums, one in zip(self._sums, gradients, strict=True) if one is not None]
        torch._foreach_copy_([sums for sums, _ in present], [gradient for _, gradient in present])
        self._processes.all_reduce(self._buffer)
        is_used = self._used(missing)
        for number, (parameter, sums) in enumerate(zip(self._parameters, self._sums, strict=True)):
            parameter.grad = sums if is_used.get(number, True) else None

    def _used(self, missing: list[int]) -> dict[int, bool]:
        """Return for these parameters whether any rank has a gradient of them."""
        if not missing:
            return {}
        counts = self._flags.cpu().tolist()
        return {number: counts[number] > 0 for number in missing}
