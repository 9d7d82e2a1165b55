"""Whole pytest runs with two cases per device, interrupted, with a killed worker process, and without a session."""

import signal
import time

import psutil
import pytest

from harness.results.folder import ResultsFolder
from tests.helpers.own_bench import write_own_bench
from tests.helpers.pytest_process import Run
from tests.helpers.training import outcome

pytestmark = pytest.mark.slow
TWO = ("--device", "cpu", "--cases-per-device", "2", "--import-mode=importlib", "test_own.py")


def outcomes(place):
    results = ResultsFolder(place / "results")
    read, problems = results.read_all()
    assert problems == []
    return {result.case.identity: outcome(result.case, results) for result in read}


def recorded_epochs(place):
    return sum(path.read_bytes().count(b"\n") for path in place.glob("results/*/epochs.jsonl"))


def workers_of(run):
    """The worker processes of a session."""
    children = psutil.Process(run.process.pid).children()
    return [child for child in children if any("shared_device.process" in part for part in child.cmdline())]


def test_interrupted_killed_and_shared_cases_end_as_sequential_ones(tmp_path):
    alone, shared = (write_own_bench(tmp_path / name, epochs=80, batch_size=32) for name in ("alone", "shared"))
    variables = {"IMPORTS": str(tmp_path / "imports")}
    code, said = Run(alone, "--device", "cpu", *TWO[4:], variables=variables).end()
    assert code == pytest.ExitCode.OK, said
    first = Run(shared, *TWO, variables=variables)
    first.wait_for_cases(2, 2)
    workers = workers_of(first)
    assert len(workers) == 2
    code, said = first.end(signal.SIGINT)
    assert code == pytest.ExitCode.INTERRUPTED, said
    assert not any(worker.is_running() for worker in workers)
    again = Run(shared, *TWO, variables=variables)
    again.wait_for_epochs(recorded_epochs(shared) + 4)
    workers_of(again)[0].kill()
    code, said = again.end()
    assert code == pytest.ExitCode.OK, said
    assert "its process was lost (killed by signal SIGKILL): resuming in a new one" in said
    assert "co-scheduled" in said
    assert outcomes(shared) == outcomes(alone)


def test_workers_end_with_a_killed_session(tmp_path):
    place = write_own_bench(tmp_path / "run", epochs=200, batch_size=32)
    run = Run(place, *TWO, variables={"IMPORTS": str(tmp_path / "imports")})
    run.wait_for_cases(2, 1)
    workers = workers_of(run)
    run.process.kill()
    deadline = time.monotonic() + 20
    while any(worker.is_running() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(workers) == 2
