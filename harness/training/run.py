"""One process's attempt at a case: the epoch loop, and what it saves after each epoch and at the end."""

from collections.abc import Generator, Mapping

from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from harness.hardware.co_scheduling import CoSchedulingMonitor
from harness.hardware.disturbance_meter import DisturbanceMeter, with_stops_of_ranks
from harness.hardware.stopwatch import Stopwatch
from harness.results import metrics
from harness.results.inference_time import InferenceTime
from harness.results.logit_array import contradiction_with_logits, obstacle_to_logits
from harness.results.result import EpochRecord, Status
from harness.training import checkpoint, code_version
from harness.training.checkpoint_file import Checkpoint
from harness.training.history import History
from harness.training.inference_meter import InferenceMeter
from harness.training.job import CaseImages, TrainingJob
from harness.training.result_builder import FinalScores
from harness.training.resume import OtherCode, resumable_checkpoint, resume
from harness.training.trainers import make_trainer
from harness.training.trainers.evaluation import Evaluation
from harness.training.trainers.trainer import Trainer
from harness.training.trainers.verification import LACK_OF_MEMORY


class TrainingRun:
    """One process's attempt at a case.

    Attributes:
        images: the case's images by their use.
        history: the epochs and attempts recorded so far.
        notes: remarks on how this attempt trains the network, known once it is warmed up.
    """

    _trainer: Trainer

    def __init__(
        self, job: TrainingJob, co_scheduling: CoSchedulingMonitor, switched_off: Mapping[str, str] = {}
    ) -> None:
        self.job, self.co_scheduling = job, co_scheduling
        self._switched_off = switched_off
        self.history = History(job, co_scheduling)
        self.images = CaseImages.of(job)
        self.notes: tuple[str, ...] = ()
        self._checkpoint_seconds = 0.0
        self._final_evaluation: Evaluation | None = None
        self._best_weights: Mapping[str, Tensor] | None = None

    def begin(self, other_code: OtherCode) -> None:
        """Make the network ready: as after the last finished epoch, or from scratch."""
        job = self.job
        kept = resumable_checkpoint(job, other_code)
        if kept is not None:
            resume(job, self.history, kept)
            self._best_weights = kept.best
        self._trainer = make_trainer(job.case, job.dataset.spec, job.device, job.context.processes)
        earlier = kept.attempts[-1].environment.get("switched_off", {}) if kept is not None else {}
        for technique, reason in {**earlier, **self._switched_off}.items():
            self._trainer.switch_off(technique, reason)
        self.images = self.images.placed(self._trainer.place)
        self.history.measure_memory_from_here()
        self._warm_up()  # on the untrained network: bf16 differs by more once the gradients have become small
        if kept is not None:
            self._trainer.restore(kept.network, kept.momentum)
            kept = None  # frees its memory
        self._save()  # first: what an earlier run left may go only once the new state is on the disk
        job.results.clear(job.case)
        job.results.write_epochs(job.case, self.history.records)

    def without_what_takes_memory(self) -> "TrainingRun | None":
        """Return an attempt without the techniques that may take memory; None if none is in use.

        The ranks of a process group fail together, so that theirs is not attempted again.
        """
        trainer = vars(self).get("_trainer")
        if trainer is None or self.job.context.processes.is_distributed:
            return None
        used = [technique for technique in trainer.uses_of_memory() if technique not in trainer.switched_off]
        if not used:
            return None
        reasons = dict.fromkeys(used, "the training ran out of memory with it")
        return TrainingRun(self.job, self.co_scheduling, {**trainer.switched_off, **reasons})

    def _warm_up(self) -> None:
        self.job.context.callback.on_warm_up(self.job.case)
        is_streamed = "resident" in self._trainer.switched_off
        watch = Stopwatch(self.job.device)
        with watch.part("compile"):
            self._trainer.warm_up(self.images.train)
        switched_off = self._trainer.switched_off
        if self.job.context.shares_memory and LACK_OF_MEMORY in switched_off.values():
            raise MemoryError("an acceleration ran out of memory beside other cases")  # alone it may not
        if "resident" in switched_off and not is_streamed:
            self.images = CaseImages.of(self.job).placed(self._trainer.place)
        self.notes = tuple(self._trainer.notes)
        for note in self.notes:
            self.job.notify(note)
        for technique, reason in switched_off.items():
            self.job.notify(f"trained without {technique}: {reason}")
        for change in self.history.record_warm_up(watch.seconds["compile"], switched_off):
            self.job.notify(f"resumed with a change, {change}: the times of its epochs are no longer comparable")

    def train_epochs(self) -> Generator[EpochRecord, None, Status]:
        """Train the remaining epochs, yielding each one's record; stop early if the loss is not a number."""
        case, history = self.job.case, self.history
        for epoch in range(len(history.records), case.recipe.epochs):
            record = self._train_epoch(epoch)
            history.records.append(record)
            if record.is_finite:
                if self.images.validation is not None and record is history.best:
                    self._best_weights = self._trainer.weights()
                self._save()
            self.job.results.append_epoch(case, record)
            self.job.context.callback.on_epoch(case, record)
            yield record
            if not record.is_finite:
                return "diverged"
            self._stop_if_asked()
        return "complete"

    def _train_epoch(self, epoch: int) -> EpochRecord:
        meter = DisturbanceMeter(self.job.device, is_distributed=self.job.context.processes.is_distributed)
        watch = Stopwatch(self.job.device)

        def on_progress(share: float) -> None:
            self.job.context.callback.on_progress(self.job.case, epoch + 1, share)
            self._stop_if_asked()

        loss, accuracy = self._trainer.train_epoch(self.images.train, epoch, watch, on_progress)
        is_final = epoch + 1 == self.job.case.recipe.epochs and self.images.validation is None
        with watch.part("evaluate"):
            evaluation = self._trainer.evaluate(self.images.evaluated, with_logits=is_final)
        self._final_evaluation = evaluation if is_final else None
        epoch_seconds = watch.total()
        disturbance = with_stops_of_ranks(meter.reading(), self._trainer.stops_of_ranks())
        return EpochRecord(
            epoch=epoch + 1,
            learning_rate=self.job.case.recipe.learning_rate_at(epoch),
            train_loss=loss,
            train_accuracy_percent=accuracy,
            evaluation_loss=evaluation.loss,
            evaluation_accuracy_percent=evaluation.accuracy_percent,
            load_seconds=watch.seconds["load"],
            train_seconds=watch.seconds["train"],
            evaluate_seconds=watch.seconds["evaluate"],
            checkpoint_seconds=self._checkpoint_seconds,
            epoch_seconds=epoch_seconds,
            disturbance=disturbance,
        )

    def _stop_if_asked(self) -> None:
        """Raise KeyboardInterrupt again: Python drops it in places where it cannot raise, as in a destructor."""
        if self.job.context.callback.should_stop():
            raise KeyboardInterrupt

    def _save(self) -> None:
        """Save a checkpoint of the present state, except in quick mode, which always starts from scratch."""
        if self.job.case.mode == "quick":
            return
        watch = Stopwatch(self.job.device)
        self.history.update_attempt()
        state = Checkpoint(
            self.job.case.identity,
            code_version.training_code_version(),
            tuple(self.history.records),
            tuple(self.history.attempts),
            self._trainer.network_state(),
            self._trainer.momentum(),
            self._best_weights,
        )
        with self.job.writing():
            checkpoint.save(self.job.folder, state)
        self._checkpoint_seconds = watch.total()

    def conclude(self) -> FinalScores:
        """Write predictions, logits and weights of the complete case, and compute its scores."""
        job = self.job
        final = self._final_evaluation
        if final is None:  # the last epoch's was of the validation images, or of an attempt interrupted after it
            final = self._trainer.evaluate(self.images.test, with_logits=True)
        labels = job.dataset.test.labels.numpy()
        scores = metrics.score(labels, final.predictions, job.dataset.spec.class_names)
        job.results.write_predictions(job.case, labels, final.predictions)
        self._write_logits(final)
        job.results.write_weights(job.case, safetensors_bytes(self._trainer.weights()))
        best = self.history.best
        best_accuracy_percent = best.evaluation_accuracy_percent
        if self._best_weights is not None:
            self._trainer.replace_weights(self._best_weights)
            best_accuracy_percent = self._trainer.evaluate(self.images.test).accuracy_percent
        return FinalScores(scores, best_accuracy_percent, best.epoch)

    def measure_inference(self) -> tuple[InferenceTime, ...]:
        """Measure the times to use the complete network, except in quick mode; note what is left out."""
        if self.job.case.mode == "quick":
            return ()
        meter = InferenceMeter(self._trainer, self.job.context, self.co_scheduling)
        times = meter.measure(self.history.total_seconds)
        for note in meter.notes:
            self.job.notify(note)
        self.notes += tuple(meter.notes)
        return times

    def _write_logits(self, evaluation: Evaluation) -> None:
        """Write the logits of the test images, or note why they are not stored."""
        classes = self.job.dataset.spec.num_classes
        reason = obstacle_to_logits(len(evaluation.predictions), classes)
        if evaluation.logits is not None and reason is None:
            if contradiction_with_logits(evaluation.predictions, evaluation.logits) is None:
                self.job.results.write_logits(self.job.case, evaluation.logits)
                return
            reason = "logits are not stored: some are not numbers"
        if reason is not None:
            self.notes += (reason,)
