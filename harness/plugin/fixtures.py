"""The fixtures: a case's result, its epoch records, and the workbench of measurements."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.benchmark_record import leave_unused, replay
from harness.plugin.case_arguments import model_and_seed
from harness.plugin.case_progress import is_interruption, shown_training
from harness.plugin.mark import experiment_mark
from harness.plugin.measures import record_properties
from harness.plugin.preparation import prepared_case
from harness.plugin.session import ITEM, ExperimentItem, HarnessSession, experiments_among, session_of
from harness.plugin.terminal import Terminal

if TYPE_CHECKING:
    from harness.results.result import EpochRecord, Result
    from harness.throughput.workbench import Workbench


@pytest.fixture
def wod_model(request: pytest.FixtureRequest) -> str:
    """The case's model; the argument ``model`` is the same, unless the project has a fixture of that name."""
    return _model_and_seed(request)[0]


@pytest.fixture
def wod_seed(request: pytest.FixtureRequest) -> int:
    """The case's seed; the argument ``seed`` is the same, unless the project has a fixture of that name."""
    return _model_and_seed(request)[1]


def _model_and_seed(request: pytest.FixtureRequest) -> tuple[str, int]:
    """Return the model and the seed of the test's case; fail a test that has no case."""
    found = model_and_seed(request.node)
    if found is None or experiment_mark(request.node) is None:
        fixture = "trained" if "trained" in request.fixturenames else request.fixturename
        mark = "@pytest.mark.experiment('digits', models=['resnet20'])"
        pytest.fail(f"the fixture {fixture!r} needs the experiment mark: add e.g. {mark}", pytrace=False)
    return found


@pytest.fixture
def trained(request: pytest.FixtureRequest, wod_model: str, wod_seed: int, benchmark: Any) -> Result:
    """The finished result of the test's case: trained now, unless the results folder has it.

    A case that diverged or ran out of memory has a result too; see its ``status``. pytest-benchmark gets the epochs as
    rounds and the measures as ``extra_info``.
    """
    item, harness = request.node, session_of(request.config)
    if request.config.getoption("setuponly", False):
        leave_unused(benchmark)
        pytest.skip("--setup-only trains no case")
    try:
        result, item.stash[ITEM].records = _train(harness, item)
    except BaseException as error:
        leave_unused(benchmark)
        if not is_interruption(error):
            _keep_failed(harness, item)
        raise
    finally:
        if (failure := harness.processes.failure) and not harness.stop.was_made:
            item.session.shouldfail = f"data-parallel training has stopped: {failure}"
    harness.add(result)
    record_properties(item, result, is_reused=harness.is_reused(result))
    replay(result, item, benchmark)
    return result


@pytest.fixture
def epoch_records(request: pytest.FixtureRequest, trained: Result) -> list[EpochRecord]:
    """The epoch records of the test's case, in order."""
    return list(request.node.stash[ITEM].records)


@pytest.fixture
def workbench(request: pytest.FixtureRequest) -> Workbench:
    """The workbench that measures throughput on the settings' device.

    It keeps measurements in the results folder; the session prints them at its end.
    """
    from harness.throughput.workbench import Workbench

    harness, terminal = session_of(request.config), Terminal.of(request.config)
    name = request.node.name

    def notify(line: str) -> None:
        if terminal is not None:
            terminal.write(f"\n{name}: {line}")

    if harness.workbench is None:
        harness.workbench = Workbench(harness.settings, notify)
    harness.workbench.notify = notify
    return harness.workbench


def _train(harness: HarnessSession, item: pytest.Function) -> tuple[Result, list[EpochRecord]]:
    """Train the item's case, and show its progress even while pytest captures output."""
    study, case = prepared_case(harness, item)
    experiment = case.experiment
    cases = experiments_among(item.session.items)
    place = f"{cases.index(case) + 1}/{len(cases)}" if case in cases else ""
    left, notices = _seconds_after(harness, case), study.tracking.notices
    with shown_training(harness, experiment, place, left, notices) as progress:
        result, records = study.train(experiment, progress)
    if progress.trained:
        harness.compile_seconds += result.attempts[-1].compile_seconds
    return result, records


def _seconds_after(harness: HarnessSession, item: ExperimentItem) -> Callable[[float | None], float | None]:
    """Return a function that estimates the time of the cases after this one from its mean epoch time.

    Under ``--budget`` it is at most the time left of it; under ``--until-decided`` the cases to come are not known.
    """
    if harness.time_left is None or harness.sequential is not None:
        return lambda _: None
    estimate, budget = harness.time_left.after(item.experiment), harness.time_budget
    if budget is None:
        return estimate
    return lambda pace: None if (seconds := estimate(pace)) is None else min(seconds, budget.seconds_left)


def _keep_failed(harness: HarnessSession, item: pytest.Item) -> None:
    """Keep the recorded result of a case that failed, for the table."""
    if harness.study is None or ITEM not in item.stash:
        return
    if failed := harness.study.find_result(item.stash[ITEM].experiment):
        harness.add(failed)
        record_properties(item, failed, is_reused=False)
