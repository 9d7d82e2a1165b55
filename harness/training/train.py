"""Training a case to completion: epoch after epoch, each recorded, and what it came to. Knows nothing of pytest.

After every epoch the state is saved, then the epoch's record is appended. A case that was interrupted, however, goes on
from the last state saved, and comes to the same as if it had not been.
"""

import contextlib
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from safetensors.torch import save as safetensors_bytes
from torch import Tensor, nn

from harness.config.case import Case
from harness.config.families import parse_model
from harness.data.images import ImageSet
from harness.data.registry import Dataset
from harness.data.split import split_validation
from harness.errors import DamagedError, InputError
from harness.files import REFUSED, os_error_as_input_error, quarantine
from harness.hardware.co_scheduling import CoSchedulingMonitor
from harness.hardware.memory import PeakMemory, is_out_of_memory
from harness.hardware.stopwatch import Stopwatch
from harness.models.cost import count_macs, count_parameters
from harness.results import metrics
from harness.results.folder import ResultsFolder
from harness.results.result import SCHEMA_VERSION, Attempt, EpochRecord, Result, Status
from harness.results.timing import timing_changes
from harness.text import several
from harness.training import checkpoint
from harness.training.checkpoint import Checkpoint
from harness.training.code_version import training_code_version
from harness.training.command import this_command
from harness.training.context import TrainingContext
from harness.training.environment import describe_environment
from harness.training.trainers import make_trainer
from harness.training.trainers.trainer import Evaluation, empty_network

_MEMORY_REMEDY = "lower the recipe's batch_size or image_size, or the model's width or depth"


def train(
    case: Case,
    dataset: Dataset,
    results: ResultsFolder,
    device: torch.device,
    *,
    rerun: bool = False,
    context: TrainingContext = TrainingContext(),
) -> Result:
    """The case's result: read from the results folder if it is finished there, else trained and recorded.

    What was interrupted goes on after its last finished epoch. Where another process is at the case, it is waited for.
    Divergence and lack of memory are results too. Any other failure is recorded as ``failed`` and raised.

    Args:
        rerun: train again what is finished.
        context: see `TrainingContext`.

    Raises:
        InputError: the results folder cannot be written to, or the case was begun by another version of the code.
        ValueError: the case is of another dataset than the images.
    """
    epochs = train_by_epochs(case, dataset, results, device, rerun=rerun, context=context)
    while True:
        try:
            next(epochs)
        except StopIteration as end:
            result: Result = end.value
            return result


def train_by_epochs(
    case: Case,
    dataset: Dataset,
    results: ResultsFolder,
    device: torch.device,
    *,
    rerun: bool = False,
    context: TrainingContext = TrainingContext(),
) -> Generator[EpochRecord, None, Result]:
    """`train`, an epoch at a time: yields each epoch's record once it and the state after it are on the disk."""
    if case.data_fingerprint != dataset.fingerprint:
        raise ValueError(f"{case.label} is bound to other images than the ones given")
    is_tidy = not checkpoint.is_any_left(results.folder(case))
    if not rerun and is_tidy and (finished := find_finished(case, results)):
        return finished
    notice = partial(context.callback.on_notice, case)
    with results.locked(case, lambda: notice("another process is at this case: waiting for it")) as had_to_wait:
        # Another process may have finished it since, or while this one waited.
        finished = find_finished(case, results, notice)
        if finished is not None:
            remove_checkpoints(case, results)  # where it was killed at its very end
            if not rerun or had_to_wait:
                return finished
        with CoSchedulingMonitor() as co_scheduling:
            run = _Run(case, dataset, results, device, co_scheduling, context)
            return (yield from _train(run, discard_other_code=rerun))


def record_out_of_memory(
    case: Case,
    dataset: Dataset,
    results: ResultsFolder,
    device: torch.device,
    cause: str,
    context: TrainingContext = TrainingContext(),
) -> Result:
    """Record a case, whose process was killed for the memory that it took, as what the last checkpoint has of it."""
    with results.locked(case), CoSchedulingMonitor() as co_scheduling:
        run = _Run(case, dataset, results, device, co_scheduling, context)
        run.recall()
        return run.finish("out_of_memory", f"{cause}; {_MEMORY_REMEDY}")


def find_finished(case: Case, results: ResultsFolder, notify: Callable[[str], None] | None = None) -> Result | None:
    """The case's result, if it need not be trained again; given ``notify``, report and quarantine what is damaged."""
    try:
        result = results.find(case)
    except DamagedError as error:
        if notify is not None:
            notify(f"{error}\nit is set aside as *.refused, and the case trained again")
            results.quarantine(case)
        return None
    if result is None or not result.is_finished:
        return None
    return replace(result, case=case, dataset=case.dataset)  # a user's folder may lie elsewhere by now


def _train(run: "_Run", *, discard_other_code: bool) -> Generator[EpochRecord, None, Result]:
    """Train what is left of the case, and record what it came to."""
    try:
        run.begin(discard_other_code=discard_other_code)
        status = yield from run.train_epochs()
        return run.finish(status, cause="the loss is no longer a number" if status == "diverged" else None)
    except InputError:
        raise
    except Exception as error:
        if run.callback.should_stop():  # a loader process that the same signal reached, say
            raise KeyboardInterrupt from error
        reason = "".join(char if char.isprintable() else " " for char in str(error).strip().partition("\n")[0])
        if is_out_of_memory(error):
            return run.finish("out_of_memory", cause=f"{reason or 'no memory left'}; {_MEMORY_REMEDY}")
        with contextlib.suppress(InputError):  # a disk that is full may have been the failure
            run.finish("failed", cause=f"{type(error).__name__}: {reason}")
        raise


def remove_checkpoints(case: Case, results: ResultsFolder) -> None:
    """Remove what a finished case no longer needs; where that cannot be done, only room is lost."""
    with contextlib.suppress(OSError):
        checkpoint.remove_all(results.folder(case))


class _Run:
    """One process's attempt at a case: what has been recorded of the case so far, by it and by earlier ones."""

    def __init__(
        self,
        case: Case,
        dataset: Dataset,
        results: ResultsFolder,
        device: torch.device,
        co_scheduling: CoSchedulingMonitor,
        context: TrainingContext = TrainingContext(),
    ) -> None:
        self.case, self.dataset, self.results, self.device, self.co_scheduling = (
            case,
            dataset,
            results,
            device,
            co_scheduling,
        )
        self.callback, self.processes = context.callback, context.processes
        self.dataset_verified = context.dataset_verified
        self.started = time.perf_counter()
        self.memory = PeakMemory(device)
        self.records: list[EpochRecord] = []
        environment = describe_environment(device, case.precision, context.machine_name) | self.processes.to_json()
        environment["co_scheduled"] = co_scheduling.saw_other_case
        self.attempts: list[Attempt] = [Attempt(1, _now(), environment, command=context.command or this_command())]
        self.checkpoint_seconds = 0.0
        self.last: Evaluation | None = None
        self.best_weights: Mapping[str, Tensor] | None = None
        train_images, self.validation = dataset.train, None
        if case.val_split:
            train_images, self.validation = split_validation(dataset.train, case.val_split)
        self.train_images, self.test_images = train_images, dataset.test

    @property
    def evaluated(self) -> ImageSet:
        """The images that every epoch ends with."""
        return self.test_images if self.validation is None else self.validation

    def begin(self, *, discard_other_code: bool) -> None:
        """Make the network ready: as it was after the last finished epoch, or at the very beginning.

        Args:
            discard_other_code: begin anew what another version of the code began, instead of refusing it.
        """
        kept = self._last_checkpoint()
        if kept is not None and kept.training_code != training_code_version():
            self._refuse_or_discard(kept, discard_other_code)
            kept = None
        if kept is not None:
            self._go_on_from(kept)
        spec = self.dataset.spec
        self.trainer = make_trainer(self.case, spec, self.device, self.processes)
        if kept is not None:
            self.trainer.restore(kept.network, kept.momentum)
            kept = None  # before memory is measured
        self.train_images = self.trainer.place(self.train_images, "train")
        self.test_images = self.trainer.place(self.test_images, "test")
        self.validation = self.validation and self.trainer.place(self.validation, "validation")
        self.memory = PeakMemory(self.device)
        self._save()  # first of all: what is there may go once the disk has taken the new state
        self.results.clear(self.case)
        self.results.write_epochs(self.case, self.records)
        self.callback.on_warm_up(self.case)
        watch = Stopwatch(self.device)
        with watch.part("compile"):
            self.trainer.warm_up(len(self.train_images))
        self.attempts[-1] = replace(self.attempts[-1], compile_seconds=watch.seconds["compile"])

    def recall(self) -> None:
        """Take over the records of the last checkpoint."""
        if (kept := self._last_checkpoint()) is not None:
            self.records = list(kept.records)
            self.attempts = [*kept.attempts]
        self.results.write_epochs(self.case, self.records)

    def _last_checkpoint(self) -> Checkpoint | None:
        """The latest checkpoint that can be trusted; those that cannot are set aside."""
        folder, spec = self.results.folder(self.case), self.dataset.spec
        network = empty_network(self.case, spec)
        shapes = {name: value.shape for name, value in network.state_dict().items()}
        with os_error_as_input_error(f"read the checkpoints in {folder}", "see to it that they can be read"):
            for path in checkpoint.newest_first(folder):
                try:
                    return checkpoint.load(path, self.case.identity, shapes)
                except DamagedError as error:
                    self._notice(f"{error}\nit is set aside as {path.name}{REFUSED}")
                    quarantine(path)
        return None

    def _refuse_or_discard(self, kept: Checkpoint, discard: bool) -> None:
        """A checkpoint of another version of the code is refused, or, where a rerun is asked for, done without."""
        begun, now = kept.attempts[-1].environment, self.attempts[-1].environment
        codes = " and ".join(
            f"{code} (commit {str(environment.get('commit'))[:12]})"
            for code, environment in ((kept.training_code, begun), (training_code_version(), now))
        )
        if not discard:
            done = several(len(kept.records), "epoch")
            raise InputError(
                f"{self.case.label}: {done} trained by another version of the code: {codes}\n"
                "go back to that version to go on, or begin anew with --rerun"
            )
        self._notice(f"begun anew, after {several(len(kept.records), 'epoch')} by another version of the code: {codes}")
        with self._writing():
            checkpoint.remove_all(self.results.folder(self.case))

    def _go_on_from(self, kept: Checkpoint) -> None:
        self.records = list(kept.records)
        before = kept.attempts[-1].environment
        self.attempts = [*kept.attempts, replace(self.attempts[-1], first_epoch=len(self.records) + 1)]
        self.best_weights = kept.best
        self.callback.on_resume(self.case, self.records)
        if changes := timing_changes(before, self.attempts[-1].environment):
            self._notice(f"going on with {', '.join(changes)}: times of its epochs are no longer to be compared")

    def train_epochs(self) -> Generator[EpochRecord, None, Status]:
        """Every epoch that is left, or as many as there are before the loss is no longer a number."""
        for epoch in range(len(self.records), self.case.recipe.epochs):
            record = self._train_one(epoch)
            self.records.append(record)
            if record.is_finite:
                if self.validation is not None and record is self._best():
                    self.best_weights = self.trainer.weights()
                self._save()
            self.results.append_epoch(self.case, record)
            self.callback.on_epoch(self.case, record)
            yield record
            if not record.is_finite:
                return "diverged"
            self._stop_if_asked()
        return "complete"

    def _save(self) -> None:
        """Save a checkpoint of what there is. A quick run has none: it is begun anew."""
        if self.case.mode == "quick":
            return
        watch = Stopwatch(self.device)
        self._close_attempt()
        kept = Checkpoint(
            self.case.identity,
            training_code_version(),
            tuple(self.records),
            tuple(self.attempts),
            self.trainer.network.state_dict(),
            self.trainer.momentum(),
            self.best_weights,
        )
        with self._writing():
            checkpoint.save(self.results.folder(self.case), kept)
        self.checkpoint_seconds = watch.total()

    def _close_attempt(self) -> None:
        """Enter what this attempt has taken so far, and whether it had the machine to itself."""
        last = self.attempts[-1]
        self.attempts[-1] = replace(
            last,
            environment={**last.environment, "co_scheduled": self.co_scheduling.saw_other_case},
            wall_seconds=time.perf_counter() - self.started,
            peak_memory_bytes=self.memory.bytes(),
        )

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        return self.results.writing(self.case)

    def _stop_if_asked(self) -> None:
        """KeyboardInterrupt is lost where Python cannot raise: in a destructor, at a fork. It is raised again here."""
        if self.callback.should_stop():
            raise KeyboardInterrupt

    def _notice(self, text: str) -> None:
        self.callback.on_notice(self.case, text)

    def _train_one(self, epoch: int) -> EpochRecord:
        watch = Stopwatch(self.device)

        def on_progress(share: float) -> None:
            self.callback.on_progress(self.case, epoch + 1, share)
            self._stop_if_asked()

        loss, accuracy = self.trainer.train_epoch(self.train_images, epoch, watch, on_progress)
        with watch.part("evaluate"):
            self.last = self.trainer.evaluate(self.evaluated)
        epoch_seconds = watch.total()
        return EpochRecord(
            epoch=epoch + 1,
            learning_rate=self.case.recipe.learning_rate_at(epoch),
            train_loss=loss,
            train_accuracy_percent=accuracy,
            evaluation_loss=self.last.loss,
            evaluation_accuracy_percent=self.last.accuracy_percent,
            load_seconds=watch.seconds["load"],
            train_seconds=watch.seconds["train"],
            evaluate_seconds=watch.seconds["evaluate"],
            checkpoint_seconds=self.checkpoint_seconds,
            epoch_seconds=epoch_seconds,
        )

    def _best(self) -> EpochRecord:
        """The epoch of the highest evaluation accuracy, the first where several have it."""
        return max(self.records, key=lambda record: record.evaluation_accuracy_percent)

    def finish(self, status: Status, cause: str | None) -> Result:
        """Write what there is: predictions and weights of a complete case, and the result. Then no checkpoint is needed
        but of what may still come to something else."""
        self._close_attempt()
        result = self._result(status, cause)
        if status == "complete":
            result = replace(result, **self._finish_complete(result.total_seconds))
        self.attempts[-1] = replace(self.attempts[-1], wall_seconds=time.perf_counter() - self.started)
        result = replace(
            result,
            files=self.results.hashes(self.case),
            wall_seconds=sum(attempt.wall_seconds for attempt in self.attempts),
            attempts=tuple(self.attempts),
            finished_at=_now(),
        )
        self.results.write_result(self.case, result)
        if result.is_finished:
            remove_checkpoints(self.case, self.results)
        return result

    def _finish_complete(self, total_seconds: float) -> dict[str, Any]:
        if self.last is None:  # interrupted after the last epoch
            self.last = self.trainer.evaluate(self.evaluated)
        final = self.last if self.validation is None else self.trainer.evaluate(self.test_images)
        labels = self.dataset.test.labels.numpy()
        scores = metrics.score(labels, final.predictions, self.dataset.spec.class_names)
        self.results.write_predictions(self.case, labels, final.predictions)
        self.results.write_weights(self.case, safetensors_bytes(self.trainer.weights()))
        best = self._best()
        best_accuracy = best.evaluation_accuracy_percent
        if self.best_weights is not None:
            self.trainer.replace_weights(self.best_weights)
            best_accuracy = self.trainer.evaluate(self.test_images).accuracy_percent
        return {
            "accuracy_percent": scores.accuracy_percent,
            "best_accuracy_percent": best_accuracy,
            "best_epoch": best.epoch,
            "macro_f1_percent": scores.macro_f1_percent,
            "marginal_gain": metrics.marginal_gain(scores.accuracy_percent, total_seconds),
            **scores.to_json(),
        }

    def _result(self, status: Status, cause: str | None) -> Result:
        """The result as far as it does not need the predictions."""
        case, spec = self.case, self.dataset.spec
        model, size = parse_model(case.model), case.recipe.image_size
        train_seconds = sum(record.load_seconds + record.train_seconds for record in self.records)
        total_seconds = sum(record.epoch_seconds for record in self.records)
        trained = len(self.train_images) * len(self.records)
        return Result(
            schema_version=SCHEMA_VERSION,
            status=status,
            mode=case.mode,
            case=case,
            model=case.model,
            dataset=case.dataset,
            seed=case.seed,
            params=count_parameters(empty_network(case, spec)),
            macs=count_macs(model, spec.input_shape(size), spec.num_classes, case.shortcut),
            accuracy_percent=None,
            best_accuracy_percent=None,
            best_epoch=None,
            macro_f1_percent=None,
            epochs=len(self.records),
            epoch_seconds=tuple(record.epoch_seconds for record in self.records),
            train_seconds=train_seconds,
            eval_seconds=sum(record.evaluate_seconds for record in self.records),
            total_seconds=total_seconds,
            checkpoint_seconds=sum(record.checkpoint_seconds for record in self.records),
            compile_seconds=sum(attempt.compile_seconds for attempt in self.attempts),
            wall_seconds=0.0,
            marginal_gain=None,
            images_per_second=trained / train_seconds if train_seconds else None,
            peak_memory_bytes=max(attempt.peak_memory_bytes for attempt in self.attempts),
            train_images=len(self.train_images),
            evaluation_images=len(self.evaluated),
            test_images=len(self.test_images),
            dataset_origin=self.dataset.origin,
            dataset_verified=self.dataset_verified,
            dataset_whole=self.dataset.is_whole,
            stand_in=self.dataset.is_stand_in,
            environment=self.attempts[-1].environment,
            started_at=self.attempts[0].started_at,
            finished_at="",
            attempts=tuple(self.attempts),
            files={},
            cause=cause,
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def load_weights(path: Path, network: nn.Module) -> None:
    """Put a case's stored weights into a network of its model."""
    network.load_state_dict(load_file(path))
