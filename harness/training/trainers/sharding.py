"""A network too large for one device: each rank keeps a part of its numbers (torch's FSDP2).

That is a part of its weights, gradients and momentum. A group of layers is gathered on every rank for its forward and
its backward pass only. Torch's FSDP is imported in use.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, distributed, nn

from harness.training.process_group import ProcessGroup


def shard_network(network: nn.Module, device: torch.device, processes: ProcessGroup) -> nn.Module:
    """Place the network on the device, its parameters divided over all ranks.

    Only one group of layers at a time is whole on the device.
    The gradients are summed over the ranks, not averaged: each rank's loss is a part of the whole batch's mean.
    """
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.fsdp import fully_shard

    c10d: Any = distributed
    group = c10d.group.WORLD if processes.device_group is None else processes.device_group
    mesh = DeviceMesh.from_group(group, device.type)
    for module in [*dict.fromkeys(_groups(network)), network]:
        part = fully_shard(module, mesh=mesh, reshard_after_forward=True)
        part.set_gradient_divide_factor(1.0)
        part.set_force_sum_reduction_for_comms(True)  # gloo has no other
    return network


def _groups(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the modules to gather at a time: those of each outermost list, such as a stage's blocks."""
    for child in module.children():
        if isinstance(module, nn.Sequential | nn.ModuleList):
            if next(child.parameters(), None) is not None:
                yield child
        else:
            yield from _groups(child)


def whole(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with every rank's part, on the CPU. All ranks call it together."""
    return {name: (value.full_tensor() if _is_shard(value) else value).cpu() for name, value in tensors.items()}  # type: ignore[attr-defined]


def split(tensors: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Return this rank's part of each whole tensor, by names of the network's parameters and statistics."""
    from torch.distributed.tensor import distribute_tensor

    def part(value: Tensor, like: Any) -> Tensor:
        return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)

    present = network.state_dict()
    return {name: part(value, present[name]) if _is_shard(present[name]) else value for name, value in tensors.items()}


def _is_shard(tensor: Tensor) -> bool:
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)
