"""TensorBoard: one run per training, under ``tensorboard/`` in the results folder."""

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import SCALARS, TENSORS, EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from harness.results.result import EpochRecord, Result
from harness.tracking.content import epoch_metrics, final_measures, outcome, result_parameters
from harness.tracking.tracker import ReportFiles, TrackedRun, Tracker, Training, Value

FOLDER, REPORT = "tensorboard", "report"
_EPOCH_SECONDS, _FINISHED_AT = "epoch/epoch_seconds", "finished_at"


class TensorBoardTracker(Tracker):
    """Event files for TensorBoard."""

    def __init__(self, results_dir: Path) -> None:
        self._root = results_dir / FOLDER
        self._root.mkdir(parents=True, exist_ok=True)
        shown = self._root.relative_to(Path.cwd()) if self._root.is_relative_to(Path.cwd()) else self._root
        self.place = f"{shown}: view with `tensorboard --logdir {shlex.quote(str(shown))}`"

    def open_run(self, training: Training) -> TrackedRun:
        return TensorBoardRun(self._root / f"{training.folder.name}-{training.key[:6]}", training)

    def log_report(self, report: ReportFiles) -> None:
        """Replace the run ``report``: its tables as texts, its figures as images."""
        folder = self._root / REPORT
        if folder.is_symlink():
            folder.unlink()  # the event files of another folder stay
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        writer = EventFileWriter(str(folder))
        _add(writer, text_pb("report", f"The page: {report.page}"))
        for table in (path for path in report.tables if path.suffix == ".md"):
            _add(writer, text_pb(f"tables/{table.stem}", table.read_text(encoding="utf-8")))
        for figure in (path for path in report.figures if path.suffix == ".png"):
            _add(writer, _image(f"figures/{figure.stem}", figure))
        writer.close()


class TensorBoardRun(TrackedRun):
    """The event files of a training, in a folder of its own."""

    def __init__(self, folder: Path, training: Training) -> None:
        """Read what the event files have; write the parameters if there are none."""
        self._folder = folder
        self._writer: EventFileWriter | None = None
        is_new = not any(folder.glob("events.out.tfevents.*"))
        if is_new:
            self._write(hparams_pb(_hyperparameters(training.parameters), trial_id=training.key))
            return
        kept = EventAccumulator(str(folder), size_guidance={SCALARS: 0, TENSORS: 0}).Reload()
        if _EPOCH_SECONDS in kept.Tags()["scalars"]:
            self.epochs = max(event.step for event in kept.Scalars(_EPOCH_SECONDS))
        if _FINISHED_AT in kept.Tags()["tensors"]:
            self.finished_at = kept.Tensors(_FINISHED_AT)[-1].tensor_proto.string_val[0].decode()

    def log_epochs(self, records: Sequence[EpochRecord]) -> None:
        for record in records:
            self._write(_scalars("epoch", epoch_metrics(record)), record.epoch)
        self._flush()

    def finish(self, training: Training, result: Result) -> None:
        self._write(_scalars("final", final_measures(result)), result.epochs)
        described = {**training.parameters, **result_parameters(result), **outcome(result)}
        self._write(text_pb("outcome", _markdown(described)), result.epochs)
        self._write(text_pb("result.json", f"```\n{result.to_text()}```"), result.epochs)
        self._write(text_pb(_FINISHED_AT, result.finished_at), result.epochs)
        self._flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _write(self, summary: Summary, step: int = 0) -> None:
        """Write a summary; the first one begins a further event file, which TensorBoard shows as the same run."""
        if self._writer is None:
            self._writer = EventFileWriter(str(self._folder))
        _add(self._writer, summary, step)

    def _flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()


def _add(writer: EventFileWriter, summary: Summary, step: int = 0) -> None:
    writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))


def _scalars(group: str, values: Mapping[str, float]) -> Summary:
    return Summary(value=[Summary.Value(tag=f"{group}/{name}", simple_value=value) for name, value in values.items()])


def _image(tag: str, path: Path) -> Summary:
    with Image.open(path, formats=["PNG"]) as picture:
        width, height = picture.size
    image = Summary.Image(encoded_image_string=path.read_bytes(), width=width, height=height)
    return Summary(value=[Summary.Value(tag=tag, image=image)])


def _hyperparameters(parameters: Mapping[str, Value]) -> dict[str, Value]:
    """Return the parameters without hashes; all numbers are floats, so that each column has one type."""
    return {
        name: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in parameters.items()
        if name not in ("identity", "data_fingerprint")
    }


def _markdown(values: Mapping[str, Value]) -> str:
    """Return names and values as a Markdown table."""
    rows = [f"| {name} | {str(value).replace('|', '&#124;')} |" for name, value in values.items()]
    return "\n".join(["| name | value |", "|---|---|", *rows])
