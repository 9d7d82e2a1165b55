"""Worker processes: the end of their session, and whole pytest runs that lose them in every way."""

import io
import os
import queue
import signal

import psutil
import pytest

from harness.results.folder import ResultsFolder
from harness.study.engines.shared_device import process
from tests.helpers import REPOSITORY
from tests.helpers.own_bench import write_own_bench
from tests.helpers.pytest_process import Run
from tests.helpers.training import outcome

# Python imports it at the start of every process. A worker process loses its device if the file LOSE is there.
SITECUSTOMIZE = """
import os, sys
if any("shared_device.process" in argument for argument in sys.orig_argv):
    import torch
    from harness.training.trainers.fast import FastTrainer
    train_epoch = FastTrainer.train_epoch
    def faulty(self, *arguments):
        if os.path.exists(os.environ["LOSE"]):
            os.unlink(os.environ["LOSE"])
            raise torch.AcceleratorError("CUDA error: device-side assert triggered")
        return train_epoch(self, *arguments)
    FastTrainer.train_epoch = faulty
"""
ONE = ("--device", "cpu", "--import-mode=importlib", "test_own.py")
TWO = ("--cases-per-device", "2", *ONE)


@pytest.fixture
def variables(tmp_path):
    """The environment of the runs, in which a worker process may lose its device."""
    for name in ("code", "machine"):
        (tmp_path / name).mkdir()
    (tmp_path / "code" / "sitecustomize.py").write_text(SITECUSTOMIZE)
    path = f"{tmp_path / 'code'}{os.pathsep}{REPOSITORY}"
    of_test = {"LOSE": "lose", "IMPORTS": "imports", "TMPDIR": "machine"}  # the cases meet in TMPDIR
    return {"PYTHONPATH": path, **{variable: str(tmp_path / name) for variable, name in of_test.items()}}


def test_a_worker_ends_with_the_tasks_of_its_session(monkeypatch):
    ended, tasks = [], queue.SimpleQueue()
    monkeypatch.setattr(process.os, "_exit", ended.append)
    length = (3).to_bytes(process.LENGTH_BYTES, "big")
    process._read_tasks(io.BytesIO(length + b"one" + length + b"two"), tasks)
    assert (tasks.get(), tasks.get(), ended) == (b"one", b"two", [0])


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


@pytest.mark.slow
def test_interrupted_killed_and_shared_cases_end_as_sequential_ones(tmp_path, variables):
    alone, shared = (write_own_bench(tmp_path / name, epochs=30, batch_size=32) for name in ("alone", "shared"))
    code, said = Run(alone, *ONE, variables=variables).end()
    assert code == pytest.ExitCode.OK, said
    run = Run(shared, *TWO, variables=variables)
    run.wait_for_epochs(4)
    workers = workers_of(run)
    assert len(workers) == 2
    code, said = run.end(signal.SIGINT)
    assert code == pytest.ExitCode.INTERRUPTED, said
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    (tmp_path / "lose").touch()
    run = Run(shared, *TWO, variables=variables)
    run.wait_for_epochs(recorded_epochs(shared) + 4)
    workers_of(run)[0].kill()
    code, said = run.end()
    assert code == pytest.ExitCode.OK, said
    for why in ("killed by signal SIGKILL", "cpu lost: CUDA error: device-side assert triggered"):
        assert f"its process was lost ({why}): resuming in a new one" in said
    assert "co-scheduled" in said
    assert outcomes(shared) == outcomes(alone)
