"""The state of the plugin: one object per pytest session, and one per test of a case."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.clock import RecordedClock
from harness.plugin.pytest_options import given_options, ini_options
from harness.plugin.short_names import with_valid_names
from harness.timestamps import utc_now

if TYPE_CHECKING:
    from harness.analysis.sequential import SequentialPlan
    from harness.config.experiment import Experiment
    from harness.config.given_axes import GivenAxes
    from harness.config.limits import Limit
    from harness.config.settings import Settings
    from harness.plugin.guard import Guard
    from harness.plugin.terminal import HeldBackOutput, OutputGuard
    from harness.results.result import EpochRecord, Result
    from harness.study.sequential import SequentialStudies
    from harness.study.study import Study
    from harness.study.time_budget import TimeBudget
    from harness.study.time_left import TimeLeft
    from harness.study.tuning import Tuning
    from harness.throughput.workbench import Workbench
    from harness.training.interrupt import StopRequest
    from harness.training.process_group import ProcessGroup
    from harness.training.progress import LastShown


@dataclass
class ExperimentItem:
    """A test of one case.

    Attributes:
        experiment: the case that the test asks for.
        seeds: all seeds of its study, in the order in which they are trained, whether selected or not.
        limits: the limits of its mark, by the measure's name.
        models: the names of its mark's models.
        axes: the axes of its mark; None for those that are found.
        clock: pytest-benchmark's timer in this test.
        number: the case's place in the order of collection.
        records: the case's epoch records, once it is trained.
    """

    experiment: Experiment
    seeds: tuple[int, ...]
    limits: Mapping[str, Limit] = field(default_factory=dict)
    clock: RecordedClock = field(default_factory=RecordedClock)
    number: int = 0
    records: list[EpochRecord] = field(default_factory=list)
    models: frozenset[str] = frozenset()
    axes: GivenAxes | None = None


class HarnessSession:
    """One pytest session: its settings, its study, and the results so far.

    Settings and process group are read when first used: a session without experiments reads neither.

    Attributes:
        usage_error: the error of a wrong option, variable or mark, if one was found.
        output_guard: the tolerance of lost output; None before pytest has started the session.
        held_back: the output held back until the experiments are collected; None on rank 0.
        is_selected: true once pytest has selected the tests without an error.
        next_number: a function that counts the cases as they are collected.
        study: the study of the selected experiments, once they are collected.
        prepared_in: the process and the thread that have made the study.
        plans: by dataset, the seeds and looks that ``--until-decided`` declares; empty without it.
        sequential: the studies looked at; None without ``--until-decided``.
        time_budget: the time left for further cases; None without ``--budget``.
        time_left: the expected time of the cases still to train; None on ranks above 0.
        tuning: the learning rates chosen by trials; None without ``--learning-rates``.
        last_shown: the time of the last progress line in a log.
        workbench: the measurements of this session, once a test takes one.
        compared_machines: by time, the machines of the saved runs that pytest-benchmark compares with.
        reused_not_compared: the number of reused results left out of that comparison.
        results: the results of this session's cases, by the case's identity.
        guard: the comparison with ``--baseline``; None without it, and on ranks above 0.
        trained_records: the epochs that this session itself has trained, also of cases that failed.
        compile_seconds: the time that this session has spent on compiling networks.
        has_ended: true once the summary is printed.
        started_at: the session's start, UTC, ISO 8601.
        started_seconds: the session's start by `time.perf_counter`.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.usage_error: pytest.UsageError | None = None
        self.output_guard: OutputGuard | None = None
        self.held_back: HeldBackOutput | None = None
        self.is_selected = False
        self.next_number = itertools.count().__next__
        self.study: Study | None = None
        self.prepared_in = (0, 0)
        self.plans: dict[str, SequentialPlan] = {}
        self.sequential: SequentialStudies | None = None
        self.time_budget: TimeBudget | None = None
        self.time_left: TimeLeft | None = None
        self.tuning: Tuning | None = None
        self.last_shown: LastShown | None = None
        self.workbench: Workbench | None = None
        self.compared_machines: dict[str, dict[str, Any]] = {}
        self.reused_not_compared = 0
        self.results: dict[str, Result] = {}
        self.guard: Guard | None = None
        self.trained_records: list[EpochRecord] = []
        self.compile_seconds = 0.0
        self.has_ended = False
        self.started_at = utc_now()
        self.started_seconds = time.perf_counter()

    @cached_property
    def settings(self) -> Settings:
        """The settings that the command line, the environment and the ini file give."""
        from harness.config.settings import read_settings

        with self._wrong_input_as_usage_error():
            return read_settings(given_options(self.config), ini=ini_options(self.config))

    @cached_property
    def processes(self) -> ProcessGroup:
        """The process group that torchrun started, or this process alone."""
        from harness.training.process_group import ProcessGroup

        with self._wrong_input_as_usage_error():
            return ProcessGroup.from_environment()

    @cached_property
    def stop(self) -> StopRequest:
        """The request to stop, which Ctrl-C and SIGTERM make."""
        from harness.training.interrupt import StopRequest

        return StopRequest(only_first=self.processes.is_distributed)

    def require_valid_options(self) -> None:
        """Read settings and process group.

        Raises:
            pytest.UsageError: An option or a variable is wrong; `usage_error` keeps it.
        """
        _ = self.settings, self.processes

    def add(self, result: Result) -> None:
        """Keep a result for the tables at the end, and its times for the estimates to come."""
        self.results[result.case.identity] = result
        if self.time_budget is not None:
            self.time_budget.add(result)
        if self.time_left is not None:
            self.time_left.add(result)

    def is_reused(self, result: Result) -> bool:
        """Return whether a result was finished before this session, and kept instead of training its case."""
        return self.study is not None and self.study.is_reused(result)

    @contextlib.contextmanager
    def _wrong_input_as_usage_error(self) -> Iterator[None]:
        from harness.errors import InputError

        try:
            yield
        except InputError as error:
            self.usage_error = pytest.UsageError(with_valid_names(self.config, str(error)))
            raise self.usage_error from error


SESSION: pytest.StashKey[HarnessSession] = pytest.StashKey()
ITEM: pytest.StashKey[ExperimentItem] = pytest.StashKey()
REFUSED: pytest.StashKey[str] = pytest.StashKey()


def session_of(config: pytest.Config) -> HarnessSession:
    """Return the plugin's object of a pytest session."""
    return config.stash[SESSION]


def experiments_among(items: Iterable[pytest.Item]) -> list[ExperimentItem]:
    """Return the tests of cases among the items, in order."""
    return [item.stash[ITEM] for item in items if ITEM in item.stash]
