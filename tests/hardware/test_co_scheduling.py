import multiprocessing
import time

import pytest

from harness.hardware.co_scheduling import CoSchedulingMonitor
from harness.training.train import train
from tests.helpers.tiny import CPU, make_case

_context = multiprocessing.get_context("spawn")


def test_who_is_alone_meets_nobody(tmp_path):
    with CoSchedulingMonitor(tmp_path) as first:
        assert not first.saw_other_case
    with CoSchedulingMonitor(tmp_path) as second:  # the first has left
        assert not second.saw_other_case


def test_who_comes_and_who_is_there_meet(tmp_path):
    with CoSchedulingMonitor(tmp_path) as first:
        with CoSchedulingMonitor(tmp_path) as second:
            assert first.saw_other_case
            assert second.saw_other_case
        assert first.saw_other_case  # and are not forgotten


def test_a_short_visit_is_not_missed(tmp_path):
    with CoSchedulingMonitor(tmp_path) as first:
        with CoSchedulingMonitor(tmp_path):
            pass
        assert first.saw_other_case


def test_folders_are_machines_of_their_own(tmp_path):
    with CoSchedulingMonitor(tmp_path / "here") as here, CoSchedulingMonitor(tmp_path / "there") as there:
        assert not here.saw_other_case
        assert not there.saw_other_case


def _stay(folder, begun):
    co_scheduling = CoSchedulingMonitor(folder)
    co_scheduling.__enter__()
    begun.set()
    time.sleep(60)


def test_another_process_is_met_until_it_is_killed(tmp_path):
    begun = _context.Event()
    process = _context.Process(target=_stay, args=(tmp_path, begun))
    process.start()
    begun.wait()
    with CoSchedulingMonitor(tmp_path) as co_scheduling:
        assert co_scheduling.saw_other_case
    process.kill()
    process.join()
    with CoSchedulingMonitor(tmp_path) as co_scheduling:
        assert not co_scheduling.saw_other_case
    assert not list(tmp_path.glob("present-*"))


def test_where_there_is_nowhere_to_sign_nobody_is_met(tmp_path):
    (tmp_path / "file").write_text("")
    with CoSchedulingMonitor(tmp_path / "file") as co_scheduling:
        assert not co_scheduling.saw_other_case


@pytest.fixture
def of_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.hardware.co_scheduling.machine_folder", lambda: tmp_path)
    return tmp_path


def test_a_case_says_whether_it_had_the_machine_to_itself(of_the_machine, tiny_dataset, results):
    alone = train(make_case(tiny_dataset), tiny_dataset, results, CPU)
    assert alone.environment["co_scheduled"] is False
    with CoSchedulingMonitor(of_the_machine):
        shared = train(make_case(tiny_dataset, seed=1), tiny_dataset, results, CPU)
    assert shared.environment["co_scheduled"] is True
    assert [one.environment["co_scheduled"] for one in shared.attempts] == [True]
