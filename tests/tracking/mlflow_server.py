"""A real MLflow server with a SQLite database, as a process that tests may kill and start again."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

WAIT_SECONDS = 120  # at most: it takes five seconds of CPU time
_ATTEMPTS = 5  # another process may take the free port before the server has it


class MLflowServer:
    """A server on a free port of this machine, with database and artefacts in a folder."""

    def __init__(self, folder):
        self._folder = folder
        self.uri = None

    def start(self):
        """Start the server, and wait until it answers; a second start keeps the port."""
        for attempt in range(_ATTEMPTS):
            port = _free_port() if self.uri is None else self._port
            if self._starts_at(port):
                self._port, self.uri = port, _uri(port)
                return
            log = (self._folder / "log.txt").read_text()
            assert "ddress already in use" in log, f"attempt {attempt + 1}: {log}"
            time.sleep(0.1)
        raise AssertionError(f"no port in {_ATTEMPTS} attempts")

    def _starts_at(self, port):
        """Start the server; return whether it answers, or has ended."""
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{self._folder}/mlflow.db"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        variables = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with open(self._folder / "log.txt", "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=os.environ | variables, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + WAIT_SECONDS
        while not self._answers(port):
            if self._process.poll() is not None:
                return False
            assert time.monotonic() < end, "the MLflow server does not start"
            time.sleep(0.1)
        return self._process.poll() is None  # else another server answers at the port

    def _answers(self, port):
        try:
            with urllib.request.urlopen(f"{_uri(port)}/health", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill(self):
        """Kill the server with its workers."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _uri(port):
    return f"http://127.0.0.1:{port}"


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
