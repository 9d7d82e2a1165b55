"""What a result was measured on: hardware, versions, commit; and the peak of memory."""

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from harness.device import release_freed_memory

_PACKAGES = ("torch", "torchvision", "numpy", "pytest", "pytest-benchmark", "fvcore", "scikit-learn", "pillow")
_TRAINING_CODE = (
    "augment.py", "checkpoint.py", "device.py", "distributed.py", "metrics.py", "models.py", "networks.py",
    "recipes.py", "train.py", "datasets/split.py", "pipelines/*.py",
)  # fmt: skip
_SOURCE = Path(__file__).resolve().parent


def describe_environment(device: torch.device, precision: str, node: str | None = None) -> dict[str, Any]:
    """The environment as plain values, for result.json.

    Args:
        node: the machine's name; None for the one that it has on its network.
    """
    return {
        "node": node or platform.node(),
        "cpu": _cpu_name(),
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
        "commit": _commit(),
        "training_code": training_code_version(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@functools.cache
def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


@functools.cache
def _commit() -> str | None:
    """The commit of the harness's own source, ``+`` behind it where files differ from it; None outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=_SOURCE, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)  # installed inside another project's checkout?
        commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain", "--", str(_SOURCE))
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if changes else "")


@functools.cache
def training_code_version() -> str:
    """A SHA-256, shortened, over the source that decides what an epoch comes to.

    A case that was begun by other code is not gone on with: half its epochs would be one program's, half another's.
    """
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _TRAINING_CODE for path in _SOURCE.glob(pattern)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@functools.cache
def source_version() -> str:
    """A SHA-256, shortened, over all of the harness's source: two machines that have the same do the same."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCE.rglob("*.py")):
        digest.update(path.relative_to(_SOURCE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


class PeakMemory:
    """The most memory in use since it was made: the GPU's on CUDA, else the process's resident set.

    Linux can set the process's mark back; elsewhere it is the most since the process began, on Windows 0.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        release_freed_memory(device)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            with contextlib.suppress(OSError):  # not Linux, or not allowed: the mark stays where it is
                Path("/proc/self/clear_refs").write_text("5")

    def bytes(self) -> int:
        """The peak so far."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        try:
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        except OSError:
            pass  # not Linux
        try:
            import resource
        except ImportError:
            return 0  # Windows: unknown
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
