"""The state of an NVIDIA GPU: other processes on it, its clock, and throttling."""

import contextlib
import time
from typing import Any, TypedDict

import torch

_SAMPLED_SECONDS = 2.0  # the driver samples the processes' use about once a second


class GpuState(TypedDict, total=False):
    """The fields of `harness.results.disturbance.Disturbance` about a GPU; absent where unknown."""

    gpu_processes: int
    gpu_clock_share: float
    gpu_throttled: bool


def gpu_state(device: torch.device, own_pids: set[int], *, seconds: float = 0.0) -> GpuState:
    """Return the state of the device's GPU; empty on other devices and ROCm, or if the driver hides it.

    Args:
        own_pids: the processes that are not others.
        seconds: the length of the region that ends now; the others must have used the GPU in it.
    """
    if device.type != "cuda" or torch.version.hip is not None:
        return {}
    import pynvml

    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        try:
            return _state(pynvml, _handle(pynvml, device), own_pids, seconds)
        finally:
            pynvml.nvmlShutdown()
    return {}


def _handle(nvml: Any, device: torch.device) -> Any:
    """Return the driver's handle of the device; by its id, since CUDA_VISIBLE_DEVICES renumbers."""
    uuid = str(torch.cuda.get_device_properties(device).uuid)
    if uuid.startswith(("GPU-", "MIG-")):
        return nvml.nvmlDeviceGetHandleByUUID(uuid)
    with contextlib.suppress(nvml.NVMLError):
        return nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
    return nvml.nvmlDeviceGetHandleByUUID(f"MIG-{uuid}")  # torch leaves the first part out


def _state(nvml: Any, handle: Any, own_pids: set[int], seconds: float) -> GpuState:
    """Read each entry by itself: drivers, containers and MIG hide some of them."""
    state: GpuState = {}
    with contextlib.suppress(nvml.NVMLError):
        state["gpu_processes"] = _other_processes(nvml, handle, own_pids, seconds)
    with contextlib.suppress(nvml.NVMLError):
        clock = nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)
        highest = nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM)
        if highest:
            state["gpu_clock_share"] = clock / highest
    with contextlib.suppress(nvml.NVMLError):
        slowed = (
            nvml.nvmlClocksThrottleReasonSwThermalSlowdown
            | nvml.nvmlClocksThrottleReasonHwSlowdown
            | nvml.nvmlClocksThrottleReasonHwThermalSlowdown
            | nvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown
        )
        state["gpu_throttled"] = bool(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle) & slowed)
    return state


def _other_processes(nvml: Any, handle: Any, own_pids: set[int], seconds: float) -> int:
    """Return the number of other processes that computed.

    Raises:
        NVMLError: the driver hides who computed, as with MIG.
    """
    processes = {one.pid for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle)}
    # In a container the driver gives the host's numbers: one unknown process is this one.
    unknown = 0 if processes & own_pids else 1
    if len(processes - own_pids) <= unknown:
        return 0
    since = time.time() - max(seconds, _SAMPLED_SECONDS)
    try:
        samples = nvml.nvmlDeviceGetProcessUtilization(handle, int(since * 1e6))
    except nvml.NVMLError_NotFound:  # no process has computed
        return 0
    processes &= {one.pid for one in samples if one.smUtil}
    return max(0, len(processes - own_pids) - unknown)
