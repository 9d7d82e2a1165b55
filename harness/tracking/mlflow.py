"""MLflow: one run per training.

The experiment is the one that MLFLOW_EXPERIMENT_NAME names, or else ``wider-or-deeper``.
"""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from harness.results.case_folder import RESULT
from harness.results.checked_files import EPOCHS
from harness.results.result import EpochRecord, Result
from harness.timestamps import utc_now
from harness.tracking.content import epoch_metrics, final_measures, outcome, result_parameters
from harness.tracking.tracker import ReportFiles, TrackedRun, Tracker, Training, Value

EXPERIMENT = "wider-or-deeper"
_KIND, _TRAINING, _FINISHED_AT = "wider_or_deeper.kind", "wider_or_deeper.training", "wider_or_deeper.finished_at"
_EPOCHS_PER_REQUEST = 50  # MLflow accepts 1,000 metrics, and an epoch has ten


class MLflowTracker(Tracker):
    """A client of the server or store that MLFLOW_TRACKING_URI names; without it, of MLflow's default one."""

    def __init__(self, results_dir: Path) -> None:
        self._client = MlflowClient()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        found = self._client.get_experiment_by_name(name)
        self._experiment_id = str(found.experiment_id if found is not None else self._client.create_experiment(name))
        self.place = f"{self._client.tracking_uri}, experiment {name}"

    def open_run(self, training: Training) -> TrackedRun:
        run = self._find_run(training)
        if run is None:
            tags = {_KIND: "case", _TRAINING: training.key, "dataset": str(training.parameters["dataset"])}
            if "trial" in training.parameters:
                tags["trial"] = "true"
            start = _milliseconds(training.result.started_at if training.result is not None else utc_now())
            run = self._client.create_run(self._experiment_id, start, tags, training.label)
        elif training.result is None:
            self._client.update_run(run.info.run_id, status="RUNNING")
        return MLflowRun(self._client, run, training)

    def _find_run(self, training: Training) -> Run | None:
        found = self._client.search_runs(
            [self._experiment_id], f"tags.`{_TRAINING}` = '{training.key}'", max_results=1, order_by=["start_time ASC"]
        )
        return found[0] if found else None

    def log_report(self, report: ReportFiles) -> None:
        """Log page and tables as the artefacts of a run of their own, since they are about many cases."""
        run_id = self._client.create_run(self._experiment_id, tags={_KIND: "report"}, run_name="report").info.run_id
        self._client.log_artifact(run_id, str(report.page))
        for table in report.tables:
            self._client.log_artifact(run_id, str(table), "tables")
        self._client.set_terminated(run_id)


class MLflowRun(TrackedRun):
    """A training's run, found by its key in a tag."""

    def __init__(self, client: MlflowClient, run: Run, training: Training) -> None:
        """Read what the run has; log the parameters that it lacks."""
        self._client, self._id = client, run.info.run_id
        self._parameters = dict(run.data.params)
        self._log_parameters(training.parameters)
        if "epoch_seconds" in run.data.metrics:
            self.epochs = max(metric.step for metric in client.get_metric_history(self._id, "epoch_seconds"))
        self.finished_at = run.data.tags.get(_FINISHED_AT)

    def log_epochs(self, records: Sequence[EpochRecord]) -> None:
        for first in range(0, len(records), _EPOCHS_PER_REQUEST):
            some = records[first : first + _EPOCHS_PER_REQUEST]
            metrics = [metric for record in some for metric in _metrics(epoch_metrics(record), record.epoch)]
            self._client.log_batch(self._id, metrics)

    def finish(self, training: Training, result: Result) -> None:
        self._log_parameters(result_parameters(result))
        commit = str(result.environment.get("commit") or "").removesuffix("+")  # which marks a changed work tree
        tags = {**outcome(result), "mlflow.source.git.commit": commit}
        self._client.log_batch(
            self._id,
            _metrics(final_measures(result), result.epochs),
            tags=[RunTag(name, str(value)) for name, value in tags.items() if value],
        )
        for name in (RESULT, EPOCHS):
            if (training.folder / name).exists():
                self._client.log_artifact(self._id, str(training.folder / name))
        status = "FINISHED" if result.is_complete else "FAILED"
        self._client.set_terminated(self._id, status, _milliseconds(result.finished_at))
        self._client.set_tag(self._id, _FINISHED_AT, result.finished_at)

    def interrupt(self) -> None:
        self._client.set_terminated(self._id, "KILLED")

    def _log_parameters(self, parameters: Mapping[str, Value]) -> None:
        """Log the parameters that the run lacks: MLflow refuses to change one."""
        new = {name: str(value) for name, value in parameters.items() if name not in self._parameters}
        if new:
            self._client.log_batch(self._id, params=[Param(name, value) for name, value in new.items()])
        self._parameters |= new


def _metrics(values: Mapping[str, float], step: int) -> list[Metric]:
    now = time.time_ns() // 1_000_000
    return [Metric(name, value, now, step) for name, value in values.items()]


def _milliseconds(timestamp: str) -> int:
    return round(1000 * datetime.fromisoformat(timestamp).timestamp())
