"""The choice of learning rates before the cases that need them: the trials of ``--learning-rates``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from harness.plugin.case_progress import shown_training
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
    places = [f"trial {k}/{len(trials)} {trial.variant.name}" for k, trial in enumerate(trials, 1)]
    results = [_train(harness, study, *one, left) for one in zip(trials, places, strict=True)]
    if trials:
        tuning.declare()
        _end_line(harness)
        for line in tuning.lines():
            notify(line)
    return [one for one in results if one is not None]


def _end_line(harness: HarnessSession) -> None:
    """End the line of a log's progress."""
    terminal = Terminal.of(harness.config)
    if terminal is not None and terminal.line:
        terminal.write("\n")


def _train(
    harness: HarnessSession, study: Study, trial: Experiment, place: str, left: TimeLeft | None
) -> Result | None:
    """Train one trial and show its progress; return its result, None if it failed."""
    assert harness.tuning is not None
    seconds_after = left.after(trial) if left is not None else lambda _: None
    with shown_training(harness, trial, place, seconds_after, study.tracking.notices) as progress:
        result = harness.tuning.train(trial, progress)
    if result is not None and progress.trained:
        harness.compile_seconds += result.attempts[-1].compile_seconds
    if result is not None and left is not None:
        left.add(result)
    return result
