import sys
import time
from types import SimpleNamespace

import pytest
import torch

from harness.hardware.gpu_state import gpu_state

GPU = torch.device("cuda", 0)
OWN = {100, 101}


class NVMLError(Exception):
    """An error of the driver."""


class NotFoundError(NVMLError):
    """The driver's answer if no process has a sample."""


def fake_driver(handles=("GPU-1234",), **answers):
    """Return pynvml with the calls that are used; one without an answer raises as the driver does."""
    driver = SimpleNamespace(NVMLError=NVMLError, NVMLError_NotFound=NotFoundError, NVML_CLOCK_SM=1, sessions=0)

    def answer(name):
        if name not in answers:
            raise NVMLError
        return answers[name]

    def start(by):
        driver.sessions += by
        if answers.get("is_absent"):
            raise NVMLError

    def used_since(_, microseconds):
        assert 1 <= time.time() - microseconds / 1e6 < 3600
        if answer("used") is NotFoundError:
            raise NotFoundError
        return [SimpleNamespace(pid=pid, smUtil=share) for pid, share in answer("used").items()]

    calls = {
        "Init": lambda: start(not answers.get("is_absent")),
        "Shutdown": lambda: start(-1),
        "DeviceGetHandleByUUID": lambda uuid: uuid if uuid in handles else answer("no handle"),
        "DeviceGetComputeRunningProcesses": lambda _: [SimpleNamespace(pid=pid) for pid in answer("processes")],
        "DeviceGetProcessUtilization": used_since,
        "DeviceGetClockInfo": lambda _, __: answer("clock"),
        "DeviceGetMaxClockInfo": lambda _, __: answer("highest_clock"),
        "DeviceGetCurrentClocksThrottleReasons": lambda _: answer("reasons"),
    }
    reasons = {"SwThermal": 0x20, "Hw": 0x8, "HwThermal": 0x40, "HwPowerBrake": 0x80}
    vars(driver).update({f"nvml{name}": call for name, call in calls.items()})
    vars(driver).update({f"nvmlClocksThrottleReason{name}Slowdown": bit for name, bit in reasons.items()})
    return driver


@pytest.fixture
def state(monkeypatch):
    """A function that returns the state with a driver of these answers."""

    def state(uuid="1234", hip=None, **answers):
        driver = fake_driver(**answers)
        monkeypatch.setitem(sys.modules, "pynvml", driver)
        monkeypatch.setattr(torch.version, "hip", hip)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid=uuid))
        found = gpu_state(GPU, OWN)
        assert driver.sessions == 0
        return found

    return state


@pytest.mark.parametrize(
    ("processes", "used", "others"),
    [
        ([100], None, 0),
        ([100, 101], None, 0),  # both ranks
        ([100, 7, 8], None, None),  # a driver that hides who computes, as with MIG
        ([100, 7, 8], NotFoundError, 0),  # notebooks, and this process between two samples
        ([100, 7, 8], {100: 90, 7: 0, 8: 30}, 1),
        ([100, 7], {100: 90}, 0),  # a notebook that only holds memory
        ([], None, 0),  # hidden in a container
        ([5000], None, 0),  # this process by the host's number
        ([5000, 7], None, None),
        ([5000, 7], NotFoundError, 0),
        ([5000, 7], {5000: 90, 7: 30}, 1),
        ([5000, 7], {5000: 90}, 0),
    ],
)
def test_other_processes_that_compute_are_counted(state, processes, used, others):
    answers = {} if used is None else {"used": used}
    assert state(processes=processes, **answers).get("gpu_processes") == others


@pytest.mark.parametrize(
    ("reasons", "is_throttled"),
    [(0, False), (0x1, False), (0x4, False), (0x20, True), (0x8, True), (0x41, True), (0x80, True)],
)
def test_heat_and_power_supply_throttle_not_idleness_or_the_cap(state, reasons, is_throttled):
    assert state(reasons=reasons) == {"gpu_throttled": is_throttled}


def test_clock_is_a_share_of_the_highest(state):
    assert state(clock=990, highest_clock=1980) == {"gpu_clock_share": 0.5}
    assert state(clock=990, highest_clock=0) == {}
    assert state(clock=990) == {}


@pytest.mark.parametrize(
    "answers",
    [
        {"is_absent": True},  # no driver
        {"handles": ()},
        {"hip": "6.4", "processes": [7, 8]},  # ROCm's device is also named cuda
        {},  # every entry is hidden
    ],
)
def test_state_that_the_driver_hides_is_absent(state, answers):
    assert state(**answers) == {}


@pytest.mark.parametrize(
    ("uuid", "handle"), [("1234", "GPU-1234"), ("1234", "MIG-1234"), ("GPU-1234", "GPU-1234"), ("MIG-1234", "MIG-1234")]
)
def test_devices_and_their_parts_are_found_by_id(state, uuid, handle):
    assert state(uuid=uuid, handles=(handle,), processes=[100]) == {"gpu_processes": 0}


@pytest.mark.parametrize("kind", ["cpu", "mps"])
def test_other_devices_have_no_state(monkeypatch, kind):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpu_state(torch.device(kind), OWN) == {}
