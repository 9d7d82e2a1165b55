"""The whole report, from results folders: what they mean, as a page, as tables and as figures. Trains nothing."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.analysis.answer import Answer, answer
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.analysis.studies import StoredResult, group_into_studies
from harness.errors import InputError
from harness.files import write_text_atomically
from harness.report.figures.study import study_figures
from harness.report.figures.style import write_figure
from harness.report.markup import Printable
from harness.report.page.render import LEFT_OUT, Content, StudyPage, render_page
from harness.report.tables.answer import answer_tables
from harness.report.tables.claims import claims_table, judge_all
from harness.report.tables.paper import paper_tables
from harness.report.tables.runs import runs_table
from harness.report.tables.side_by_side import side_tables
from harness.report.tables.table import Column, Table, writable, write_table
from harness.report.truncation import LINES, first
from harness.results.folder import ResultsFolder
from harness.results.result import Result

if TYPE_CHECKING:
    from harness.throughput.record import Recorded

PAGE = "index.html"
_ALL_LEFT_OUT = f"all of them are in {LEFT_OUT}.csv among the report's tables"
Value = TypeVar("Value")


@dataclass
class LoadedResults:
    """What results folders hold.

    Attributes:
        left_out: a line for each file that is left out, and why; it grows while what lies beside results is read.
        begun: a line for each case that was begun and has no result.
    """

    folders: Sequence[Path]
    evidence: list[Evidence] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What is left out, as far as a terminal has room."""
        return first(self.left_out, _ALL_LEFT_OUT)

    @property
    def unfinished(self) -> list[str]:
        """What was begun and has no result, as far as a terminal has room."""
        return first(self.begun, f"not finished either, {_ALL_LEFT_OUT}")


def load_results_folders(folders: Sequence[Path]) -> LoadedResults:
    """Everything in results folders, as evidence."""
    once: dict[Path, Path] = {}
    for root in folders:
        once.setdefault(root.resolve(), root)  # a folder by two names is one, and no evidence beside itself
    loaded = LoadedResults(list(once.values()))
    stored: list[StoredResult] = []
    for root in loaded.folders:
        folder = ResultsFolder(root)
        results, problems = folder.read_all()
        recorded, other_problems = _read_recorded(root)
        loaded.results += results
        loaded.recorded += recorded
        loaded.left_out += problems + other_problems
        loaded.begun += folder.unfinished()
        stored += [_stored(result, folder, loaded.left_out) for result in results]
    loaded.evidence = group_into_studies(stored)
    return loaded


def _read_recorded(root: Path) -> tuple[list[Recorded], list[str]]:
    """What a results folder has of throughput. It takes torch to read, which a report needs for nothing else."""
    if not (root / "throughput").is_dir():
        return [], []
    from harness.throughput.record import read_recorded

    return read_recorded(root)


def _stored(result: Result, folder: ResultsFolder, problems: list[str]) -> StoredResult:
    """A result with what lies beside it, read when it is asked for; what cannot be read is told once and is missing."""

    def reading(read: Callable[[Result], Value]) -> Callable[[], Value | None]:
        def attempt() -> Value | None:
            try:
                return read(result)
            except InputError as error:
                if str(error) not in problems:
                    problems.append(str(error))
                return None

        return attempt

    return StoredResult(result, folder.root, reading(folder.read_predictions), reading(folder.read_curve))


@dataclass(frozen=True)
class WrittenReport:
    """What a report says, and where it lies.

    Attributes:
        answers: of each study, quick ones apart.
        tables, figures: the files written. page: the one that shows all of it.
    """

    answers: Sequence[tuple[Evidence, Answer]]
    tables: Sequence[Path]
    figures: Sequence[Path]
    page: Path


def write_report(loaded: LoadedResults, report_dir: Path, command: str) -> WrittenReport:
    """Tables, figures and page of all that there is, under the report folder.

    Raises:
        OSError: they could not be written.
    """
    with _kept_from_collecting():
        return _write_report(loaded, report_dir, command)


@contextlib.contextmanager
def _kept_from_collecting() -> Iterator[None]:
    """Inside, what is there already is not searched for garbage.

    statsmodels has all objects searched at every correction of p-values: of 10,000 results that took ten seconds.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _write_report(loaded: LoadedResults, report_dir: Path, command: str) -> WrittenReport:
    studies = [_study(evidence) for evidence in loaded.evidence if evidence.mode != "quick"]
    smoke = [(one, runs_table(one)) for one in loaded.evidence if one.mode == "quick"]
    judged = judge_all([study.evidence for study in studies])
    sides = side_tables([study.evidence for study in studies])
    tables = [table for study in studies for table in study.tables] + [table for _, table in (*sides, *smoke)]
    if studies:
        tables.append(claims_table(judged))
    left_out = [*loaded.left_out, *loaded.begun]
    if len(left_out) > LINES:
        tables.append(_left_out_table(left_out))
    drawings = [figure for study in studies for figure in study.figures]
    throughput, written = _throughput(loaded.recorded, report_dir)
    content = Content(
        folders=loaded.folders,
        studies=studies,
        claims=judged,
        sides=sides,
        throughput=throughput,
        smoke=smoke,
        problems=left_out,
        command=command,
        made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    written += [path for table in tables for path in write_table(table, report_dir / "tables")]
    drawn = [path for figure in drawings for path in write_figure(figure, report_dir / "figures")]
    page = report_dir / PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(page, writable(render_page(content, report_dir)))
    return WrittenReport([(study.evidence, study.answer) for study in studies], written, drawn, page)


def _left_out_table(lines: Sequence[str]) -> Table:
    """Every line of what was left out, where the page and the terminal have room for the first."""
    column = Column("file and reason", "left_out", is_words=True)
    return Table(LEFT_OUT, "What was left out", (column,), tuple({"left_out": line} for line in lines))


def _throughput(recorded: Sequence[Recorded], report_dir: Path) -> tuple[Sequence[Printable], list[Path]]:
    """The tables of throughput, and the files written of them."""
    if not recorded:
        return [], []
    from harness.report.tables.throughput import throughput_tables, write_tables

    tables = throughput_tables(recorded)
    return tables, write_tables(tables, report_dir)


def _study(evidence: Evidence) -> StudyPage:
    """A study with all that the page shows of it; where no training completed, its runs alone."""
    comparisons, runs = Comparisons(evidence), runs_table(evidence)
    if not evidence.runs:
        return StudyPage(evidence, answer(evidence, comparisons), (), [runs])
    tables = [*paper_tables(evidence), *answer_tables(evidence, comparisons), runs]
    return StudyPage(evidence, answer(evidence, comparisons), study_figures(evidence, comparisons), tables)
