"""A real MLflow server with a SQLite database, as a process that tests may kill and start again."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

WAIT_SECONDS = 120  # at most: it takes five seconds of CPU time


class MLflowServer:
    """A server on a free port of this machine, with database and artefacts in a folder."""

    def __init__(self, folder):
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"

    def start(self):
        """Start the server, and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self._port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{self._folder}/mlflow.db"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        variables = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with open(self._folder / "log.txt", "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=os.environ | variables, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + WAIT_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log.txt").read_text()
            assert time.monotonic() < end, "the MLflow server does not start"
            time.sleep(0.1)

    def _answers(self):
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill(self):
        """Kill the server with its workers."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
