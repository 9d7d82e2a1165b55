"""The pytest hooks: they find the experiments, pass them to a study and print its tables.

A test marked ``@pytest.mark.experiment("cifar10", models=["resnet20", …])`` becomes one case per model and seed. A
session without such a test (and without a ``measurement``) is left alone: no option is read, nothing is printed.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from harness.plugin import pytest_options, short_names
from harness.plugin.case_arguments import parametrize_cases, takes_own_fixture
from harness.plugin.ending import end_session, fail_session, require_benchmark_options
from harness.plugin.mark import (
    EXPERIMENT_MARK,
    MEASUREMENT_MARK,
    experiment_arguments,
    experiment_mark,
    is_measurement,
    is_named,
    name_of,
)
from harness.plugin.measures import reused_status
from harness.plugin.preparation import prepare_session, prepare_study
from harness.plugin.selection import bind_case, is_listing, reason_of_unittest, select_cases, wrong_input
from harness.plugin.session import ITEM, SESSION, HarnessSession, experiments_among, session_of
from harness.plugin.terminal import OutputGuard, report_second_interrupt
from harness.plugin.workers import (
    is_worker,
    raise_workers_error,
    require_one_process,
    usage_errors_reach_controller,
)
from harness.training.command import note_pytest_arguments
from harness.training.interrupt import STOPPING_SIGNALS


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
    """Ignore lost output, and hold back that of ranks above 0, until the tests are known."""
    from harness.plugin.ranks import hold_back_output

    harness = session_of(session.config)
    harness.output_guard = OutputGuard(session.config.pluginmanager.get_plugin("terminalreporter"))
    session.config.add_cleanup(harness.output_guard.remove)
    harness.held_back = hold_back_output(session.config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one case per variant, model and seed, with the id ``<model>-seed<k>-<variant>``."""
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
    settings = harness.settings
    parametrize_cases(metafunc, map(name_of, marked.models), settings.seeds_for(marked.seeds), settings.variants())


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """End the session at a wrong option, or at a model that a family does not have.

    Neither is an error of the file's own code.
    """
    report = yield
    harness = session_of(collector.config)
    harness.usage_error = harness.usage_error or wrong_input(collector, report)
    if error := harness.usage_error:
        if not is_worker(collector.config):
            raise error
        report.outcome, report.longrepr, report.result = "passed", None, []  # the controller reports it once
    return report


def pytest_itemcollected(item: pytest.Item) -> None:
    """Bind a case's test to its experiment, and pytest-benchmark's timer to the recorded epochs."""
    if isinstance(item, pytest.Function) and (mark := experiment_mark(item)) is not None:
        bind_case(item, mark)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Leave out measurements that the command line does not name.

    A plain ``pytest bench`` is a smoke run, so it takes no measurement.
    """
    left_out = [item for item in items if is_measurement(item) and not is_named(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    yield
    session_of(config).is_selected = True


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> str | list[str]:
    """Return the header: a smoke run, or full training with its seeds; and options of others."""
    experiments = [item.experiment for item in experiments_among(items)]
    is_used = bool(experiments) or any(map(is_measurement, items))
    if not is_used:
        return []
    from harness.plugin.header import header_lines

    return header_lines(session_of(config), experiments)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave out skipped cases, and order the others; other plugins have selected and ordered all tests.

    Leave output to rank 0 if there are cases or measurements; else leave the output alone.
    """
    harness = session_of(session.config)
    with usage_errors_reach_controller(session):
        if harness.is_selected:
            select_cases(harness, session.items)
        require_one_process(harness, session.items)
    if experiments_among(session.items) or any(map(is_measurement, session.items)):
        prepare_session(harness)
        return
    if harness.held_back is not None:
        harness.held_back.release()
    if harness.output_guard is not None:
        harness.output_guard.release()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """End the session of pytest-xdist's controller at a worker's usage error."""
    raise_workers_error(node)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Prepare the study before training: check device, folders and data.

    pytest has then reported all errors in its options and in the files, and downloads nothing for a listing.
    """
    config, option = session.config, session.config.option
    has_failed = session.testsfailed and not option.continue_on_collection_errors
    if has_failed or is_listing(config):
        return
    harness = session_of(config)
    if any(map(is_measurement, session.items)) and harness.processes.is_distributed:
        pytest.exit("measurements run in one process: start pytest without torchrun", pytest.ExitCode.USAGE_ERROR)
    if experiments_among(session.items) and not option.benchmark_skip:
        require_benchmark_options(config)
        prepare_study(harness, session.items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the test of a case that is not needed any more, or that does not fit into the time left."""
    if takes_own_fixture(item, "trained") and (reason := reason_of_unittest(item)) is not None:
        pytest.skip(reason)
    if ITEM not in item.stash:
        return
    from harness.plugin.schedule import reason_to_skip

    if reason := reason_to_skip(session_of(item.config), item.stash[ITEM].experiment):
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shorten the text of a failed case or measurement, and name the failure's cause in the summary."""
    report = yield
    if call.excinfo is not None and (takes_own_fixture(item, "trained") or is_measurement(item)):
        from harness.plugin.failure_text import shorten_failure

        shorten_failure(report, call.excinfo.value, item.config)
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


@pytest.hookimpl(tryfirst=True)
def pytest_keyboard_interrupt(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Prepare for a second Ctrl-C, which pytest does not handle."""
    if excinfo.value.args and excinfo.value.args[0] in STOPPING_SIGNALS:
        report_second_interrupt()


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
