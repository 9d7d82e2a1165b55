"""A run of pytest in a process of its own, for tests that send it signals."""

import os
import signal
import subprocess
import sys
import time

from tests.helpers import REPOSITORY


class Run:
    """A pytest command line in a folder of its own, as a process of its own."""

    def __init__(self, folder, *arguments, before=lambda: None, variables=None):
        self._folder = folder
        self._log = folder / "log.txt"
        command = [sys.executable, "-m", "pytest", "-p", "harness.plugin", "--full-training", *arguments]
        # One thread, so that processes of other tests do not slow it down.
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        environment |= variables or {}

        def prepare():
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell starts its background jobs with Ctrl-C ignored
            before()

        with open(self._log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, preexec_fn=prepare,
                start_new_session=True,
            )  # fmt: skip

    def wait_for_epochs(self, count):
        """Wait until that many epochs are recorded."""
        self._wait_until(lambda: sum(self._epochs()) >= count)

    def wait_for_cases(self, cases, epochs):
        """Wait until that many cases have that many recorded epochs each."""
        self._wait_until(lambda: sum(count >= epochs for count in self._epochs()) >= cases)

    def _epochs(self):
        return [path.read_bytes().count(b"\n") for path in self._folder.glob("results/*/epochs.jsonl")]

    def _wait_until(self, is_reached):
        while not is_reached():
            assert self.process.poll() is None, self.output()
            time.sleep(0.02)

    def output(self):
        return self._log.read_text(encoding="utf-8")

    def end(self, sent=None):
        """Return exit code and output, after sending a signal if one is given."""
        if sent is not None:
            self.process.send_signal(sent)
        return self.process.wait(), self.output()
