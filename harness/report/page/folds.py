"""The folds of a study: its tables and figures under headings that say what one learns there."""

from harness.report.page.content import StudyPage
from harness.report.section import Section

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


def folds_of(study: StudyPage) -> list[Section]:
    """Return a study's folds that are not empty; every table and figure but the card's is in one of them."""
    stem = study.evidence.file_name
    figures = {one.file_name.removeprefix(stem).lstrip("-"): one for one in study.figures}
    tables = {one.file_name.removeprefix(stem).lstrip("-"): one for one in study.tables}
    figures.pop(ON_CARD, None)
    folds = [
        Section(
            title,
            [figures.pop(name) for name in figure_names if name in figures],
            [tables.pop(name) for name in table_names if name in tables],
            study.answer.sentences if title == _THRESHOLDS else (),
        )
        for title, figure_names, table_names in _FOLDS
    ]
    folds += study.sections
    folds.append(Section(_REST, list(figures.values()), list(tables.values())))
    return [one for one in folds if one.figures or one.tables or one.sentences]
