"""The tables and the report at the end of a session."""

import contextlib
import textwrap
import time
from collections.abc import Iterable
from dataclasses import replace

import pytest

from harness.analysis.evidence import Evidence
from harness.analysis.studies import study_subject
from harness.credentials import message_without_credentials
from harness.errors import InputError
from harness.plugin.benchmark_record import comparison_notes
from harness.plugin.schedule import answer_notes
from harness.plugin.session import HarnessSession
from harness.plugin.step_summary import append_step_summary
from harness.report.build import WrittenReport, write_report
from harness.report.loading import LoadedResults, load_results_folders
from harness.report.tables.gradients import gradient_tables
from harness.report.tables.table import Table
from harness.report.tables.throughput import throughput_tables
from harness.report.terminal import comparison_tables, report_text, terminal_text
from harness.results.result import Result
from harness.study.pictures import picture_reader
from harness.text import count_noun, duration, printable
from harness.tracking.tracker import ReportFiles
from harness.training.command import this_command


def summarise(reporter: pytest.TerminalReporter, harness: HarnessSession) -> None:
    """Print the tables of this session's results and measurements; write the report and GitHub's summary."""
    results = list(harness.results.values())
    if harness.workbench is not None:
        recorded = harness.workbench.recorded
        _print_tables(reporter, "throughput", throughput_tables(recorded))
        _print_tables(reporter, "gradients", gradient_tables(recorded))
    if results:
        _print_results(reporter, harness, results)
    report = None
    if results or harness.workbench is not None:
        report = _write_report(reporter, harness, results)
        answers = report.answers if report is not None else []
        append_step_summary(reporter, harness, answers, reuse_lines(harness, results))
    elif harness.study is not None:
        with contextlib.suppress(InputError):  # of a results folder that cannot be read; the session ends with it
            started, unreadable = harness.study.results.unfinished()
            _print_left_out(reporter, unreadable, started)
    if harness.guard is not None:
        reporter.write_sep("=", "compared with the baseline")
        for line in harness.guard.lines(reporter._tw.fullwidth):
            reporter.write_line(printable(line), red=harness.guard.fails)
    if harness.study is not None:
        files = ReportFiles(report.page, report.tables, report.figures) if report is not None else None
        print_wrapped(reporter, harness.study.tracking.end(files))


def _print_results(reporter: pytest.TerminalReporter, harness: HarnessSession, results: list[Result]) -> None:
    """Print the tables of the results, and the session's overhead."""
    _print_tables(reporter, "wider or deeper", comparison_tables(results))
    lines = reuse_lines(harness, results)
    if overhead := overhead_line(harness, time.perf_counter() - harness.started_seconds):
        lines.append(overhead)
    lines += comparison_notes(harness.config)
    lines += harness.study.engine.summary() if harness.study is not None else ()
    print_wrapped(reporter, lines)


def print_wrapped(reporter: pytest.TerminalReporter, lines: Iterable[str]) -> None:
    """Print lines in the terminal's width; names, options and paths are not cut."""
    width = reporter._tw.fullwidth
    for line in lines:
        shown = message_without_credentials(printable(line))
        reporter.write_line(
            textwrap.fill(shown, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        )


def reuse_lines(harness: HarnessSession, results: list[Result]) -> list[str]:
    """Return a line with the number of reused results; none if there are none."""
    reused = sum(map(harness.is_reused, results))
    if not reused:
        return []
    return [f"{reused} of {count_noun(len(results), 'result')} reused, not trained now; --rerun trains them again"]


def overhead_line(harness: HarnessSession, wall_seconds: float) -> str | None:
    """Return the time spent outside loading, training and evaluation; None if nothing was trained."""
    records = harness.trained_records
    if not records or not harness.settings.full_training:
        return None
    epoch_seconds = sum(record.epoch_seconds for record in records)
    overhead_seconds = wall_seconds - harness.compile_seconds - epoch_seconds
    checkpoint_seconds = sum(record.checkpoint_seconds for record in records)
    share = f"{duration(overhead_seconds)} of {duration(wall_seconds)} ({overhead_seconds / wall_seconds:.1%})"
    saving = f"{duration(checkpoint_seconds)} ({checkpoint_seconds / wall_seconds:.1%}) of it saving checkpoints"
    compiling = f"; compiling took {duration(harness.compile_seconds)} more" if harness.compile_seconds >= 1 else ""
    return f"{share} were neither loading, training nor evaluating, {saving}{compiling}"


def _print_tables(reporter: pytest.TerminalReporter, title: str, tables: Iterable[Table]) -> None:
    """Print tables under a title, each in the terminal's width; nothing if there are none."""
    tables = list(tables)
    if not tables:
        return
    reporter.write_sep("=", title)
    for table in tables:
        for line in terminal_text(table, reporter._tw.fullwidth).splitlines():
            reporter.write_line(line)
        reporter.write_line("")


def _write_report(
    reporter: pytest.TerminalReporter, harness: HarnessSession, results: list[Result]
) -> WrittenReport | None:
    """Write the report of the results folder; print and return it, None if it could not be written.

    Its answers are those of this session's studies.
    """
    settings, report, loaded = harness.settings, None, LoadedResults([])
    try:
        loaded = load_results_folders([settings.results_dir], is_public=settings.public)
        report = write_report(
            loaded,
            settings.report_dir,
            this_command(),
            margin=settings.margin,
            target=settings.target,
            notes=answer_notes(harness),
            pictures=picture_reader(settings),
        )
    except Exception as error:  # the results are safe, and a report can be written later
        reason = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        again = "run `python -m harness report` to write it"
        reporter.write_line(f"no report in {settings.report_dir}: {reason}; {again}", yellow=True)
    else:
        trained = {study_subject(result.case) for result in results}
        found = [one for one in report.answers if one[0].subject in trained or _has_tuned(one[0], harness)]
        report = replace(report, answers=found)
        for line in report_text(report, reporter._tw.fullwidth).splitlines():
            reporter.write_line(line)
    _print_left_out(reporter, loaded.problems, loaded.unfinished)
    return report


def _has_tuned(evidence: Evidence, harness: HarnessSession) -> bool:
    """Return whether a study of tuned learning rates has a case of this session."""
    results = evidence.used_results if evidence.tuning is not None else ()
    return any(one.case.identity in harness.results for one in results)


def _print_left_out(reporter: pytest.TerminalReporter, problems: list[str], unfinished: list[str]) -> None:
    for line in [f"left out: {problem}" for problem in problems] + unfinished:
        reporter.write_line(printable(line), yellow=True)
