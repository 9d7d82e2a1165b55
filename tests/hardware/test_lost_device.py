"""Errors that take the GPU from a process, in torch's, CUDA's and NVML's own words."""

import pytest
import torch

from harness.errors import DeviceLostError
from harness.hardware import lost_device
from harness.hardware.lost_device import lost_device_cause, remember_lost, require_not_lost

CPU, GPU = torch.device("cpu"), torch.device("cuda", 1)
# What c10::cuda::c10_cuda_check_implementation adds to cudaGetErrorString.
TORCH_ADDS = (
    "\nSearch for `cudaErrorAssert' in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html for "
    "more information.\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace "
    "below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
)
ASSERT = "CUDA error: device-side assert triggered"


@pytest.fixture(autouse=True)
def a_new_process(monkeypatch):
    """This process as one that has lost no device."""
    monkeypatch.setattr(lost_device, "_lost", {})


@pytest.mark.parametrize(
    "line",
    [
        ASSERT,
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: unspecified launch failure",
        "CUDA error: the launch timed out and was terminated",
        "CUDA error: uncorrectable ECC error encountered",
        "CUDA error: uncorrectable NVLink error detected during the execution",
        "CUDA error: misaligned address",
        "CUDA error: the MPS client has been terminated by the server",
        "CUDA error: unknown error",
        "CUDA driver error: context is destroyed",
        "HIP error: unspecified launch failure",
        "Unable to determine the device handle for GPU0000:3B:00.0: GPU is lost.  Reboot the system",
        "the device is no longer in a usable state",
    ],
)
def test_sticky_errors_are_recognised_by_their_line(line):
    assert lost_device_cause(torch.AcceleratorError(line + TORCH_ADDS), CPU) == line
    assert lost_device_cause(RuntimeError(f"Caught it in a thread\n{line}{TORCH_ADDS}"), CPU) == line


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: out of memory",
        "CUDA error: invalid configuration argument",
        "CUDA error: operation not permitted when stream is capturing",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "unknown error",
        "the file has a misaligned address",
        "CUDA error: out of memory\na later line about an unspecified launch failure",
    ],
)
def test_other_errors_leave_the_device(text):
    assert lost_device_cause(RuntimeError(text + TORCH_ADDS), CPU) is None


def test_a_sticky_error_is_found_behind_others():
    sticky = torch.AcceleratorError(ASSERT)
    raised_from, while_handled, hidden = RuntimeError("a"), ValueError("b"), KeyError("c")
    raised_from.__cause__, while_handled.__context__, hidden.__context__ = sticky, raised_from, while_handled
    hidden.__suppress_context__ = True
    sticky.__context__ = hidden  # a circle
    for error in (raised_from, while_handled, hidden, ExceptionGroup("two", [ValueError("d"), sticky])):
        assert lost_device_cause(error, CPU) == ASSERT


def test_the_gpu_itself_is_asked_after_an_error_of_other_words(monkeypatch):
    asked, error = [], RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")

    def answer(device):
        asked.append(device)
        raise torch.AcceleratorError(ASSERT)

    monkeypatch.setattr(torch.cuda, "synchronize", answer)
    assert lost_device_cause(error, CPU) is None
    assert lost_device_cause(error, GPU) == ASSERT
    assert asked == [GPU]
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)
    assert lost_device_cause(error, GPU) is None


def test_only_the_lost_device_is_refused_and_the_first_cause_named():
    require_not_lost(GPU, "digits resnet8 seed 1")
    remember_lost(GPU, "digits resnet8 seed 0", ASSERT)
    remember_lost(GPU, "digits resnet8 seed 9", "CUDA error: unknown error")
    require_not_lost(CPU, "digits resnet8 seed 1")
    with pytest.raises(DeviceLostError) as refusal:
        require_not_lost(GPU, "digits resnet8 seed 1")
    assert str(refusal.value) == (
        "digits resnet8 seed 1 is not trained: this process lost cuda:1 in digits resnet8 seed 0 "
        f"({ASSERT}); run the same command again to train it"
    )
    assert refusal.value.cause == ASSERT
