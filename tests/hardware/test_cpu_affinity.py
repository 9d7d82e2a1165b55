import os
import threading

import pytest

from harness.hardware.cpu_affinity import claimed

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and two cores"
)


def test_the_process_runs_on_its_claim_until_it_is_released(tmp_path):
    before = os.sched_getaffinity(0)
    with claimed(1, tmp_path) as cores:
        assert len(cores) == 1
        assert os.sched_getaffinity(0) == set(cores)
    assert os.sched_getaffinity(0) == before


def test_a_core_is_claimed_once(tmp_path):
    everything = sorted(os.sched_getaffinity(0))
    with claimed(1, tmp_path) as first:
        os.sched_setaffinity(0, everything)  # another process is free to use all of them
        with claimed(1, tmp_path) as second:
            assert not set(first) & set(second)
    with claimed(1, tmp_path) as again:
        assert again == first


def test_nothing_changes_if_too_few_cores_are_free(tmp_path):
    before = os.sched_getaffinity(0)
    with claimed(len(before) + 1, tmp_path) as cores:
        assert cores == ()
        assert os.sched_getaffinity(0) == before
        with claimed(len(before), tmp_path) as all_of_them:  # the failed claim was released
            assert set(all_of_them) == before


def test_existing_threads_run_on_the_claim(tmp_path):
    stop, ids = threading.Event(), []
    started = threading.Event()

    def run():
        ids.append(threading.get_native_id())
        started.set()
        stop.wait()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait()
    try:
        with claimed(1, tmp_path) as cores:
            assert os.sched_getaffinity(ids[0]) == set(cores)
    finally:
        stop.set()
        thread.join()


def test_nothing_is_claimed_under_a_cpu_quota(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.hardware.linux_counters.has_quota", lambda: True)
    before = os.sched_getaffinity(0)
    with claimed(1, tmp_path) as cores:
        assert cores == ()
        assert os.sched_getaffinity(0) == before
