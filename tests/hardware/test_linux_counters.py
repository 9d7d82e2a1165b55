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
@pytest.mark.parametrize("version", [0, 1])
def test_quotas_of_both_versions_of_cgroups_are_read(tmp_path, monkeypatch, content, periods, version):
    files = (tmp_path / "2", tmp_path / "1")
    monkeypatch.setattr(linux_counters, "_QUOTAS", files)
    if content is not None:
        files[version].write_text(content)
    assert linux_counters.throttled_periods() == periods


def test_children_of_all_threads_are_found(task):
    assert linux_counters.child_pids(os.getpid()) is None  # a kernel without the list
    (task / "children").write_text("11 12 ")
    assert linux_counters.child_pids(os.getpid()) == [11, 12]
    assert linux_counters.child_pids(99) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_this_systems_threads_are_read():
    assert all(seconds >= 0 for seconds in linux_counters.waiting_seconds().values())
    assert os.sched_getaffinity(0) <= linux_counters.thread_cores()
