"""The environment that a result is measured in: hardware, versions and commit."""

import importlib.metadata
import os
import platform
from typing import Any

import torch

from harness.hardware.processor import processor_name
from harness.training import code_version
from harness.training.source_commit import source_commit

_PACKAGES = ("torch", "torchvision", "timm", "numpy", "pytest", "pytest-benchmark", "fvcore", "scikit-learn", "pillow")


def describe_environment(device: torch.device, precision: str, node: str | None = None) -> dict[str, Any]:
    """Return the environment as plain values, for result.json.

    Args:
        node: the machine's name; None for its name on its network.
    """
    commit = source_commit()
    return {
        "node": node or platform.node(),
        "cpu": processor_name(),
        "cpu_count": os.cpu_count(),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "device": str(device),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES} | {"torch": torch.__version__},
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "cudnn": torch.backends.cudnn.version() if device.type == "cuda" else None,  # type: ignore[no-untyped-call]
        "commit": commit.name,
        "commit_problem": commit.problem,
        "training_code": code_version.training_code_version(),
        "code": code_version.code_hashes(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
