"""The whole report, from loaded results: page, tables and figures. Trains nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from harness.analysis.answer import Answer, Question, answer
from harness.analysis.budgets import MARGIN_POINTS
from harness.analysis.claim_findings import ClaimStudy
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.analysis.power import ASSUMED_SPREAD, Spread, SpreadKey, seed_spreads, spread_key
from harness.analysis.tuned_verdicts import seeds_in_common
from harness.report.figures.gradients import gradient_figures
from harness.report.figures.study import study_figures
from harness.report.loading import LEFT_OUT, LoadedResults
from harness.report.page.content import Content, StudyPage
from harness.report.page.render import render_page
from harness.report.pictures import PictureReader, with_pictures
from harness.report.section import Section
from harness.report.short_paths import short_command, without_absolute_paths
from harness.report.tables.answer import answer_tables
from harness.report.tables.claims import claims_table, judge_all
from harness.report.tables.gradients import gradient_tables
from harness.report.tables.other_code import CodeStamp, code_stamp
from harness.report.tables.paper import paper_tables
from harness.report.tables.runs import runs_table
from harness.report.tables.side_by_side import side_by_side_tables
from harness.report.tables.table import Column, Table
from harness.report.tables.throughput import throughput_tables
from harness.report.topics.all import cross_sections, study_sections
from harness.report.truncation import MAX_LINES
from harness.report.writing import FIGURES, TABLES, write_figure, write_tables, write_text

PAGE = "index.html"


@dataclass(frozen=True)
class WrittenReport:
    """The answers and the files of a written report.

    Attributes:
        answers: each study's evidence and answer, without quick runs.
        tables, figures: the files written.
        page: the page with all of it.
    """

    answers: Sequence[tuple[Evidence, Answer]]
    tables: Sequence[Path]
    figures: Sequence[Path]
    page: Path


def write_report(
    loaded: LoadedResults,
    report_dir: Path,
    command: str,
    *,
    margin: float = MARGIN_POINTS,
    target: float | None = None,
    notes: Mapping[str, Sequence[str]] | None = None,
    pictures: PictureReader | None = None,
) -> WrittenReport:
    """Write tables, figures and page under the report folder; the page shows ``command``.

    Args:
        margin: differences inside ± margin percentage points count as equal.
        target: accuracy in percent to which time is measured; None for the smallest model's.
        notes: by a study's `subject`, lines on what its answer rests on.
        pictures: reads test images; None leaves them out.

    Raises:
        OSError: a file could not be written.
    """
    content = _content(
        loaded,
        command,
        partial(_question, loaded, seed_spreads(loaded.evidence), margin, target, notes or {}),
        pictures,
    )
    tables = write_tables(_tables(content), report_dir / TABLES)
    figures = [*(figure for study in content.studies for figure in study.figures), *content.gradients]
    figures += [figure for section in _sections(content) for figure in section.figures]
    drawn = [path for figure in figures for path in write_figure(figure, report_dir / FIGURES)]
    page = report_dir / PAGE
    write_text(page, render_page(content, report_dir))
    return WrittenReport([(study.evidence, study.answer) for study in content.studies], tables, drawn, page)


def _question(
    loaded: LoadedResults,
    spreads: Mapping[SpreadKey, Spread],
    margin: float,
    target: float | None,
    notes: Mapping[str, Sequence[str]],
    evidence: Evidence,
) -> Question:
    """Return the conditions of a study's answer."""
    lines = notes.get(evidence.subject, ())
    shown = lines if loaded.privacy is None else map(loaded.privacy.text, lines)
    spread = spreads.get(spread_key(evidence), ASSUMED_SPREAD)
    return Question(spread, margin, loaded.plan_of(evidence), tuple(shown), target)


def _content(
    loaded: LoadedResults, command: str, question_of: Callable[[Evidence], Question], pictures: PictureReader | None
) -> Content:
    show = partial(with_pictures, read=pictures, is_public=loaded.privacy is not None)
    tuned = {id(one.untuned.runs): one.title for one in loaded.evidence if one.untuned is not None}
    studies = [
        _study(evidence, question_of(evidence), show, tuned.get(id(evidence.runs), ""))
        for evidence in loaded.evidence
        if evidence.mode != "quick"
    ]
    found = [study.evidence for study in studies]
    untuned = [study for study in studies if study.evidence.tuning is None]  # the paper's claims are about one rate
    claims = judge_all([ClaimStudy(study.evidence, study.comparisons) for study in untuned])
    sides = [(one, _side_stamp(one, found).on(table)) for one, table in side_by_side_tables(found)]
    return Content(
        folders=loaded.folder_names,
        studies=studies,
        claims=claims,
        sides=sides,
        sections=cross_sections(
            [(one.evidence, one.comparisons, one.answer) for one in studies if not seeds_in_common(one.evidence)]
        ),
        throughput=throughput_tables(loaded.recorded),
        gradients=gradient_figures(loaded.recorded),
        gradient_tables=gradient_tables(loaded.recorded),
        smoke=[(one, _stamped_runs_table(one)) for one in loaded.evidence if one.mode == "quick"],
        problems=_problems(loaded),
        command=short_command(command) if loaded.privacy is None else loaded.privacy.command(command),
        is_public=loaded.privacy is not None,
        made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _side_stamp(first: Evidence, found: Sequence[Evidence]) -> CodeStamp:
    """Return the stamp of a side-by-side table: the runs of one study in every folder."""
    return code_stamp({one.title: one.used_results for one in found if one.subject == first.subject})


def _stamped_runs_table(evidence: Evidence) -> Table:
    return code_stamp({evidence.title: evidence.results}).on(runs_table(evidence))


def _problems(loaded: LoadedResults) -> list[str]:
    """Return a line for each file left out and each unfinished case, without absolute paths."""
    names = dict(zip(map(str, loaded.folders), loaded.folder_names, strict=True))
    lines = [without_absolute_paths(line, names) for line in (*loaded.left_out, *loaded.started)]
    return lines if loaded.privacy is None else list(map(loaded.privacy.text, lines))


def _tables(content: Content) -> list[Table]:
    """Return every table to be written."""
    tables = [table for study in content.studies for table in study.tables]
    tables += [table for _, table in (*content.sides, *content.smoke)]
    tables += [table for section in _sections(content) for table in section.tables]
    if content.claims is not None:
        tables.append(claims_table(content.claims))
    if len(content.problems) > MAX_LINES:
        tables.append(_left_out_table(content.problems))
    return [*content.throughput, *content.gradient_tables, *tables]


def _sections(content: Content) -> list[Section]:
    """Return the sections of further topics: of each study, and across studies."""
    return [*(section for study in content.studies for section in study.sections), *content.sections]


def _left_out_table(lines: Sequence[str]) -> Table:
    """Return every line on files left out; the page and the terminal show only the first ones."""
    column = Column("file and reason", "left_out", is_words=True)
    return Table(LEFT_OUT, "Files left out", (column,), tuple({"left_out": line} for line in lines))


def _study(
    evidence: Evidence, question: Question, show: Callable[[Section, Evidence], Section], tuned: str
) -> StudyPage:
    """Return a study with its answer, figures and tables; only its runs if there is no answer to show.

    Args:
        tuned: the title of the study of tuned learning rates beside this one; empty without one.
    """
    stamp = code_stamp({evidence.title: evidence.used_results})
    question = replace(question, notes=(*stamp.cautions, *question.notes))
    comparisons, runs = Comparisons(evidence, question.alpha), _stamped_runs_table(evidence)
    found = answer(comparisons, evidence, question)
    if not evidence.runs or seeds_in_common(evidence):
        return StudyPage(evidence, comparisons, question, found, (), [runs])
    tables = [*paper_tables(evidence), *answer_tables(evidence, comparisons, found.verdicts)]
    figures = list(map(stamp.on_figure, study_figures(evidence, comparisons)))
    made = study_sections(evidence, comparisons, question, found, tuned)
    sections = [show(one.stamped(stamp), evidence) for one in made]
    return StudyPage(evidence, comparisons, question, found, figures, [*map(stamp.on, tables), runs], sections)
