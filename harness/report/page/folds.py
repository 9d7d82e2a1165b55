"""The folds of a study: its tables and figures under headings that say what one learns there."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.figures.figure import Figure
from harness.report.page.content import StudyPage
from harness.report.tables.table import Table


@dataclass(frozen=True)
class Fold:
    """A heading with figures and tables under it.

    Attributes:
        sentences: findings to read before the figures.
    """

    title: str
    figures: Sequence[Figure]
    tables: Sequence[Table]
    sentences: Sequence[str] = ()


# Heading, then the last parts of the figures' and the tables' file names.
_FOLDS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("Every model: its accuracy, F1 and time", (), ("accuracy", "f1", "literature")),
    ("Where more depth or width stops paying", (), ("thresholds", "true-gain")),
    ("Wider against deeper at other costs, and the models worth theirs", (), ("verdicts", "equal-cost", "pareto")),
    ("Which models differ from which", ("differences",), ("differences",)),
    ("Learning curves: is it trained out?", ("learning-curves",), ()),
    ("What depth and width cost in time", ("time-parameters", "marginal-gain"), ("gain",)),
    ("Which classes gain from depth or width", ("classes",), ("classes",)),
)
_THRESHOLDS, _REST = _FOLDS[1][0], "Every run"
ON_CARD = "accuracy-cost"
"""The figure that the card itself shows."""


def folds_of(study: StudyPage) -> list[Fold]:
    """Return a study's folds that are not empty; every table and figure but the card's is in one of them."""
    stem = study.evidence.file_name
    figures = {one.file_name.removeprefix(stem).lstrip("-"): one for one in study.figures}
    tables = {one.file_name.removeprefix(stem).lstrip("-"): one for one in study.tables}
    figures.pop(ON_CARD, None)
    folds = [
        Fold(
            title,
            [figures.pop(name) for name in figure_names if name in figures],
            [tables.pop(name) for name in table_names if name in tables],
            study.answer.sentences if title == _THRESHOLDS else (),
        )
        for title, figure_names, table_names in _FOLDS
    ]
    folds.append(Fold(_REST, list(figures.values()), list(tables.values())))
    return [one for one in folds if one.figures or one.tables or one.sentences]
