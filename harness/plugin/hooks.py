"""The pytest hooks: they find the experiments, pass them to a study and print its tables.

A test marked ``@pytest.mark.experiment("cifar10", models=["resnet20", …])`` becomes one case per model and seed. A
session without such a test (and without a ``measurement``) is left alone: no option is read, nothing is printed.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from harness.plugin import pytest_options, short_names
from harness.plugin.benchmark_machine import machine_notes
from harness.plugin.case_arguments import case_arguments, model_and_seed
from harness.plugin.ending import end_session, fail_session, require_benchmark_options
from harness.plugin.mark import (
    EXPERIMENT_MARK,
    MEASUREMENT_MARK,
    experiment_arguments,
    experiment_mark,
    is_measurement,
    is_named,
)
from harness.plugin.measures import reused_status
from harness.plugin.session import ITEM, SESSION, ExperimentItem, HarnessSession, experiments_among, session_of
from harness.training.command import note_pytest_arguments


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options, each with its ini key."""
    pytest_options.add_options(parser)
    short_names.start_beside_conftest(parser, pluginmanager)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, Any, Any]:
    """Add the options' short names that no conftest.py has taken."""
    short_names.leave_out_values(early_config, args)
    result = yield
    short_names.add_short_names(parser)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the plugin's session; read the options only if one is on the command line."""
    note_pytest_arguments(config.invocation_params.args)
    config.addinivalue_line("markers", EXPERIMENT_MARK)
    config.addinivalue_line("markers", MEASUREMENT_MARK)
    short_names.end_short_names(config)
    harness = config.stash[SESSION] = HarnessSession(config)
    if any(value is not None for value in pytest_options.given_options(config).values()):
        harness.require_valid_options()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Hold back the output of ranks above 0."""
    from harness.plugin.ranks import hold_back_output

    session_of(session.config).held_back = hold_back_output(session.config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one case per model and seed, with the id ``<model>-seed<k>``."""
    harness = session_of(metafunc.config)
    try:
        _make_cases(metafunc, harness)
    except pytest.UsageError as error:
        harness.usage_error = error
        raise


def _make_cases(metafunc: pytest.Metafunc, harness: HarnessSession) -> None:
    mark = experiment_mark(metafunc.definition)
    if mark is None:
        return
    if not hasattr(metafunc.config.option, "benchmark_skip"):
        raise pytest.UsageError("experiments need pytest-benchmark: leave out `-p no:benchmark`")
    marked = experiment_arguments(mark)
    harness.require_valid_options()
    cases = [(model, seed) for model in marked.models for seed in harness.settings.seeds_for(marked.seeds)]
    metafunc.parametrize(case_arguments(metafunc), cases, ids=[f"{model}-seed{seed}" for model, seed in cases])


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """End the session at a wrong option: an error of the command, not of the collected file."""
    report = yield
    if error := session_of(collector.config).usage_error:
        raise error
    return report


def pytest_itemcollected(item: pytest.Item) -> None:
    """Bind a case's test to its experiment, and pytest-benchmark's timer to the recorded epochs."""
    if not isinstance(item, pytest.Function) or (mark := experiment_mark(item)) is None:
        return
    from harness.config.experiment import plan_experiment
    from harness.errors import InputError

    marked = experiment_arguments(mark)
    model, seed = model_and_seed(item)
    settings = session_of(item.config).settings
    try:
        experiment = plan_experiment(settings, marked.dataset, model, seed, marked.recipe)
    except InputError as error:
        raise pytest.UsageError(short_names.with_valid_names(item.config, f"{item.nodeid}: {error}")) from error
    item.stash[ITEM] = ExperimentItem(experiment, settings.seeds_for(marked.seeds), marked.limits)
    # Marks do not merge, the closest wins: this one goes in front and repeats the options of the closest so far.
    closest = item.get_closest_marker("benchmark")
    benchmark = {"group": marked.dataset, **(closest.kwargs if closest else {}), "timer": item.stash[ITEM].clock}
    item.add_marker(pytest.mark.benchmark(**benchmark), append=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Leave out measurements that the command line does not name; order the selected cases.

    A plain ``pytest bench`` is a smoke run, so it takes no measurement.
    """
    left_out = [item for item in items if is_measurement(item) and not is_named(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    yield
    from harness.plugin.schedule import order_cases

    order_cases(session_of(config), items)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> str | list[str]:
    """Return the header: a smoke run, or full training with its seeds; and options of others."""
    experiments = [item.experiment for item in experiments_among(items)]
    is_used = bool(experiments) or any(map(is_measurement, items))
    if not is_used:
        return []
    from harness.plugin.header import header_lines

    return header_lines(session_of(config), experiments)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave output to rank 0 if cases or measurements are selected; else release the held-back output."""
    harness = session_of(session.config)
    if experiments_among(session.items) or any(map(is_measurement, session.items)):
        _prepare_session(harness)
    elif harness.held_back is not None:
        harness.held_back.release()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Prepare the study before training: check device, folders and data.

    pytest has then reported all errors in its options and in the files, and downloads nothing for a listing.
    """
    config, option = session.config, session.config.option
    has_failed = session.testsfailed and not option.continue_on_collection_errors
    if has_failed or option.collectonly or config.getoption("setuponly", False):
        return
    harness, experiments = session_of(config), experiments_among(session.items)
    if any(map(is_measurement, session.items)) and harness.processes.is_distributed:
        pytest.exit("measurements run in one process: start pytest without torchrun", pytest.ExitCode.USAGE_ERROR)
    if experiments and not option.benchmark_skip:
        require_benchmark_options(config)
        _prepare_study(harness, experiments, session.items)


def _prepare_session(harness: HarnessSession) -> None:
    """Read the options, handle Ctrl-C for the session's cases, and leave output to rank 0."""
    from harness.plugin.ranks import leave_output_to_rank_zero

    harness.require_valid_options()
    harness.config.add_cleanup(harness.stop.handle_signals())
    leave_output_to_rank_zero(harness)


def _prepare_study(harness: HarnessSession, experiments: list[ExperimentItem], items: list[pytest.Item]) -> None:
    from harness.errors import InputError
    from harness.plugin.baseline import guard_cases
    from harness.plugin.schedule import schedule_cases
    from harness.study.study import Study
    from harness.study.time_left import TimeLeft

    processes = harness.processes
    reporter = harness.config.pluginmanager.get_plugin("terminalreporter")
    notify = reporter.write_line if reporter else lambda _: None
    processes.connect()
    try:
        with processes.raising_together():
            study = harness.study = Study(harness.settings, processes)
        harness.config.add_cleanup(study.close)
        harness.config.add_cleanup(study.tracking.close)
        study.prepare([item.experiment for item in experiments], notify)
        schedule_cases(harness, study, items)
        guard_cases(harness, study, items)
        if processes.is_rank_zero:
            harness.time_left = TimeLeft(study, [item.experiment for item in experiments_among(items)])
    except InputError as error:
        if not processes.is_rank_zero:  # rank 0 reports it
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
        raise pytest.UsageError(short_names.with_valid_names(harness.config, str(error))) from error
    for line in machine_notes(harness):
        notify(line)
    notify(f"training on {study.engine.describe()}, results in {study.results.root}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the test of a case that is not needed any more, or that does not fit into the time left."""
    if ITEM not in item.stash:
        return
    from harness.plugin.schedule import reason_to_skip

    if reason := reason_to_skip(session_of(item.config), item.stash[ITEM].experiment):
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shorten an error in the input to its message, and a failure on a node to that node's traceback."""
    report = yield
    if call.excinfo is None or not (ITEM in item.stash or is_measurement(item)):
        return report
    from harness.errors import InputError, TrainingError

    if call.excinfo.errisinstance((InputError, TrainingError)):
        report.longrepr = short_names.with_valid_names(item.config, str(call.excinfo.value))
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Report the passed test of a reused result as ``PASSED (reused)``, which ``-v`` shows."""
    return reused_status(report)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Print the summary even if another plugin raises an error at the session's end."""
    harness = session_of(session.config)
    if harness.held_back is not None:
        harness.held_back.release()
    try:
        return (yield)
    finally:
        end_session(harness)


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(config: pytest.Config) -> Generator[None]:
    """Print the tables of this session, and write the report of the whole results folder."""
    harness = session_of(config)
    try:
        return (yield)
    except Exception as error:
        return fail_session(harness, error)
    finally:
        end_session(harness)
