"""The trackers of a study as its session sees them: processes that it starts, informs and ends."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.tracking.followed import FollowedCase
from harness.tracking.process import END_SECONDS
from harness.tracking.tracker import ReportFiles

START_SECONDS = 60.0


class TrackingSession:
    """The trackers that a study logs to; without names it does nothing."""

    def __init__(self, names: Sequence[str], results_dir: Path) -> None:
        self._names, self._results_dir = names, results_dir
        self._processes: list[TrackerProcess] = []

    def start(self) -> None:
        """Start every tracker's process; wait for its imports, so that they take no CPU from the first epochs.

        Raises:
            InputError: a tracker is not installed, or is not a tracker.
        """
        deadline = time.monotonic() + START_SECONDS
        self._processes = [TrackerProcess(name, self._results_dir) for name in self._names]
        for process in self._processes:
            process.wait_until_ready(deadline)

    def follow(self, cases: Iterable[FollowedCase]) -> None:
        """Send these cases to the trackers; without a tracker, leave ``cases`` unread."""
        if self._processes:
            message = {"cases": [asdict(case) for case in cases]}
            for process in self._processes:
                process.send(message)

    def notices(self) -> list[str]:
        """Return the lines for the user since the last call."""
        return [line for process in self._processes for line in process.take_notices()]

    def end(self, report: ReportFiles | None = None) -> list[str]:
        """Wait until the trackers have logged what is left, END_SECONDS at most; return lines for the user."""
        deadline = time.monotonic() + END_SECONDS
        files = None if report is None else json.loads(json.dumps(asdict(report), default=str))
        for process in self._processes:
            process.end({"report": files})
        for process in self._processes:
            process.wait(deadline)
        lines, self._processes = self.notices(), []
        return lines

    def close(self) -> None:
        """End the trackers that have not ended, after an error for example."""
        self.end()


class TrackerProcess:
    """One tracker's process; two threads exchange messages with it, so that it cannot block a training."""

    def __init__(self, name: str, results_dir: Path) -> None:
        """Start the process in a session of its own: Ctrl-C must not end it before it has logged that."""
        self._name = name
        command = [sys.executable, "-P", "-W", "ignore", "-m", "harness.tracking.process", name, str(results_dir)]
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,
            text=True,
        )
        self._outbox: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._first: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._notices: deque[str] = deque()
        self._is_ending, self._is_stopped = False, False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def wait_until_ready(self, deadline: float) -> None:
        """Wait until the tracker's packages are imported.

        Raises:
            InputError: the tracker is not installed, or is not a tracker.
        """
        try:
            message = self._first.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            late = f"not started after {START_SECONDS:.0f} s, training does not wait for it"
            self._notices.append(f"{self._name}: {late}")
            return
        if refusal := message.get("refused"):
            raise InputError(refusal)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; return at once."""
        self._outbox.put(message)

    def take_notices(self) -> list[str]:
        """Return the tracker's lines for the user since the last call."""
        return [self._notices.popleft() for _ in range(len(self._notices))]

    def end(self, message: dict[str, Any]) -> None:
        """Send the last message."""
        self._is_ending = True
        self._outbox.put(message)
        self._outbox.put(None)

    def wait(self, deadline: float) -> None:
        """Wait until the process has ended; kill it at the deadline."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._is_stopped = True
            self._process.kill()
            self._process.wait()
            why = f"stopped, since it had not logged everything after {END_SECONDS:.0f} s"
            self._notices.append(f"{self._name}: {why}: run the command again, without --rerun, to log what is missing")
        self._reader.join(1.0)
        self._writer.join(1.0)

    def _write(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None, "it is a pipe"
        with contextlib.suppress(OSError), stdin:  # the process may have ended, which `_read` reports
            while (message := self._outbox.get()) is not None:
                stdin.write(json.dumps(message) + "\n")
                stdin.flush()

    def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None, "it is a pipe"
        is_refused = False
        with stdout:
            for line in stdout:
                message = json.loads(line)
                is_refused |= "refused" in message
                if "notice" in message:
                    self._notices.append(f"{self._name}: {message['notice']}")
                else:
                    self._first.put(message)
        self._first.put({})
        is_unexpected = self._process.wait() != 0 or not self._is_ending  # a library may end it with 0
        if is_unexpected and not is_refused and not self._is_stopped:
            self._notices.append(
                f"{self._name}: its process has ended (exit code {self._process.returncode}); training continues, "
                "rerun the command later to log what is missing"
            )
