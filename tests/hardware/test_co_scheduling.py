import multiprocessing
import time

import pytest

from harness.hardware.co_scheduling import Company
from harness.training.train import train
from tests.conftest import CPU, make_case

_context = multiprocessing.get_context("spawn")


def test_who_is_alone_meets_nobody(tmp_path):
    with Company(tmp_path) as first:
        assert not first.was_met
    with Company(tmp_path) as second:  # the first has left
        assert not second.was_met


def test_who_comes_and_who_is_there_meet(tmp_path):
    with Company(tmp_path) as first:
        with Company(tmp_path) as second:
            assert first.was_met
            assert second.was_met
        assert first.was_met  # and are not forgotten


def test_a_short_visit_is_not_missed(tmp_path):
    with Company(tmp_path) as first:
        with Company(tmp_path):
            pass
        assert first.was_met


def test_folders_are_machines_of_their_own(tmp_path):
    with Company(tmp_path / "here") as here, Company(tmp_path / "there") as there:
        assert not here.was_met
        assert not there.was_met


def _stay(folder, begun):
    company = Company(folder)
    company.__enter__()
    begun.set()
    time.sleep(60)


def test_another_process_is_met_until_it_is_killed(tmp_path):
    begun = _context.Event()
    process = _context.Process(target=_stay, args=(tmp_path, begun))
    process.start()
    begun.wait()
    with Company(tmp_path) as company:
        assert company.was_met
    process.kill()
    process.join()
    with Company(tmp_path) as company:
        assert not company.was_met
    assert not list(tmp_path.glob("present-*"))


def test_where_there_is_nowhere_to_sign_nobody_is_met(tmp_path):
    (tmp_path / "file").write_text("")
    with Company(tmp_path / "file") as company:
        assert not company.was_met


@pytest.fixture
def of_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.hardware.co_scheduling.machine_folder", lambda: tmp_path)
    return tmp_path


def test_a_case_says_whether_it_had_the_machine_to_itself(of_the_machine, tiny_dataset, results):
    alone = train(make_case(tiny_dataset), tiny_dataset, results, CPU)
    assert alone.environment["co_scheduled"] is False
    with Company(of_the_machine):
        shared = train(make_case(tiny_dataset, seed=1), tiny_dataset, results, CPU)
    assert shared.environment["co_scheduled"] is True
    assert [one.environment["co_scheduled"] for one in shared.attempts] == [True]
