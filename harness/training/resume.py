"""Resuming a case: the last checkpoint that can be trusted, and how a case continues from it."""

from harness.errors import DamagedError, InputError
from harness.files import REFUSED, os_error_as_input_error, quarantine
from harness.results.timing import timing_changes
from harness.text import count_noun
from harness.training import checkpoint, code_version
from harness.training.checkpoint import Checkpoint, OtherFormatError
from harness.training.history import History
from harness.training.job import TrainingJob
from harness.training.trainers.trainer import empty_network


def last_checkpoint(job: TrainingJob) -> Checkpoint | None:
    """Read the case's latest checkpoint that can be trusted, and quarantine damaged ones before it.

    Raises:
        OtherFormatError: the checkpoint has another format.
        InputError: a checkpoint cannot be read.
    """
    network = empty_network(job.case, job.dataset.spec)
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    with os_error_as_input_error(f"read the checkpoints in {job.folder}", "make them readable"):
        for path in checkpoint.newest_first(job.folder):
            try:
                return checkpoint.load(path, job.case.identity, shapes)
            except DamagedError as error:
                job.notify(f"{error}\nit is quarantined as {path.name}{REFUSED}")
                quarantine(path)
    return None


def resumable_checkpoint(job: TrainingJob, history: History, *, discard_other_code: bool) -> Checkpoint | None:
    """Read the checkpoint that the case is resumed from; None if the case starts from scratch.

    Args:
        discard_other_code: remove what another version of the code has trained, instead of raising.

    Raises:
        InputError: another version of the code has trained the case, or a checkpoint cannot be read.
    """
    try:
        kept = last_checkpoint(job)
    except OtherFormatError as error:
        _discard(job, str(error), discard_other_code)
        return None
    if kept is not None and kept.training_code != code_version.training_code_version():
        _discard(job, _code_change(kept, history), discard_other_code)
        return None
    return kept


def resume(job: TrainingJob, history: History, kept: Checkpoint) -> None:
    """Continue the history from a checkpoint, and report changes since it was saved to the callback."""
    before = kept.attempts[-1].environment
    history.resume(kept)
    job.context.callback.on_resume(job.case, history.records)
    if changes := timing_changes(before, history.attempts[-1].environment):
        job.notify(f"resumed with {', '.join(changes)}: the times of its epochs are no longer comparable")


def _discard(job: TrainingJob, why: str, is_allowed: bool) -> None:
    """Remove checkpoints that cannot be resumed from, or raise an InputError if not allowed."""
    if not is_allowed:
        raise InputError(
            f"{job.case.label}: {why}\nresume it with the version that began it, or train it from scratch with --rerun"
        )
    job.notify(f"training from scratch: {why}")
    with job.writing():
        checkpoint.remove_all(job.folder)


def _code_change(kept: Checkpoint, history: History) -> str:
    earlier, now = kept.attempts[-1].environment, history.attempts[-1].environment
    codes = " and ".join(
        f"{code} (commit {str(environment.get('commit'))[:12]})"
        for code, environment in ((kept.training_code, earlier), (code_version.training_code_version(), now))
    )
    return f"{count_noun(len(kept.records), 'epoch')} trained by another version of the code: {codes}"
