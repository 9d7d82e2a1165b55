import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest
import torch

from harness.hardware import disturbance_meter, linux_counters
from harness.hardware.disturbance_meter import DisturbanceMeter
from tests.helpers.busy import busy_processes, compute, needs_affinity, on_one_core

CPU = torch.device("cpu")


def core(busy=0.0, **counts):
    """Return a core's times as psutil has them on Linux."""
    names = ("nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest")
    return SimpleNamespace(user=busy, **dict.fromkeys(names, 0.0) | counts)


class Counted:
    """A meter whose counters are set by hand."""

    def __init__(self, monkeypatch, cores=1):
        self.seconds, self.own, self.switches, self.throttled = 0.0, 0.0, 0, 0
        self.per_core = [core() for _ in range(cores)]
        self.waiting, self.pressure = {"1": 0.0}, 0.0
        for module, name, value in (
            (disturbance_meter.time, "perf_counter", lambda: self.seconds),
            (disturbance_meter, "_own_seconds", lambda: self.own),
            (disturbance_meter, "_family", lambda _: {os.getpid()}),
            (disturbance_meter, "_involuntary_switches", lambda: self.switches),
            (disturbance_meter, "_cores", lambda: list(range(cores))),
            (psutil, "cpu_times", lambda percpu: self.per_core),
            (linux_counters, "core_numbers", lambda: []),
            (linux_counters, "waiting_seconds", lambda: self.waiting),
            (linux_counters, "pressure_seconds", lambda: self.pressure),
            (linux_counters, "throttled_periods", lambda: self.throttled),
        ):
            monkeypatch.setattr(module, name, value)
        self.meter = DisturbanceMeter(CPU)
        self.seconds = 10.0


@pytest.fixture
def counted(monkeypatch):
    """A meter of ten seconds whose counters are set by hand."""
    return Counted(monkeypatch)


def test_undisturbed_region_has_only_its_own_work(counted):
    counted.own, counted.switches = 9.9, 40
    counted.per_core, counted.waiting = [core(9.5, system=0.4, softirq=0.1)], {"1": 0.1}
    reading = counted.meter.reading()
    assert (reading.cpu_seconds, reading.involuntary_switches, reading.cores) == (9.9, 40, 1)
    assert reading.other_cpu_seconds == pytest.approx(0.1)
    assert reading.causes == ()


def test_others_work_and_longest_wait_are_read(counted):
    counted.own, counted.per_core = 5.0, [core(10.0)]
    counted.waiting = {"1": 0.2, "2": 5.0}  # the second thread began later
    reading = counted.meter.reading()
    assert (reading.other_cpu_seconds, reading.waiting_seconds) == (5.0, 5.0)
    assert reading.causes == ("other processes used 0.5 cores",)


def test_stolen_time_is_not_other_processes_work(counted):
    counted.own, counted.per_core, counted.waiting = 7.0, [core(7.0, steal=3.0)], {"1": 3.0}
    reading = counted.meter.reading()
    assert (reading.other_cpu_seconds, reading.steal_seconds) == (0.0, 3.0)
    assert reading.causes == ("other virtual machines took 30% of the CPU time",)


def test_wait_by_a_containers_quota_is_no_disturbance(monkeypatch):
    counted = Counted(monkeypatch, cores=4)
    counted.own, counted.throttled, counted.waiting = 10.0, 50, {"1": 5.0}
    counted.per_core = [core(10.0), core(3.0), core(), core()]  # the host's others
    assert counted.meter.reading().waiting_seconds is None
    assert not counted.meter.reading().is_disturbed


@pytest.mark.parametrize("cores", [[4, 5], [9]])
def test_cores_that_a_container_renumbers_are_all_counted(counted, monkeypatch, cores):
    monkeypatch.setattr(disturbance_meter, "_cores", lambda: cores)
    counted.per_core = [core(10.0)]
    assert counted.meter.reading().other_cpu_seconds == 10.0


def test_cores_are_known_by_number_beside_an_offline_one(counted, monkeypatch):
    monkeypatch.setattr(linux_counters, "core_numbers", lambda: [0, 2, 3])
    monkeypatch.setattr(disturbance_meter, "_cores", lambda: [2])
    counted.per_core = [core(), core(), core()]
    counted.meter = DisturbanceMeter(CPU)
    counted.per_core = [core(), core(), core(10.0)]
    assert counted.meter.reading().other_cpu_seconds == 0.0
    counted.per_core = [core(), core(10.0), core()]
    assert counted.meter.reading().other_cpu_seconds == 10.0


def test_counters_that_run_backwards_are_0(counted):
    counted.own, counted.switches, counted.pressure = -1.0, -1, -1.0
    counted.per_core, counted.waiting = [core(-1.0, steal=-1.0)], {"1": -1.0}
    reading = counted.meter.reading()
    assert not any(value for name, value in vars(reading).items() if name.endswith("_seconds") and name[0] != "w")
    assert (reading.waiting_seconds, reading.involuntary_switches) == (0.0, 0)


def fails(error):
    def call(*_, **__):
        raise error

    return call


@pytest.mark.parametrize(
    "error",
    [psutil.AccessDenied(1), psutil.NoSuchProcess(1), PermissionError(13, "hidden"), FileNotFoundError(2, "no /proc"),
     RuntimeError("no CPU found"), AttributeError("not on this system")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_hidden_counters_stop_nothing_and_accuse_no_one(monkeypatch, tmp_path, error):
    for name in ("cpu_times", "Process", "cpu_count"):
        monkeypatch.setattr(psutil, name, fails(error) if name != "cpu_count" else lambda: None)
    monkeypatch.setattr(linux_counters, "_PROCESSES", tmp_path)
    monkeypatch.setattr(linux_counters, "_PRESSURE", tmp_path / "pressure")
    meter = DisturbanceMeter(CPU, is_distributed=True)
    compute(0.01)
    reading = meter.reading()
    assert (reading.waiting_seconds, reading.pressure_seconds, reading.other_cpu_seconds) == (None, None, 0.0)
    assert reading.cpu_seconds >= 0.01
    assert reading.causes == ()


def test_systems_without_proc_count_by_psutil(monkeypatch, tmp_path):
    """macOS and Windows: no waiting times, other fields, no affinity on macOS."""
    monkeypatch.setattr(linux_counters, "_PROCESSES", tmp_path)
    monkeypatch.setattr(linux_counters, "_PRESSURE", tmp_path / "pressure")
    monkeypatch.delattr(psutil.Process, "cpu_affinity")
    times = [SimpleNamespace(user=0.0, system=0.0, idle=0.0, interrupt=0.0, dpc=0.0) for _ in range(2)]
    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: times)
    monkeypatch.setattr(psutil, "cpu_count", lambda: 2)
    meter = DisturbanceMeter(CPU)
    times = [SimpleNamespace(user=300.0, system=1.0, idle=0.0, interrupt=1.0, dpc=0.0) for _ in range(2)]
    reading = meter.reading()
    assert (reading.cores, reading.waiting_seconds, reading.pressure_seconds) == (2, None, None)
    assert 500 < reading.other_cpu_seconds <= 602
    assert reading.is_disturbed


def test_windows_has_no_count_of_switches(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert disturbance_meter._involuntary_switches() == 0


def test_own_children_are_no_others():
    """DataLoader's workers: alive, ended within the region, and children of children."""
    nested = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**6))']); print(flush=True)"
    meter = DisturbanceMeter(CPU)
    before = disturbance_meter._Counters.now(os.getpid()).own
    subprocess.run([sys.executable, "-c", nested], check=True, stdout=subprocess.PIPE)
    alive = subprocess.Popen([sys.executable, "-c", f"{nested}; input()"], stdin=subprocess.PIPE, stdout=-1)
    alive.stdout.readline()
    assert alive.pid in disturbance_meter._family(os.getpid())
    used = sum(psutil.Process(alive.pid).cpu_times()[:4])
    assert disturbance_meter._Counters.now(os.getpid()).own - before >= used > 0
    assert meter.reading().cpu_seconds >= used
    alive.communicate(b"\n")


def test_ranks_of_one_parent_are_one_family(monkeypatch):
    ranks = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(2)]
    launcher = os.getpid()
    try:
        monkeypatch.setattr(os, "getpid", lambda: ranks[0].pid)
        monkeypatch.setattr(os, "getppid", lambda: launcher)
        assert disturbance_meter._family(DisturbanceMeter(CPU)._root) == {ranks[0].pid}
        family = disturbance_meter._family(DisturbanceMeter(CPU, is_distributed=True)._root)
        assert {launcher, *(rank.pid for rank in ranks)} <= family
    finally:
        for rank in ranks:
            rank.communicate(b"\n")


@pytest.mark.parametrize("parent", [0, 4_000_000])
def test_parent_outside_of_the_container_leaves_the_process_alone(parent):
    assert disturbance_meter._family(parent) - {parent} == {os.getpid()}
    assert disturbance_meter._cpu_seconds(4_000_000) == 0.0


@needs_affinity
def test_cores_of_bound_threads_are_joined(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(linux_counters, "thread_cores", lambda: {0, 1})
    with on_one_core():
        assert disturbance_meter._cores() == [0, 1]
        monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
        assert len(disturbance_meter._cores()) == 1


@needs_affinity
def test_busy_process_on_every_core_disturbs_a_region():
    with on_one_core() as core, busy_processes([core]) as (other,):
        assert other not in disturbance_meter._family(os.getpid())
        meter = DisturbanceMeter(CPU)
        compute(0.3)
        reading = meter.reading()
    assert reading.is_disturbed
    assert any(cause.startswith("other processes used") for cause in reading.causes)
    assert reading.cores == 1


@needs_affinity
def test_busy_process_is_seen_without_waiting_times(monkeypatch):
    monkeypatch.setattr(linux_counters, "waiting_seconds", dict)
    with on_one_core() as core, busy_processes([core]):
        meter = DisturbanceMeter(CPU)
        compute(0.3)
        assert meter.reading().is_disturbed


@needs_affinity
def test_own_busy_child_counts_as_own():
    """A DataLoader's worker that computes on the same core, whatever else this machine does."""
    with on_one_core() as core, busy_processes([core], are_children=True) as (child,):
        counters = disturbance_meter._Counters.now(os.getpid())
        compute(0.3)
        own = disturbance_meter._Counters.now(os.getpid()).own - counters.own
        assert child in disturbance_meter._family(os.getpid())
    assert own >= 0.4
