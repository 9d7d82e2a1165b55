from dataclasses import replace

from harness.report.figures.figure import Figure
from harness.report.page.folds import folds_of
from harness.report.tables.table import Table
from tests.report.page.studies import WIDE_WINS, study_page

TABLES = (
    "accuracy",
    "f1",
    "gain",
    "literature",
    "thresholds",
    "true-gain",
    "verdicts",
    "equal-cost",
    "pareto",
    "new",
    "",
)
FIGURES = ("accuracy-cost", "differences", "learning-curves", "time-parameters", "marginal-gain", "classes", "new")


def page():
    names = [f"cifar10-{name}".rstrip("-") for name in TABLES]
    figures = [Figure(f"cifar10-{name}", "", "", "", "", b"") for name in FIGURES]
    return study_page(WIDE_WINS, figures=figures, tables=[Table(name, "", (), ()) for name in names])


def test_every_table_and_figure_is_in_one_fold_but_the_cards():
    folds = folds_of(page())
    assert sorted(table.file_name for fold in folds for table in fold.tables) == sorted(
        table.file_name for table in page().tables
    )
    assert sorted(figure.file_name for fold in folds for figure in fold.figures) == sorted(
        f"cifar10-{name}" for name in FIGURES if name != "accuracy-cost"
    )


def test_sentences_on_thresholds_are_where_more_stops_paying():
    (fold,) = [fold for fold in folds_of(page()) if fold.sentences]
    assert fold.title == "Where more depth or width stops paying"
    assert any("pay" in sentence for sentence in fold.sentences)


def test_empty_folds_are_left_out():
    bare = replace(page(), figures=[], tables=[])
    assert [fold.title for fold in folds_of(bare)] == ["Where more depth or width stops paying"]
