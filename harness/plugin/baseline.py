"""The guard under ``--baseline``: the session's results compared with those of an earlier run.

The last test of a case's seeds fails if the case violates a limit, so `-x`, JUnit and the exit code show it. If that
test has failed or is skipped, the case is compared at the session's end, and only the exit code shows it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from harness.errors import InputError
from harness.plugin.session import ITEM, HarnessSession

if TYPE_CHECKING:
    from harness.analysis.guard import Verdict
    from harness.config.limits import Limit
    from harness.results.result import Result
    from harness.study.study import Study


@dataclass
class _GuardedCase:
    """One case of the session, with all of its seeds.

    Attributes:
        base: the baseline's results; empty for a new case.
        identities: of the session's cases.
        pending: node ids of the tests that have not ended.
        verdict: None until it is compared.
    """

    label: str
    base: list[Result]
    limits: Mapping[str, Limit]
    identities: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)
    verdict: Verdict | None = None


def guard_cases(harness: HarnessSession, study: Study, items: Iterable[pytest.Item]) -> None:
    """Add the guard to the session if there is a baseline; rank 0 alone compares.

    Raises:
        InputError: the baseline has a damaged result, or no result of a selected case; or a limit has no baseline.
    """
    processes, settings = harness.processes, harness.settings
    if settings.baseline is None:
        _require_no_limits(harness)
        return
    with processes.raising_together():
        if processes.is_rank_zero:
            harness.config.pluginmanager.register(Guard(harness, _guarded(harness, study, items)))


def _require_no_limits(harness: HarnessSession) -> None:
    from harness.config.limits import LIMIT_OPTIONS
    from harness.plugin.pytest_options import given_options

    given = given_options(harness.config)
    for name in LIMIT_OPTIONS:
        if given[name.replace("-", "_")] is not None:
            raise InputError(f"--{name} needs --baseline DIR, the results folder to compare with")


def _guarded(harness: HarnessSession, study: Study, items: Iterable[pytest.Item]) -> list[_GuardedCase]:
    """Return the session's cases with their results in the baseline."""
    from harness.analysis.baseline import nearest, read_comparable
    from harness.analysis.conditions import conditions_of, group_by_conditions, labels_of
    from harness.config.limits import limits_from, overridden

    folder = harness.settings.baseline
    assert folder is not None
    base = group_by_conditions(read_comparable(folder, f"--baseline {folder}"))
    defaults = limits_from(vars(harness.settings))
    found: dict[tuple[str, tuple[Limit, ...]], _GuardedCase] = {}
    cases = {item: study.case(item.stash[ITEM].experiment) for item in items if ITEM in item.stash}
    labels = labels_of(cases.values())
    for item, case in cases.items():
        key, limits = conditions_of(case), overridden(defaults, item.stash[ITEM].limits)
        one = found.setdefault((key, tuple(limits.values())), _GuardedCase(labels[key], base.get(key, []), limits))
        one.identities.add(case.identity)
        one.pending.add(item.nodeid)
    if not any(one.base for one in found.values()):
        (case, *_) = cases.values()
        raise InputError(
            f"--baseline {folder} has no result of a selected case: {labels[conditions_of(case)]} "
            f"is missing{nearest(case, base.values())}"
        )
    return list(found.values())


class Guard:
    """A pytest plugin that compares each case once its last test has ended."""

    def __init__(self, harness: HarnessSession, cases: list[_GuardedCase]) -> None:
        self._harness, self._cases = harness, cases

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Compare a case after its last test, which fails if the case violates its limits.

        Under torchrun only the session's exit code shows it: a test must end alike on every rank.
        """
        yield
        lines = [line for one in self._cases if one.pending == {item.nodeid} for line in self._failures(one)]
        if lines and not self._harness.processes.is_distributed:
            pytest.fail("\n".join(lines), pytrace=False)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note that a test has ended, with any outcome."""
        for one in self._cases:
            one.pending.discard(nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Compare the remaining cases, and fail a session that has passed."""
        if self._verdict().exit_code and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the verdict."""
        from harness.report.guard_text import verdict_lines

        verdict = self._verdict()
        terminalreporter.write_sep("=", "compared with the baseline")
        for line in verdict_lines(verdict, terminalreporter._tw.fullwidth):
            terminalreporter.write_line(line, red=bool(verdict.exit_code))

    def _failures(self, one: _GuardedCase) -> list[str]:
        """Return the lines on what makes a case fail; empty if nothing does."""
        from harness.report.guard_text import not_compared_text, violation_text

        verdict = self._compare(one)
        lines = [violation_text(violation) for violation in verdict.violations]
        lines += [violation_text(incomplete) for incomplete in verdict.incomplete]
        return lines + [not_compared_text(unchecked) for unchecked in verdict.unchecked]

    def _compare(self, one: _GuardedCase) -> Verdict:
        from harness.analysis.baseline import without_baseline
        from harness.analysis.guard import compare_case

        if one.verdict is None:
            results = self._harness.results
            new = [results[identity] for identity in sorted(one.identities) if identity in results]
            one.verdict = (
                compare_case(one.label, one.base, new, one.limits) if one.base else without_baseline(one.label)
            )
        return one.verdict

    def _verdict(self) -> Verdict:
        """Return the verdict on all cases; one whose tests have not all ended is not compared."""
        from harness.analysis.guard import NotCompared, Verdict, joined

        reason = "the session ended before its tests"
        return joined(
            Verdict(not_compared=(NotCompared(one.label, None, reason, is_failure=False),))
            if one.verdict is None and one.pending
            else self._compare(one)
            for one in self._cases
        )
