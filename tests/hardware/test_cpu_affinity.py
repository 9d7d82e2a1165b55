import os
import threading

import pytest

from harness.hardware.cpu_affinity import _has_quota, claimed

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and two cores"
)


def test_a_claim_is_what_the_process_runs_on_until_it_is_given_back(tmp_path):
    before = os.sched_getaffinity(0)
    with claimed(1, tmp_path) as cores:
        assert len(cores) == 1
        assert os.sched_getaffinity(0) == set(cores)
    assert os.sched_getaffinity(0) == before


def test_a_core_is_claimed_once(tmp_path):
    everything = sorted(os.sched_getaffinity(0))
    with claimed(1, tmp_path) as first:
        os.sched_setaffinity(0, everything)  # as another process would see them
        with claimed(1, tmp_path) as second:
            assert not set(first) & set(second)
    with claimed(1, tmp_path) as again:
        assert again == first


def test_where_too_few_are_free_nothing_is_claimed_and_nothing_changed(tmp_path):
    before = os.sched_getaffinity(0)
    with claimed(len(before) + 1, tmp_path) as cores:
        assert cores == ()
        assert os.sched_getaffinity(0) == before
        with claimed(len(before), tmp_path) as all_of_them:  # what was not enough is free again
            assert set(all_of_them) == before


def test_threads_that_are_there_already_run_on_the_claim_too(tmp_path):
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


@pytest.mark.parametrize(("said", "has"), [("max 100000\n", False), ("150000 100000\n", True)])
def test_a_share_of_time_is_no_cores(said, has, tmp_path):
    (tmp_path / "cpu.max").write_text(said)
    assert _has_quota(tmp_path / "cpu.max") is has
    assert _has_quota(tmp_path / "none") is False


def test_in_a_container_with_a_share_of_time_nothing_is_claimed(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.hardware.cpu_affinity._has_quota", lambda: True)
    before = os.sched_getaffinity(0)
    with claimed(1, tmp_path) as cores:
        assert cores == ()
        assert os.sched_getaffinity(0) == before
