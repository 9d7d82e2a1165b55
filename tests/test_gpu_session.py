"""The script of a GPU session, with a stand-in for Python."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.marks import slow_first

SCRIPT = Path(__file__).parents[1] / "bench" / "gpu_session.sh"

pytestmark = pytest.mark.skipif(not all(map(shutil.which, ("bash", "timeout"))), reason="the script needs bash")


@pytest.fixture
def session(tmp_path):
    """Return a function that runs part A with a Python whose body is these lines of sh; its exit code and folder."""

    def run(body, **environment):
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\n{body}\n")
        python.chmod(0o755)
        environment = os.environ | {"OUT": str(tmp_path), "PYTHON": str(python), "DEVICE": "cpu"} | environment
        ended = subprocess.run(["bash", SCRIPT, "A"], env=environment, capture_output=True, text=True, timeout=60)
        return ended.returncode, (tmp_path / "summary.txt").read_text(), tmp_path

    return run


def test_a_session_remembers_in_its_own_folder(session):
    code, _, folder = session('echo "$XDG_STATE_HOME" >> "$OUT/asked"')
    assert code == 0
    assert {*(folder / "asked").read_text().splitlines()} == {f"{folder}/state"}


def test_a_part_that_fails_is_in_the_exit_code_and_stops_no_other(session):
    code, summary, _ = session('case "$*" in *"harness doctor"*gtsrb*) exit 1 ;; esac')
    assert code == 1
    assert "exit code 1: doctor, GTSRB" in summary
    assert "exit code 0: report" in summary
    assert "failed parts: 1," in summary


@pytest.mark.parametrize(("asked", "code"), slow_first(("*bench*digits*", 0), ("*plan*gtsrb*", 1)))
def test_only_a_training_may_be_cut_off(session, asked, code):
    found, summary, _ = session(f'case "$*" in {asked}) exec sleep 30 ;; esac', SCALE="12")
    assert found == code, summary
    assert "exit code 124, its time was over" in summary
