"""The session's tables and answers in Markdown for GitHub Actions, which shows them on the page of the run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.analysis.answer import Answer
from harness.analysis.evidence import Evidence
from harness.plugin.session import HarnessSession
from harness.report.answer_text import answer_lines
from harness.report.markup import escape_markdown, markdown
from harness.report.tables.throughput import throughput_tables
from harness.report.terminal import comparison_tables

if TYPE_CHECKING:
    from harness.report.tables.table import Table

VARIABLE = "GITHUB_STEP_SUMMARY"
_ONE_LINE = 10_000  # characters; Markdown breaks lines itself


def append_step_summary(
    reporter: pytest.TerminalReporter,
    harness: HarnessSession,
    answers: Sequence[tuple[Evidence, Answer]],
    lines: Sequence[str],
) -> None:
    """Append the session's tables, answers and lines to the file that ``GITHUB_STEP_SUMMARY`` names, if it is set.

    A file that cannot be written to costs a warning.

    Args:
        lines: further lines, as on the terminal: the reused results, a guard's verdict.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return
    tables = comparison_tables(harness.results.values()) if harness.results else []
    if harness.workbench is not None:
        tables += throughput_tables(harness.workbench.recorded)
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(step_summary(tables, answers, lines))
    except OSError as error:
        reporter.write_line(f"no summary in {VARIABLE}={path}: {error.strerror}", yellow=True)


def step_summary(tables: Sequence[Table], answers: Sequence[tuple[Evidence, Answer]], lines: Sequence[str]) -> str:
    """Return tables, answers and lines as Markdown."""
    parts = ["## wider or deeper", *(f"##{markdown(table)}" for table in tables)]
    for evidence, answer in answers:
        first, *rest = map(escape_markdown, answer_lines(evidence, answer, _ONE_LINE))
        parts.append("\n".join([f"**{first}**", "", *(f"- {line}" for line in rest)]))
    parts.append("\n".join(f"- {escape_markdown(line)}" for line in lines))
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n\n"
