"""The number of cases that a device has room for."""

import os
from collections.abc import Collection
from pathlib import Path

import torch
from torch import Tensor

from harness.config.experiment import Experiment
from harness.models.build import build_network, model_of
from harness.study.machine import Machine

_MOST = 4  # not measured on a GPU yet; every case also needs a core that launches its work
_CONTEXT_BYTES = 2**30  # of a process: its CUDA context, libraries and their workspaces
_USED_SHARE = 0.8  # of the free memory: the rest is for what an estimate does not see
_COPIES_OF_WEIGHTS = 4  # weights, gradients, momentum, and their casts or checkpoints


def cases_that_fit(machine: Machine, experiments: Collection[Experiment]) -> int:
    """Return how many of the largest of these cases the device has room for; 1 on a CPU.

    It is 1 too if the memory of a case cannot be estimated.
    """
    device = machine.device
    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    kinds = {(one.dataset, one.model, one.recipe): one for one in experiments}
    try:
        largest = max((case_bytes(machine, one) for one in kinds.values()), default=_CONTEXT_BYTES)
    except Exception:  # a network of the user's may compute with values, which a tensor without memory lacks
        return 1
    return max(1, min(_MOST, os.cpu_count() or 1, int(free * _USED_SHARE) // largest))


def case_bytes(machine: Machine, experiment: Experiment) -> int:
    """Return an estimate of a case's peak memory on a GPU, in bytes.

    It adds up the images, the weights and their copies, and the tensors that a batch's backward pass needs.
    """
    dataset, case = machine.dataset(experiment)[0], machine.case(experiment)
    spec, batch_size = dataset.spec, case.recipe.batch_size
    network = build_network(model_of(case), spec.channels, spec.num_classes, seed=0, device="meta").train()
    saved: dict[tuple[int, ...], int] = {}

    def note(tensor: Tensor) -> Tensor:
        saved[id(tensor), tensor._version] = tensor.numel() * tensor.element_size()
        kept.append(tensor)  # its id must not be used again
        return tensor

    kept: list[Tensor] = []
    images = torch.empty(batch_size, *spec.input_shape(case.recipe.image_size), device="meta")
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        network(images)
    held = dataset.train.nbytes + dataset.test.nbytes
    return _CONTEXT_BYTES + held + _COPIES_OF_WEIGHTS * machine.weight_bytes(experiment) + sum(saved.values())


def mps_notice(device: torch.device) -> str | None:
    """Return a line if processes take turns on the GPU because NVIDIA's MPS does not run; None otherwise."""
    if device.type != "cuda" or Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps")).exists():
        return None
    return (
        "--cases-per-device: processes take turns on the GPU unless NVIDIA's MPS runs: start it with "
        "`nvidia-cuda-mps-control -d`"
    )
