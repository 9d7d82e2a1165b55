"""The session's tables and answers in Markdown, for the page of a run of GitHub Actions."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.analysis.answer import Answer
from harness.analysis.evidence import Evidence
from harness.plugin.session import HarnessSession
from harness.report.answer_text import answer_lines
from harness.report.markup import escape_markdown, markdown
from harness.report.public import Privacy
from harness.report.tables.gradients import gradient_tables
from harness.report.tables.throughput import throughput_tables
from harness.report.terminal import comparison_tables
from harness.text import printable

if TYPE_CHECKING:
    from harness.report.tables.table import Table
    from harness.results.result import Result

VARIABLE = "GITHUB_STEP_SUMMARY"
_ONE_LINE = 10_000  # characters; Markdown breaks lines itself
_VERDICT_WIDTH = 100  # characters; a block of code scrolls


def append_step_summary(
    reporter: pytest.TerminalReporter,
    harness: HarnessSession,
    answers: Sequence[tuple[Evidence, Answer]],
    lines: Sequence[str],
) -> None:
    """Append the session's tables, answers, lines and its guard's verdict to GitHub's summary of the step.

    ``GITHUB_STEP_SUMMARY`` names its file; without the variable, nothing is written. A file that cannot be written to
    is a warning, not a failure.

    Args:
        lines: further lines, as on the terminal: the reused results.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return
    tables = comparison_tables(_shown_results(harness)) if harness.results else []
    if harness.workbench is not None:
        recorded = harness.workbench.recorded
        tables += [*throughput_tables(recorded), *gradient_tables(recorded)]
    verdict = harness.guard.lines(_VERDICT_WIDTH) if harness.guard is not None else []
    try:
        with Path(path).open("a", encoding="utf-8", errors="replace") as file:
            file.write(step_summary(tables, answers, lines, verdict))
    except OSError as error:
        reporter.write_line(f"no summary in {VARIABLE}={path}: {error.strerror}", yellow=True)


def _shown_results(harness: HarnessSession) -> list[Result]:
    """Return the session's results, with ``--public`` without hosts, users and folders."""
    results = list(harness.results.values())
    if not harness.settings.public:
        return results
    privacy = Privacy.of(results, [], [harness.settings.results_dir])
    return list(map(privacy.result, results))


def step_summary(
    tables: Sequence[Table],
    answers: Sequence[tuple[Evidence, Answer]],
    lines: Sequence[str],
    verdict: Sequence[str] = (),
) -> str:
    """Return tables, answers, lines and a guard's verdict as Markdown."""
    parts = ["## wider or deeper", *(f"##{markdown(table)}" for table in tables)]
    for evidence, answer in answers:
        first, *rest = map(escape_markdown, answer_lines(evidence, answer, _ONE_LINE))
        parts.append("\n".join([f"**{first}**", "", *(f"- {line}" for line in rest)]))
    parts.append("\n".join(f"- {escape_markdown(line)}" for line in lines))
    if verdict:
        shown = list(map(printable, verdict))
        fence = "`" * (1 + max([2, *(len(run) for run in re.findall("`+", " ".join(shown)))]))
        parts.append("\n".join(["### compared with the baseline", "", f"{fence}text", *shown, fence]))
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n\n"
