"""A third tracker in one file: runs as JSON files. ``down``, ``hang``, ``exit`` and ``quit`` make it fail."""

import json
import os
import sys
import time
from pathlib import Path

from harness.files import write_text_atomically
from harness.tracking.tracker import TrackedRun, Tracker

FOLDER = "file-tracker"


class FileTracker(Tracker):
    def __init__(self, results_dir: Path) -> None:
        self._folder = results_dir / FOLDER
        self._folder.mkdir(exist_ok=True)
        self.place = str(self._folder)
        self.require_up()

    def require_up(self):
        while (self._folder / "hang").exists():
            time.sleep(0.01)
        if (self._folder / "down").exists():
            raise ConnectionError("no answer")
        if (self._folder / "exit").exists():
            os._exit(int((self._folder / "exit").read_text()))
        if (self._folder / "quit").exists():
            sys.exit()

    def open_run(self, training):
        return FileRun(self, self._folder / f"{training.key}.json", training)

    def log_report(self, report):
        (self._folder / "report").write_text(report.page.read_text())


class FileRun(TrackedRun):
    def __init__(self, tracker, path, training):
        self._tracker, self._path = tracker, path
        if not path.exists():
            self._write({"label": training.label, "steps": [], "statuses": []})
        content = self._write({})
        self.epochs = max(content["steps"], default=0)
        self.finished_at = content.get("finished_at")
        if training.result is None:
            self._add_status("running")

    def log_epochs(self, records):
        steps = json.loads(self._path.read_text())["steps"]
        self._write({"steps": [*steps, *(record.epoch for record in records)]})

    def finish(self, training, result):
        self._add_status(result.status)
        self._write({"accuracy_percent": result.accuracy_percent, "finished_at": result.finished_at})

    def interrupt(self):
        self._add_status("interrupted")

    def _add_status(self, status):
        self._write({"statuses": [*json.loads(self._path.read_text())["statuses"], status]})

    def _write(self, changes):
        self._tracker.require_up()
        content = json.loads(self._path.read_text()) if self._path.exists() else {}
        write_text_atomically(self._path, json.dumps(content | changes))
        return content | changes


def runs_in(results_dir):
    """Return the runs' contents, in order of their labels."""
    contents = [json.loads(path.read_text()) for path in (results_dir / FOLDER).glob("*.json")]
    return sorted(contents, key=lambda run: run["label"])
