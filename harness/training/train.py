"""Training a case to completion, each epoch recorded and its result kept. Independent of pytest.

After every epoch the state is saved, then the epoch's record is appended. A case that was interrupted in any way is
resumed from the last state saved, and ends with the same weights, records and scores as an uninterrupted one.
"""

import contextlib
from collections.abc import Generator
from dataclasses import replace

import torch

from harness.causes import MEMORY_REMEDY, cause_and_remedy, message_of, remedy_for
from harness.config.case import Case
from harness.data.registry import Dataset
from harness.errors import DeviceLostError, InputError
from harness.hardware.co_scheduling import CoSchedulingMonitor
from harness.hardware.lost_device import lost_device_cause, remember_lost, require_not_lost
from harness.hardware.memory import is_out_of_memory
from harness.models.build import model_of
from harness.results.folder import ResultsFolder
from harness.results.result import EpochRecord, Result
from harness.training import checkpoint
from harness.training.callback import TolerantCallback
from harness.training.context import TrainingContext
from harness.training.job import TrainingJob, require_trainable
from harness.training.known_networks import remember_network
from harness.training.process_failure import ProcessLostError
from harness.training.result_builder import Ending, build_result
from harness.training.resume import OtherCode, last_checkpoint
from harness.training.reuse import find_finished, kept_result
from harness.training.run import TrainingRun

_reported_obstacles = set[str]()


def train(
    case: Case,
    dataset: Dataset,
    results: ResultsFolder,
    device: torch.device,
    *,
    rerun: bool = False,
    accept_other_code: bool = False,
    context: TrainingContext = TrainingContext(),
) -> Result:
    """Return the case's result: read from the folder if the case is finished, else trained and recorded.

    An interrupted case is resumed after its last finished epoch. If another process trains the case, this one waits.
    Divergence and lack of memory are results too. Any other failure is recorded as ``failed`` and raised. After an
    error that takes the GPU from this process, no further case is trained in it.

    Args:
        rerun: train a finished case again; a quick case is always trained.
        accept_other_code: keep a result, and resume a case, of another version of the code.
        context: see `TrainingContext`.

    Raises:
        InputError: the case is wrong or of other images or another device, the results folder cannot be written to, or
            another version of the code trained the case.
        DeviceLostError: this process has lost its GPU, now or in an earlier case.
    """
    epochs = train_by_epochs(
        case, dataset, results, device, rerun=rerun, accept_other_code=accept_other_code, context=context
    )
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
    accept_other_code: bool = False,
    context: TrainingContext = TrainingContext(),
) -> Generator[EpochRecord, None, Result]:
    """Run `train`, yielding each epoch's record once it and the state after it are on the disk."""
    require_trainable(case, dataset, device)
    if case.network:
        remember_network(model_of(case))
    context = replace(context, callback=TolerantCallback(context.callback))
    job = TrainingJob(case, dataset, results, device, context)
    is_tidy = not checkpoint.is_any_left(job.folder)
    finished = find_finished(case, results) if is_tidy and not rerun else None
    if (kept := kept_result(finished, accept_other_code=accept_other_code)) is not None:
        context.callback.on_reuse(case, kept)
        return kept
    require_not_lost(device, case.label)
    with results.locked(case, lambda: job.notify("another process trains this case: waiting for it")) as had_to_wait:
        # Another process may have finished it since, or while this one waited.
        finished = find_finished(case, results, job.notify)
        if finished is not None:
            remove_checkpoints(case, results)  # left by a process that was killed at its very end
        kept = None if rerun and not had_to_wait else kept_result(finished, accept_other_code=accept_other_code)
        if kept is not None:
            context.callback.on_reuse(case, kept)
            return kept
        with CoSchedulingMonitor() as co_scheduling:
            _report_obstacle(job, co_scheduling.obstacle)
            other_code: OtherCode = "discard" if rerun else "accept" if accept_other_code else "refuse"
            return (yield from _train(TrainingRun(job, co_scheduling), other_code))


def _report_obstacle(job: TrainingJob, obstacle: str | None) -> None:
    """Report why other cases on this machine are not detected: once per process, not per case."""
    if obstacle is not None and obstacle not in _reported_obstacles:
        _reported_obstacles.add(obstacle)
        job.notify(obstacle)


def record_out_of_memory(
    case: Case,
    dataset: Dataset,
    results: ResultsFolder,
    device: torch.device,
    cause: str,
    context: TrainingContext = TrainingContext(),
) -> Result:
    """Record the result of a case whose process was killed for lack of memory, from its last checkpoint."""
    job = TrainingJob(case, dataset, results, device, context)
    with results.locked(case), CoSchedulingMonitor() as co_scheduling:
        run = TrainingRun(job, co_scheduling)
        if (kept := last_checkpoint(job)) is not None:
            run.history.take_over(kept)
        results.write_epochs(case, run.history.records)
        return _record(run, Ending("out_of_memory", f"{cause}; {MEMORY_REMEDY}"))


def remove_checkpoints(case: Case, results: ResultsFolder) -> None:
    """Remove the checkpoints of a finished case; ignore a failure, which costs disk space only."""
    with contextlib.suppress(OSError, InputError):
        checkpoint.remove_all(results.folder(case))


def _train(run: TrainingRun, other_code: OtherCode) -> Generator[EpochRecord, None, Result]:
    """Train the case's remaining epochs and record its result.

    If memory runs out, resume the case without the techniques that may have taken it, unless other cases have.
    """
    outcome = yield from _attempt(run, other_code)
    if isinstance(outcome, Result):
        return outcome
    plain = None if run.job.context.shares_memory else run.without_what_takes_memory()
    if plain is None:
        return _record(run, outcome)
    del run  # frees its memory
    return (yield from _train(plain, other_code))


def _attempt(run: TrainingRun, other_code: OtherCode) -> Generator[EpochRecord, None, Result | Ending]:
    """Train the remaining epochs; return the recorded result, or the ending if memory ran out."""
    try:
        run.begin(other_code)
        status = yield from run.train_epochs()
        return _record(run, Ending(status, "the loss is no longer a number" if status == "diverged" else None))
    except InputError:
        raise
    except Exception as error:
        if run.job.context.callback.should_stop():  # the signal may have reached a loader process too
            raise KeyboardInterrupt from error
        if run.job.context.callback.is_stop(error):
            raise
        is_another_ranks = isinstance(error, ProcessLostError)  # its text names that rank's loss
        if not is_another_ranks and (cause := lost_device_cause(error, run.job.device)) is not None:
            raise _lose_device(run, cause) from error
        if is_out_of_memory(error):
            reason = message_of(error) or "no memory left"
            return Ending("out_of_memory", f"{reason}; {MEMORY_REMEDY}")
        with contextlib.suppress(InputError):  # the failure may have been a full disk
            _record(run, Ending("failed", cause_and_remedy(error)))
        if remedy := remedy_for(error):
            error.add_note(remedy)
        raise


def _lose_device(run: TrainingRun, cause: str) -> DeviceLostError:
    """Record the loss of the GPU; return the error to raise for it."""
    case, device, epochs = run.job.case, run.job.device, len(run.history.records)
    remember_lost(device, case.label, cause)
    with contextlib.suppress(Exception):  # the record may need the GPU; without one, the case stays unfinished
        _record(run, Ending("failed", cause))
    lost = f"epoch {epochs + 1} is lost" if epochs < case.recipe.epochs else "no epoch is lost"
    kept = f"after epoch {epochs}" if epochs and checkpoint.is_any_left(run.job.folder) else "from scratch"
    return DeviceLostError(
        f"{case.label}: this process has lost {device} ({cause}), and {lost}; run the same command again: it trains "
        f"this case {kept}, and those not yet trained",
        cause,
    )


def _record(run: TrainingRun, ending: Ending) -> Result:
    """Write predictions and weights of a complete case, measure its use, then write its result."""
    job, history = run.job, run.history
    history.update_attempt()
    if ending.status == "complete":
        ending = replace(ending, scores=run.conclude(), inference=run.measure_inference())
    history.update_wall_seconds()
    result = build_result(job, run.images, history, ending, job.results.hashes(job.case), run.notes)
    job.results.write_result(job.case, result)
    if result.is_finished:
        remove_checkpoints(job.case, job.results)
    return result
