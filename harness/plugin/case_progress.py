"""The callback that shows a case's progress on pytest's terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pytest

from harness.plugin.session import HarnessSession
from harness.plugin.terminal import Terminal

if TYPE_CHECKING:
    from harness.config.experiment import Experiment
    from harness.training.progress import Progress


def case_progress(
    harness: HarnessSession,
    place: str,
    seconds_after: Callable[[float | None], float | None],
    notices: Callable[[], Sequence[str]],
) -> Progress:
    """Return the callback that shows a case's progress; without a terminal, it only passes on stops.

    Args:
        place: the case's position among all cases, e.g. ``3/22``.
        seconds_after: given the mean seconds of this case's epochs, returns those of the cases after it, or None.
        notices: returns lines for the user that are new.
    """
    from harness.training.progress import LastShown, Progress
    from harness.training.show_progress import is_notebook

    terminal = Terminal.of(harness.config)
    make = partial(Progress, stop_requested=lambda: harness.stop.was_made, is_stop=is_interruption)
    if terminal is None:
        return make(lambda _: None, redraws=False, width=0)
    harness.last_shown = harness.last_shown or LastShown()
    is_live = bool(terminal.reporter.isatty) or is_notebook(terminal.stream)
    redraws = is_live and harness.processes.is_rank_zero
    return make(
        terminal.redraw if redraws else terminal.write,
        redraws=redraws,
        width=terminal.width,
        last_shown=harness.last_shown,
        seconds_after=seconds_after,
        place=place,
        line=terminal.line,
        notices=notices,
    )


@contextlib.contextmanager
def shown_training(
    harness: HarnessSession,
    experiment: Experiment,
    place: str,
    seconds_after: Callable[[float | None], float | None],
    notices: Callable[[], Sequence[str]],
) -> Iterator[Progress]:
    """Report a case's progress while it is trained, and an interruption; count its epochs.

    The arguments are those of `case_progress`.
    """
    progress = case_progress(harness, place, seconds_after, notices)
    try:
        yield progress
    except BaseException as error:
        progress.close()
        _report_interruption(progress, experiment, error)
        raise
    finally:
        progress.close()
        harness.trained_records += progress.trained


def _report_interruption(progress: Progress, experiment: Experiment, error: BaseException) -> None:
    """Report which case was stopped from outside, and after how many epochs."""
    if is_interruption(error):
        epochs = experiment.resolved_recipe.epochs
        done = f", {progress.epochs_done} of {epochs} epochs done" if progress.has_started else ""
        progress.write(f"\ninterrupted: {experiment.label}{done}\n")


def is_interruption(error: BaseException) -> bool:
    """Return whether an error stopped the training from outside.

    Such are Ctrl-C, `pytest.exit`, and `pytest.fail` from a signal handler, as pytest-timeout calls it.
    """
    return not isinstance(error, Exception) or isinstance(error, pytest.exit.Exception)
