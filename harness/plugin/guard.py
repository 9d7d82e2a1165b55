"""The guard under ``--baseline``: the session's results compared with those of an earlier run.

The last test of a case's seeds fails if the case violates a limit, so `-x`, JUnit and the exit code show it. If that
test has failed or is skipped, the case is compared at the session's end, and only the exit code shows it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.analysis.guard import Verdict
    from harness.config.limits import Limit
    from harness.results.result import Result


@dataclass
class GuardedCase:
    """One case of the session, with all of its seeds.

    Attributes:
        base: the baseline's results; empty for a new case.
        changes: what the user has changed since the baseline, the network or the recipe.
        identities: of the session's cases.
        pending: node ids of the tests that have not ended.
        verdict: None until it is compared.
    """

    label: str
    base: list[Result]
    limits: Mapping[str, Limit]
    changes: Sequence[str] = ()
    identities: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)
    verdict: Verdict | None = None


class Guard:
    """A pytest plugin that compares each case once its last test has ended."""

    def __init__(self, cases: list[GuardedCase], results: Mapping[str, Result], *, is_distributed: bool) -> None:
        """Keep the cases to compare.

        Args:
            results: those of the session so far, by the case's identity.
            is_distributed: true under torchrun.
        """
        self._cases, self._results, self._is_distributed = cases, results, is_distributed

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Compare a case after its last test, which fails if the case violates its limits.

        Under torchrun only the session's exit code shows it: a test must end alike on every rank.
        """
        yield
        lines = [line for one in self._cases if one.pending == {item.nodeid} for line in self._failures(one)]
        if lines and not self._is_distributed:
            pytest.fail("\n".join(lines), pytrace=False)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note that a test has ended, with any outcome."""
        for one in self._cases:
            one.pending.discard(nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Compare the remaining cases, and fail a session that has passed."""
        if self.fails and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @property
    def fails(self) -> bool:
        """True if a limit is violated, or could not be checked though it was given."""
        return bool(self._verdict().exit_code)

    def lines(self, width: int) -> list[str]:
        """Return the verdict on all cases, in lines of that width."""
        from harness.report.guard_text import verdict_lines

        return verdict_lines(self._verdict(), width)

    def _failures(self, one: GuardedCase) -> list[str]:
        """Return the lines on what makes a case fail; empty if nothing does."""
        from harness.report.guard_text import not_compared_text, violation_text

        verdict = self._compare(one)
        lines = [violation_text(violation) for violation in verdict.violations]
        lines += [violation_text(incomplete) for incomplete in verdict.incomplete]
        return lines + [not_compared_text(unchecked) for unchecked in verdict.unchecked]

    def _compare(self, one: GuardedCase) -> Verdict:
        from harness.analysis.baseline import without_baseline
        from harness.analysis.guard import compare_case

        if one.verdict is None:
            results = self._results
            new = [results[identity] for identity in sorted(one.identities) if identity in results]
            one.verdict = (
                compare_case(one.label, one.base, new, one.limits, one.changes)
                if one.base
                else without_baseline(one.label)
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
