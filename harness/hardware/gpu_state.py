"""The state of an NVIDIA GPU: other processes on it, its clock, and throttling."""

import contextlib
from typing import Any, TypedDict

import torch


class GpuState(TypedDict, total=False):
    """The fields of `harness.results.disturbance.Disturbance` about a GPU; absent where unknown."""

    gpu_processes: int
    gpu_clock_share: float
    gpu_throttled: bool


def gpu_state(device: torch.device, own_pids: set[int]) -> GpuState:
    """Return the state of the device's GPU; empty on other devices, or if the driver hides it.

    Args:
        own_pids: the processes that are not others.
    """
    if device.type != "cuda":
        return {}
    import pynvml

    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        try:
            return _state(pynvml, _handle(pynvml, device), own_pids)
        finally:
            pynvml.nvmlShutdown()
    return {}


def _handle(nvml: Any, device: torch.device) -> Any:
    """Return the driver's handle of the device; by its id, since CUDA_VISIBLE_DEVICES renumbers."""
    uuid = str(torch.cuda.get_device_properties(device).uuid)
    return nvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}")


def _state(nvml: Any, handle: Any, own_pids: set[int]) -> GpuState:
    """Read each entry by itself: drivers and containers hide some of them."""
    state: GpuState = {}
    with contextlib.suppress(nvml.NVMLError):
        processes = {one.pid for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle)}
        # In a container the driver gives the host's numbers: one unknown process is this one.
        state["gpu_processes"] = len(processes - own_pids) - (not processes & own_pids and bool(processes))
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
