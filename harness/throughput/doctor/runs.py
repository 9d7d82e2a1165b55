"""Checks of whole runs: the same case twice, and one that was interrupted and resumed."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from harness.config.case import Case
from harness.models.stored_weights import map_weights
from harness.results.folder import ResultsFolder
from harness.results.result import EpochRecord, Result
from harness.throughput.doctor.findings import Outcome, passed_if
from harness.throughput.doctor.steps import TOLERANCES
from harness.throughput.doctor.subject import Subject, has_same_bits
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.train import train


class _StopAfterFirstEpoch(TrainingCallback):
    """A callback that interrupts a training as Ctrl-C does, once its first epoch is on the disk."""

    def on_epoch(self, case: Case, record: EpochRecord) -> None:
        """Stop the training."""
        raise KeyboardInterrupt


def same_case_twice(subject: Subject, precision: str) -> Outcome:
    """Train the same case twice in this process and compare the states; on a CPU their bits must be equal."""
    first, second = (subject.trained(subject.trainer(precision=precision)) for _ in range(2))
    return _comparison(subject, first, second, precision)


def resumed_equals_uninterrupted(subject: Subject) -> Outcome:
    """Compare an uninterrupted training's final weights with those of an interrupted, resumed one."""
    ends = []
    for is_interrupted in (False, True):
        with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
            results = ResultsFolder(folder)
            if is_interrupted:
                _interrupt(subject, results)
            ends.append(final_weights(results, train(subject.case_with(), subject.dataset, results, subject.device)))
    return _comparison(subject, ends[0], ends[1], "fp32")


def final_weights(results: ResultsFolder, result: Result) -> Mapping[str, Tensor]:
    """Return the stored weights of a complete result, in memory.

    Raises:
        RuntimeError: the training did not complete.
    """
    if result.status != "complete":
        raise RuntimeError(f"the training ended as {result.status}: {result.cause}")
    return {name: value.clone() for name, value in map_weights(Path(results.weights_path(result))).items()}


def _interrupt(subject: Subject, results: ResultsFolder) -> None:
    context = TrainingContext(callback=_StopAfterFirstEpoch())
    try:
        train(subject.case_with(), subject.dataset, results, subject.device, context=context)
    except KeyboardInterrupt:
        return
    raise RuntimeError("the training was not interrupted after its first epoch")


def _comparison(subject: Subject, first: Mapping[str, Tensor], second: Mapping[str, Tensor], precision: str) -> Outcome:
    """Return the outcome for two states: the same bits on a CPU, elsewhere within the tolerance."""
    if has_same_bits(first, second):
        return passed_if(True, "the same bits", difference=0.0)
    found = subject.difference(first, second)
    is_right = subject.device.type != "cpu" and found <= TOLERANCES[precision]
    return passed_if(is_right, f"other bits, relative difference {found:.1e}", difference=found)
