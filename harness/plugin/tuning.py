"""The choice of learning rates before the cases that need them: the trials of ``--learning-rates``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from harness.plugin.case_progress import case_progress, report_interruption
from harness.plugin.session import ExperimentItem, HarnessSession
from harness.plugin.terminal import Terminal

if TYPE_CHECKING:
    from harness.config.experiment import Experiment
    from harness.results.result import Result
    from harness.study.study import Study
    from harness.study.time_left import TimeLeft


def try_rates(
    harness: HarnessSession, study: Study, cases: Sequence[ExperimentItem], notify: Callable[[str], None]
) -> list[Result]:
    """Train the trials that the cases' learning rates depend on, if any; return their results.

    Raises:
        InputError: a trial cannot be trained, or a reported seed is one of trials.
    """
    from harness.study.time_left import TimeLeft
    from harness.study.tuning import Tuning, needs_tuning

    asked = [(one.experiment, one.seeds) for one in cases if needs_tuning(one.experiment)]
    if not asked:
        return []
    tuning = harness.tuning = harness.tuning or Tuning(study)
    trials = tuning.prepare(asked, [one.experiment for one in cases if not needs_tuning(one.experiment)], notify)
    if trials:
        notify(f"choosing learning rates by {len(trials)} trials, then training {len(cases)} cases")
    later = [study.resolved(one.experiment.at_common_rate) for one in cases]
    left = TimeLeft(study, [*trials, *later]) if harness.processes.is_rank_zero else None
    results = [_train(harness, study, trial, f"trial {k}/{len(trials)}", left) for k, trial in enumerate(trials, 1)]
    if trials:
        tuning.declare()
        _end_line(harness)
        for line in tuning.lines():
            notify(line)
    return results


def _end_line(harness: HarnessSession) -> None:
    """End the line of a log's progress."""
    terminal = Terminal.of(harness.config)
    if terminal is not None and terminal.line:
        terminal.write("\n")


def _train(harness: HarnessSession, study: Study, trial: Experiment, place: str, left: TimeLeft | None) -> Result:
    """Train one trial and show its progress."""
    assert harness.tuning is not None
    place = f"{place} {trial.variant.name}"
    seconds_after = left.after(trial) if left is not None else lambda _: None
    progress = case_progress(harness, place, seconds_after, study.tracking.notices)
    try:
        result = harness.tuning.train(trial, progress)
    except BaseException as error:
        progress.close()
        report_interruption(progress, trial, error)
        raise
    finally:
        progress.close()
        harness.trained_records += progress.trained
    if left is not None:
        left.add(result)
    return result
