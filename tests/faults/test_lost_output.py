"""A real pytest whose terminal, pipe or log is lost while it trains: every case is complete, and the report too."""

import contextlib
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time

import pytest

from tests.helpers import REPOSITORY

BENCH = """
from dataclasses import replace
import pytest
from harness.config.recipes import DIGITS
RECIPE = replace(DIGITS, epochs=2, milestones=(), batch_size=256)
@pytest.mark.experiment("digits", models=["resnet8", "resnet8-2"], recipe=RECIPE)
def test_digits(trained):
    print("in a test")
    assert trained.is_complete
"""
CONFTEST = """
import harness.training.progress as progress
progress._LINE_SECONDS = progress._REDRAW_SECONDS = 0.0  # every step is shown
"""


def start(folder, *options, stdout, before=lambda: None):
    """Start a full training of two cases in the folder."""
    (folder / "test_digits.py").write_text(BENCH)
    (folder / "conftest.py").write_text(CONFTEST)
    command = [sys.executable, "-m", "pytest", "-p", "harness.plugin", "--full-training", *options]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "TERM": "xterm"}
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.STDOUT,
        start_new_session=True, preexec_fn=before,
    )  # fmt: skip


def is_complete(folder):
    """Return whether both cases and the report are complete."""
    results = [json.loads(path.read_text()) for path in folder.glob("results/*/result.json")]
    assert [result["cause"] for result in results] == [None, None]
    assert [result["status"] for result in results] == ["complete", "complete"]
    return (folder / "report/index.html").is_file()


def wait_for_an_epoch(folder, process):
    while not any(path.read_bytes() for path in folder.glob("results/*/epochs.jsonl")):
        assert process.poll() is None
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-s",), ("--capture=tee-sys",)], ids=["fd", "s", "tee"])
def test_cases_are_complete_after_the_terminal_closed(tmp_path, options):
    ours, theirs = pty.openpty()

    def become_its_terminal():
        fcntl.ioctl(theirs, termios.TIOCSCTTY)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup

    process = start(tmp_path, *options, stdout=theirs, before=become_its_terminal)
    os.close(theirs)
    wait_for_an_epoch(tmp_path, process)
    os.close(ours)
    assert process.wait() == pytest.ExitCode.OK
    assert is_complete(tmp_path)


@pytest.mark.slow
def test_cases_are_complete_after_head_has_read_a_line(tmp_path):
    process = start(tmp_path, stdout=subprocess.PIPE)
    assert subprocess.run(["head", "-1"], stdin=process.stdout, stdout=subprocess.PIPE, check=True).stdout
    process.stdout.close()
    assert process.wait() == pytest.ExitCode.OK
    assert is_complete(tmp_path)


@pytest.mark.slow
def test_cases_are_complete_beside_a_log_on_a_full_disk(tmp_path):
    with open("/dev/full", "w") as full:
        process = start(tmp_path, "-v", stdout=full)
    assert process.wait() == pytest.ExitCode.OK
    assert is_complete(tmp_path)


@pytest.mark.slow
def test_cases_are_complete_in_a_terminal_without_their_characters(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    ours, theirs = pty.openpty()
    process = start(tmp_path, stdout=theirs)
    os.close(theirs)
    reader = threading.Thread(target=read_all, args=(ours,))
    reader.start()
    assert process.wait() == pytest.ExitCode.OK
    reader.join()
    assert is_complete(tmp_path)


def read_all(terminal):
    with contextlib.suppress(OSError), open(terminal, "rb") as file:  # EIO is a terminal's end
        while file.read1():
            pass
