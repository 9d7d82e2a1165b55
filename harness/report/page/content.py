"""The content of the page, before it becomes HTML."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.answer import Answer, Question
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.report.figures.figure import Figure
from harness.report.section import Section
from harness.report.tables.claims import JudgedClaims
from harness.report.tables.table import Table


@dataclass(frozen=True)
class StudyPage:
    """A study's part of the page: its answer to a question, from comparisons, and what stands behind it.

    Attributes:
        sections: the further topics; their tables and figures are not among the study's own.
    """

    evidence: Evidence
    comparisons: Comparisons
    question: Question
    answer: Answer
    figures: Sequence[Figure]
    tables: Sequence[Table]
    sections: Sequence[Section] = ()


@dataclass(frozen=True)
class Content:
    """The content of the page.

    Attributes:
        folders: the names of the results folders.
        claims: None if no study is of a dataset of the paper.
        sides: tables of several folders side by side, each with the first folder's evidence.
        sections: topics across several studies.
        gradients, gradient_tables: figures and tables of gradient norms by layer.
        smoke: tables of quick runs, each with its evidence.
        problems: a line for each file left out, with the reason.
        command: the command that makes the page.
        is_public: true if hosts, users and folders are left out.
        made_at: its date and time, human-readable.
    """

    folders: Sequence[str]
    studies: Sequence[StudyPage]
    claims: JudgedClaims | None
    sides: Sequence[tuple[Evidence, Table]]
    sections: Sequence[Section]
    throughput: Sequence[Table]
    gradients: Sequence[Figure]
    gradient_tables: Sequence[Table]
    smoke: Sequence[tuple[Evidence, Table]]
    problems: Sequence[str]
    command: str
    is_public: bool
    made_at: str
