import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict

import pytest

from harness.errors import InputError
from harness.tracking import session
from harness.tracking.session import TrackingSession
from tests.helpers import REPOSITORY
from tests.tracking.file_tracker import FOLDER, runs_in
from tests.tracking.growing import GrowingCase
from tests.tracking.waiting import WAIT_SECONDS, wait_until

NAME = "tests.tracking.file_tracker:FileTracker"


@pytest.fixture
def case(results):
    case = GrowingCase(results)
    case.begin()
    return case


@pytest.fixture
def tracking(results):
    results.root.mkdir(exist_ok=True)
    tracking = TrackingSession([NAME], results.root)
    tracking.start()
    yield tracking
    tracking.close()


@pytest.fixture
def process(tracking):
    (process,) = tracking._processes
    return process._process


def test_epochs_are_logged_while_the_case_trains(tracking, case):
    tracking.follow([case.followed()])
    case.train(2)
    wait_until(lambda: [run["steps"] for run in runs_in(case.results.root)] == [[1, 2]])
    case.train(1)
    case.end()
    assert tracking.end() == [f"{NAME}: 1 case logged in {case.results.root / FOLDER}"]
    (run,) = runs_in(case.results.root)
    assert (run["steps"], run["statuses"]) == ([1, 2, 3], ["running", "complete"])
    assert tracking.end() == []


def test_cases_that_follow_later_are_logged_too(tracking, case):
    tracking.follow([])
    tracking.follow([case.followed()])
    case.train(1)
    case.end()
    assert tracking.end() == [f"{NAME}: 1 case logged in {case.results.root / FOLDER}"]


def test_an_outage_is_a_notice_while_the_case_trains(tracking, case):
    (case.results.root / FOLDER).mkdir(exist_ok=True)
    (case.results.root / FOLDER / "down").touch()
    tracking.follow([case.followed()])
    lines = []
    wait_until(lambda: lines.extend(tracking.notices()) or lines)
    assert lines[0].startswith(f"{NAME}: does not log now (ConnectionError: no answer)")


def test_ctrl_c_does_not_reach_the_trackers_process(process):
    assert os.getsid(process.pid) == process.pid


def test_a_tracker_that_hangs_is_stopped_at_the_deadline(tracking, process, case, monkeypatch):
    (case.results.root / FOLDER).mkdir(exist_ok=True)
    (case.results.root / FOLDER / "hang").touch()
    tracking.follow([case.followed()])
    case.train()
    monkeypatch.setattr(session, "END_SECONDS", 0.5)
    (line,) = tracking.end()
    assert "stopped, since it had not logged everything after" in line
    assert "run the command again, without --rerun, to log what is missing" in line
    assert process.returncode == -signal.SIGKILL


def test_a_frozen_process_does_not_block_the_session(tracking, process, case, monkeypatch):
    os.kill(process.pid, signal.SIGSTOP)
    tracking.follow([case.followed()] * 1000)  # more than a pipe holds
    monkeypatch.setattr(session, "END_SECONDS", 0.2)
    assert "stopped" in tracking.end()[0]


def test_a_process_that_crashes_is_one_notice(tracking, process, case):
    tracking.follow([case.followed()])
    process.kill()
    lines = []
    wait_until(lambda: lines.extend(tracking.notices()) or lines)
    assert lines == [
        f"{NAME}: its process has ended (exit code -9); training continues, rerun the command later to log what is "
        "missing"
    ]
    assert tracking.end() == []


@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.parametrize("is_ending", [False, True])
def test_a_process_that_a_library_ends_is_one_notice(is_ending, code, tracking, process, case):
    (case.results.root / FOLDER).mkdir(exist_ok=True)
    (case.results.root / FOLDER / "exit").write_text(str(code))
    case.train()
    tracking.follow([case.followed()])
    lines = []
    if not is_ending:
        wait_until(lambda: lines.extend(tracking.notices()) or lines)
    lines += tracking.end()
    assert len(lines) == (0 if is_ending and code == 0 else 1)
    assert all(f"its process has ended (exit code {code})" in line for line in lines)


def test_a_slow_start_is_a_notice_and_not_an_error(results, monkeypatch):
    monkeypatch.setattr(session, "START_SECONDS", 0)
    tracking = TrackingSession([NAME], results.root)
    tracking.start()
    assert tracking.end() == [f"{NAME}: not started after 0 s, training does not wait for it"]


def test_what_is_no_tracker_is_refused_before_training(results):
    tracking = TrackingSession(["json:JSONDecoder"], results.root)
    with pytest.raises(InputError, match="--track json:JSONDecoder is not a tracker"):
        tracking.start()
    assert tracking.end() == []


def test_without_a_tracker_no_case_is_read(results):
    tracking = TrackingSession([], results.root)
    tracking.start()
    tracking.follow(pytest.fail("read") for _ in range(1))
    assert tracking.end() == []


KILLED = """
import json, os, signal, sys
from pathlib import Path
from harness.tracking.followed import FollowedCase
from harness.tracking.session import TrackingSession
name, root, case = sys.argv[1:]
tracking = TrackingSession([name], Path(root))
tracking.start()
tracking.follow([FollowedCase(**json.loads(case))])
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_sessions_run_is_up_to_date_and_interrupted(case):
    root = case.results.root
    command = [sys.executable, "-c", KILLED, NAME, str(root), json.dumps(asdict(case.followed()))]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, text=True) as killed:
        case.train(1)
        wait_until(lambda: runs_in(root) and runs_in(root)[0]["steps"] == [1])
        case.train(2)
        killed.communicate("\n", timeout=WAIT_SECONDS)
    assert killed.returncode == -signal.SIGKILL
    wait_until(lambda: runs_in(root)[0]["statuses"] == ["running", "interrupted"])
    assert runs_in(root)[0]["steps"] == [1, 2, 3]
