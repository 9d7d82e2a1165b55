"""Resuming a case: the last checkpoint that can be trusted, and how a case continues from it."""

from typing import Literal

from harness.errors import DamagedError, InputError
from harness.files import REFUSED, os_error_as_input_error, quarantine
from harness.results.timing import timing_changes
from harness.text import count_noun
from harness.training import checkpoint, code_version
from harness.training.checkpoint_file import Checkpoint, Expected, OtherFormatError
from harness.training.history import History
from harness.training.job import TrainingJob
from harness.training.reuse import REMEDY
from harness.training.trainers.trainer import empty_network

OtherCode = Literal["refuse", "accept", "discard"]
"""The treatment of what another version of the code has trained: an error, resumed, or trained again from scratch."""


def last_checkpoint(job: TrainingJob) -> Checkpoint | None:
    """Read the case's latest checkpoint that can be trusted, and quarantine damaged ones before it.

    Raises:
        OtherFormatError: the checkpoint has another format.
        InputError: a checkpoint cannot be read.
    """
    case, network = job.case, empty_network(job.case, job.dataset.spec)
    expected = Expected(case.identity, case.recipe.epochs, bool(case.val_split), network.state_dict())
    with os_error_as_input_error(f"read the checkpoints in {job.folder}", "make them readable"):
        for path in checkpoint.newest_first(job.folder):
            try:
                return checkpoint.load(path, expected)
            except DamagedError as error:
                job.notify(f"{error}\nit is quarantined as {path.name}{REFUSED}")
                quarantine(path)
    return None


def resumable_checkpoint(job: TrainingJob, other_code: OtherCode) -> Checkpoint | None:
    """Read the checkpoint that the case is resumed from; None if the case starts from scratch.

    Raises:
        InputError: another version of the code has trained the case and is refused, or a checkpoint cannot be read.
    """
    try:
        kept = last_checkpoint(job)
    except OtherFormatError as error:
        _discard(job, str(error), other_code)
        return None
    if kept is not None and (other := code_version.other_code(one.environment for one in kept.attempts)):
        epochs = f"{count_noun(len(kept.records), 'epoch')} trained by other code, {other}"
        if other_code == "refuse":
            raise InputError(f"{job.case.label}: {epochs}\n{REMEDY}")
        if other_code == "discard":
            _discard(job, epochs, other_code)
            return None
        job.notify(f"resuming {epochs}: accepted")
    return kept


def resume(job: TrainingJob, history: History, kept: Checkpoint) -> None:
    """Continue the history from a checkpoint, and report changes since it was saved to the callback."""
    before = {**kept.attempts[-1].environment, "switched_off": {}}  # it is compared after the warm-up
    history.resume(kept)
    job.context.callback.on_resume(job.case, history.records)
    if changes := timing_changes(before, history.attempts[-1].environment):
        job.notify(f"resumed with {', '.join(changes)}: the times of its epochs are no longer comparable")
    for note in history.library_notes():
        job.notify(note)


def _discard(job: TrainingJob, why: str, other_code: OtherCode) -> None:
    """Remove checkpoints that cannot be resumed from, or raise an InputError if not allowed."""
    if other_code != "discard":
        raise InputError(
            f"{job.case.label}: {why}\nresume it with the version that began it, or train it from scratch with --rerun"
        )
    job.notify(f"training from scratch: {why}")
    with job.writing():
        checkpoint.remove_all(job.folder)
