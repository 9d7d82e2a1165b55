import multiprocessing
import time

import pytest

from harness.hardware.co_scheduling import CoSchedulingMonitor
from harness.training.train import train
from tests.helpers.tiny import CPU, make_case

_context = multiprocessing.get_context("spawn")


def test_no_other_case_is_seen_when_alone(tmp_path):
    with CoSchedulingMonitor(tmp_path) as first:
        assert not first.saw_other_case
    with CoSchedulingMonitor(tmp_path) as second:  # the first is closed
        assert not second.saw_other_case


def test_co_scheduled_cases_see_each_other(tmp_path):
    with CoSchedulingMonitor(tmp_path) as first:
        with CoSchedulingMonitor(tmp_path) as second:
            assert first.saw_other_case
            assert second.saw_other_case
        assert first.saw_other_case  # also after the second is closed


def test_asked_afresh_only_cases_from_then_on_are_seen(tmp_path):
    with CoSchedulingMonitor(tmp_path) as first:
        with CoSchedulingMonitor(tmp_path):
            assert first.afresh().saw_other_case  # it is still there
        fresh = first.afresh()
        assert not fresh.saw_other_case
        assert first.saw_other_case
        with CoSchedulingMonitor(tmp_path):
            pass
        assert fresh.saw_other_case
    assert not CoSchedulingMonitor(tmp_path).afresh().saw_other_case  # never opened


def test_a_short_case_is_not_missed(tmp_path):
    with CoSchedulingMonitor(tmp_path) as first:
        with CoSchedulingMonitor(tmp_path):
            pass
        assert first.saw_other_case


def test_cases_of_other_folders_are_not_seen(tmp_path):
    with CoSchedulingMonitor(tmp_path / "here") as here, CoSchedulingMonitor(tmp_path / "there") as there:
        assert not here.saw_other_case
        assert not there.saw_other_case


def _stay(folder, started):
    co_scheduling = CoSchedulingMonitor(folder)
    co_scheduling.__enter__()
    started.set()
    time.sleep(60)


def test_another_process_is_seen_until_it_is_killed(tmp_path):
    started = _context.Event()
    process = _context.Process(target=_stay, args=(tmp_path, started))
    process.start()
    started.wait()
    with CoSchedulingMonitor(tmp_path) as co_scheduling:
        assert co_scheduling.saw_other_case
    process.kill()
    process.join()
    with CoSchedulingMonitor(tmp_path) as co_scheduling:
        assert not co_scheduling.saw_other_case
    assert not list(tmp_path.glob("present-*"))


def test_no_case_is_seen_without_a_writable_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with CoSchedulingMonitor(tmp_path / "file") as co_scheduling:
        assert not co_scheduling.saw_other_case


def test_no_case_is_seen_if_the_shared_file_cannot_be_written(tmp_path):
    (tmp_path / "arrivals").mkdir()
    with CoSchedulingMonitor(tmp_path) as co_scheduling:
        assert "other cases on this machine are not detected" in co_scheduling.obstacle
        assert not co_scheduling.saw_other_case


@pytest.fixture
def shared_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.hardware.co_scheduling.machine_folder", lambda: tmp_path)
    return tmp_path


def test_results_record_co_scheduled_cases(shared_folder, tiny_dataset, results):
    alone = train(make_case(tiny_dataset), tiny_dataset, results, CPU)
    assert alone.environment["co_scheduled"] is False
    with CoSchedulingMonitor(shared_folder):
        shared = train(make_case(tiny_dataset, seed=1), tiny_dataset, results, CPU)
    assert shared.environment["co_scheduled"] is True
    assert [one.environment["co_scheduled"] for one in shared.attempts] == [True]
