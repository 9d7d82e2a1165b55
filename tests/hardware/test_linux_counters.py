import os
import sys

import pytest

from harness.hardware import linux_counters


@pytest.fixture
def task(tmp_path, monkeypatch):
    """The folder of this process's only thread, in a replaced /proc."""
    folder = tmp_path / str(os.getpid()) / "task" / "7"
    folder.mkdir(parents=True)
    monkeypatch.setattr(linux_counters, "_PROCESSES", tmp_path)
    return folder


@pytest.fixture
def cgroups(tmp_path, monkeypatch):
    """The folder of cgroups, in a replaced /sys/fs; this process is in the root."""
    monkeypatch.setattr(linux_counters, "_PROCESSES", tmp_path / "proc")
    monkeypatch.setattr(linux_counters, "_CGROUPS", tmp_path / "cgroup")
    return tmp_path / "cgroup"


def write(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("900000000 1500000000 12\n", {"7": 1.5}),
        ("0 0 0\n", {}),  # a kernel without the counters
        ("", {}),
        ("900000000\n", {}),
        ("not numbers at all", {}),
        (None, {}),  # the thread has ended
    ],
)
def test_waits_that_cannot_be_read_are_left_out(task, content, found):
    if content is not None:
        (task / "schedstat").write_text(content)
    assert linux_counters.waiting_seconds() == found


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        ("some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 total=7\n", 2.5),
        ("", None),
        ("some avg10=0.00\n", None),
        (None, None),
    ],
)
def test_pressure_that_cannot_be_read_is_none(tmp_path, monkeypatch, content, seconds):
    file = tmp_path / "cpu"
    monkeypatch.setattr(linux_counters, "_PRESSURE", file)
    if content is not None:
        file.write_text(content)
    assert linux_counters.pressure_seconds() == seconds


@pytest.mark.parametrize(
    ("content", "periods"),
    [
        ("usage_usec 5\nnr_periods 9\nnr_throttled 4\nthrottled_usec 8\n", 4),
        ("usage_usec 5\n", 0),  # a group without a quota
        ("", 0),
        (None, 0),
    ],
)
@pytest.mark.parametrize("place", [".", "cpu"])
def test_quotas_of_both_versions_of_cgroups_are_read(cgroups, content, periods, place):
    if content is not None:
        write(cgroups / place / "cpu.stat", content)
    assert linux_counters.throttled_periods() == periods


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("0::/system.slice/run-1.scope", "system.slice/run-1.scope"),  # systemd-run
        ("0::/slurm/job_7/step_0/task_0", "slurm/job_7"),  # the limit of the job
        ("1:name=systemd:/x\n3:cpu,cpuacct:/slurm/uid_1/job_7", "cpu/slurm/uid_1/job_7"),
        ("4:cpuset:/x\n5:cpu:/a:b", "cpu/a:b"),
        ("0::/docker/of/the/host", "."),  # which the container does not show
    ],
)
def test_quota_is_found_in_the_processs_cgroup_and_above(cgroups, tmp_path, line, place):
    write(tmp_path / "proc/self/cgroup", f"{line}\n")
    assert (linux_counters.throttled_periods(), linux_counters.has_quota()) == (0, False)
    write(cgroups / place / "cpu.stat", "nr_periods 9\nnr_throttled 4\n")
    write(cgroups / place / ("cpu.cfs_quota_us" if place.startswith("cpu") else "cpu.max"), "150000 100000\n")
    assert (linux_counters.throttled_periods(), linux_counters.has_quota()) == (4, True)


def test_another_processs_quota_is_not_found(cgroups, tmp_path):
    write(tmp_path / "proc/self/cgroup", "0::/user.slice\n")
    write(cgroups / "system.slice/cpu.max", "150000 100000\n")
    assert not linux_counters.has_quota()


@pytest.mark.parametrize(
    ("name", "content", "is_one"),
    [("cpu.max", "max 100000\n", False), ("cpu.max", "150000 100000\n", True), ("cpu.max", "", False),
     ("cpu/cpu.cfs_quota_us", "-1\n", False), ("cpu/cpu.cfs_quota_us", "50000\n", True)],
)  # fmt: skip
def test_a_cpu_quota_is_detected(cgroups, name, content, is_one):
    write(cgroups / name, content)
    assert linux_counters.has_quota() is is_one


def test_cores_have_the_systems_numbers(task, tmp_path):
    assert linux_counters.core_numbers() == []
    (tmp_path / "stat").write_text("cpu  9 9\ncpu0 5 5\ncpu2 4 4\ncpu10 0 0\nintr 7\n")
    assert linux_counters.core_numbers() == [0, 2, 10]


def test_children_of_all_threads_are_found(task):
    assert linux_counters.child_pids(os.getpid()) is None  # a kernel without the list
    (task / "children").write_text("11 12 ")
    assert linux_counters.child_pids(os.getpid()) == [11, 12]
    assert linux_counters.child_pids(99) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_this_systems_threads_are_read():
    assert all(seconds >= 0 for seconds in linux_counters.waiting_seconds().values())
    assert os.sched_getaffinity(0) <= linux_counters.thread_cores()
