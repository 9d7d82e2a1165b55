"""The preparation of a session's study: device, folders and data are checked before any training."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

from harness.plugin.baseline import guard_cases
from harness.plugin.benchmark_machine import machine_notes
from harness.plugin.notices import Notices
from harness.plugin.schedule import schedule_cases
from harness.plugin.selection import leave_out, may_be_skipped, planned_case
from harness.plugin.session import ITEM, ExperimentItem, HarnessSession, experiments_among
from harness.plugin.short_names import with_valid_names
from harness.plugin.terminal import Terminal
from harness.plugin.tuning import try_rates

if TYPE_CHECKING:
    from harness.config.recipe import Recipe
    from harness.config.standard import Standard
    from harness.study.study import Study


def prepare_session(harness: HarnessSession) -> None:
    """Read the options, handle Ctrl-C for the session's cases, and leave output to rank 0."""
    from harness.plugin.ranks import leave_output_to_rank_zero

    harness.require_valid_options()
    harness.config.add_cleanup(harness.stop.handle_signals())
    leave_output_to_rank_zero(harness)


def prepare_study(harness: HarnessSession, items: list[pytest.Item]) -> None:
    """Make the study and prepare the cases of all tests that are not skipped.

    Raises:
        pytest.UsageError: the device, a folder or a dataset cannot be used.
    """
    from harness.errors import InputError
    from harness.study.time_left import TimeLeft

    processes, notify = harness.processes, _notify(harness)
    try:
        study = _make_study(harness)
        _leave_out_unprepared(study, items, notify)
        trials = try_rates(harness, study, experiments_among(items), notify)
        _tune(harness, items, notify)
        _prepare(study, experiments_among(items), notify)
        _declare_axes(harness, study, experiments_among(items))
        schedule_cases(harness, study, items)
        guard_cases(harness, study, items)
        if processes.is_rank_zero:
            harness.time_left = TimeLeft(study, [item.experiment for item in experiments_among(items)])
            for trial in trials:
                harness.time_left.add(trial)
    except InputError as error:
        if not processes.is_rank_zero:  # rank 0 reports it
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
        raise pytest.UsageError(with_valid_names(harness.config, str(error))) from error
    for line in machine_notes(harness):
        notify(line)
    notify(f"training on {study.engine.describe()}, results in {study.results.root}")


def prepared_case(harness: HarnessSession, item: pytest.Function) -> tuple[Study, ExperimentItem]:
    """Return the study and the test's case; prepare them now if the test was expected to be skipped.

    Raises:
        InputError: the case cannot be trained, or this is not the process that has prepared the study.
    """
    if harness.study is None:
        _make_study(harness)
    study = harness.study
    assert study is not None
    _require_same_process(harness)
    if ITEM not in item.stash:
        case = planned_case(item)
        try_rates(harness, study, [case], lambda _: None)
        if harness.tuning is not None:
            case.experiment = harness.tuning.tuned(case.experiment)
        _prepare(study, [case])
        _declare_axes(harness, study, [case])
        item.stash[ITEM] = case
    return study, item.stash[ITEM]


def _tune(harness: HarnessSession, items: list[pytest.Item], notify: Callable[[str], None]) -> None:
    """Give cases their model's learning rate; leave those without a choice to their tests."""
    from harness.errors import InputError

    for item in items:
        if harness.tuning is None or ITEM not in item.stash:
            continue
        try:
            item.stash[ITEM].experiment = harness.tuning.tuned(item.stash[ITEM].experiment)
        except InputError as error:
            leave_out(item)
            for line in str(error).splitlines():
                notify(line)


def _declare_axes(harness: HarnessSession, study: Study, items: Sequence[ExperimentItem]) -> None:
    """Keep the axes of the marks in the results folder, for later reports; quick runs have no answer.

    Raises:
        InputError: the file of earlier axes is damaged.
    """
    from harness.results.declared_axes import AskedStudy, declare_axes

    asked = [one for one in items if one.experiment.mode != "quick"]
    if harness.processes.is_rank_zero and asked:
        marks = {(one.experiment.dataset, one.models, one.axes): one.experiment for one in asked}
        studies = [
            AskedStudy(dataset, study.case(experiment).data_fingerprint, models, axes)
            for (dataset, models, axes), experiment in marks.items()
        ]
        declare_axes(study.results.root, studies)


def _prepare(study: Study, cases: list[ExperimentItem], notify: Callable[[str], None] = lambda _: None) -> None:
    """Prepare the cases, and report the recipes that train them: their images may have decided them."""
    from harness.config.recipe_text import recipe_line

    study.prepare([case.experiment for case in cases], notify)
    for case in cases:
        case.experiment = study.resolved(case.experiment)
    for line in dict.fromkeys(recipe_line(one.dataset, one.resolved_recipe) for one in (c.experiment for c in cases)):
        notify(line)


def _make_study(harness: HarnessSession) -> Study:
    from harness.study.study import Study

    harness.processes.connect()
    with harness.processes.raising_together():
        study = harness.study = Study(harness.settings, harness.processes)
    harness.prepared_in = _place()
    harness.config.add_cleanup(study.close)
    harness.config.add_cleanup(study.tracking.close)
    return study


def _leave_out_unprepared(study: Study, items: list[pytest.Item], notify: Callable[[str], None]) -> None:
    """Leave cases without usable data to their tests if code of the project may skip those before."""
    from harness.errors import InputError
    from harness.text import listed_up_to

    if study.is_distributed:  # every rank would have to leave out the same
        return
    groups: dict[tuple[str, Recipe | Standard], list[pytest.Item]] = {}
    for item in items:
        if ITEM in item.stash and may_be_skipped(item):
            experiment = item.stash[ITEM].experiment
            groups.setdefault((experiment.dataset, experiment.recipe), []).append(item)
    for group in groups.values():
        experiments = [one.experiment.at_common_rate for one in experiments_among(group)]
        try:
            study.engine.prepare(experiments, notify)
        except InputError as error:
            for item in group:
                leave_out(item)
            cases = listed_up_to([one.label for one in experiments], 1, "case")
            notify(f"not prepared, since a fixture or hook may skip it: {cases}: {error}")


def _require_same_process(harness: HarnessSession) -> None:
    from harness.errors import InputError

    if harness.prepared_in != _place():
        raise InputError(
            "this test runs in another process or thread than pytest, so its result would be lost\n"
            "leave out the option that does it, e.g. --forked or --workers; --cases-per-device N trains several at once"
        )


def _place() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()


def _notify(harness: HarnessSession) -> Callable[[str], None]:
    from harness.training.show_progress import is_notebook

    reporter = harness.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return lambda _: None
    terminal = Terminal.of(harness.config)
    if terminal is None or not (reporter.isatty or is_notebook(terminal.stream)) or not harness.processes.is_rank_zero:
        return Notices(reporter.write_line, None, 0)
    return Notices(reporter.write_line, terminal.redraw, terminal.width)
