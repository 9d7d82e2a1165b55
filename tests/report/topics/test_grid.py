"""The section on the grid: what it says, shows and leaves out."""

from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.answer import Answer, Question
from harness.analysis.comparison import Comparisons
from harness.analysis.power import Spread
from harness.report.topics.all import study_sections
from harness.report.topics.grid import grid_section
from tests.analysis.grids import GRID, simulated, truth
from tests.analysis.synthetic_evidence import study
from tests.helpers.synthetic import failed_result

QUESTION = Question(Spread(0.3, is_measured=True))


def section_of(evidence):
    return grid_section(evidence, Comparisons(evidence), QUESTION)


def grid_study(growth=0.0, models=GRID, **changes):
    return simulated(np.random.default_rng(0), {model: truth(model, growth) for model in models}, **changes)


@pytest.fixture(scope="module")
def section():
    return section_of(grid_study())


def rows(section, name):
    (table,) = [one for one in section.tables if one.file_name == f"cifar10-{name}"]
    return [dict(zip(table.headings, cells, strict=True)) for cells in table.cells]


def test_the_section_is_among_the_studys_topics(section):
    evidence = grid_study()
    assert section.title in [one.title for one in study_sections(evidence, Comparisons(evidence), QUESTION, Answer(""))]


@pytest.mark.parametrize("models", [("resnet20", "resnet56", "resnet20-2"), ("resnet20",)])
def test_two_short_axes_have_no_section(models):
    assert section_of(grid_study(models=models)) is None


def test_every_cell_stands_in_the_table_with_its_n_and_interval(section):
    cells = rows(section, "grid")
    assert [row["model"] for row in cells] == [*GRID]
    assert {row["n"] for row in cells} == {"3"}
    assert all("±" in row["accuracy %"] for row in cells)
    (figure,) = section.figures
    assert figure.svg.count("n = 3") == len(GRID)
    assert "equal parameters, " in figure.svg
    assert "equal MACs, " in figure.svg


def test_choices_cover_each_cost_and_name_their_certainty(section):
    choices = rows(section, "grid-choices")
    assert {row["limit on"] for row in choices} == {"training time", "parameters", "MACs"}
    assert all("%" in row["P(best)"] for row in choices)
    last = [row for row in choices if row["limit on"] == "parameters"][-1]
    assert (last["take"], last["below"], last["of"]) == ("resnet110-4", "", "9 affordable")


@pytest.mark.parametrize(
    ("growth", "words"),
    [(0.0, "No interaction is shown"), (-3.0, "the less width gains"), (3.0, "the more width gains")],
)
def test_the_first_sentence_says_whether_depth_and_width_add_up(growth, words):
    sentence = section_of(grid_study(growth)).sentences[0]
    assert words in sentence
    assert "n = 3 (p " in sentence
    assert "any shape: F(4, 16) = " in sentence
    assert ("with 80 % power" in sentence) == (growth == 0)


def test_one_seed_is_not_tested_and_has_no_probability():
    section = section_of(grid_study(seeds=1))
    assert "cannot be tested" in section.sentences[0]
    assert "one run each" in section.sentences[1]
    assert "P(best)" not in rows(section, "grid-choices")[0]


def test_missing_cells_are_left_empty_and_named():
    failed = failed_result(model="resnet110-4", seed=0)
    evidence = replace(grid_study(models=GRID[:-1]), incomplete=(failed,))
    section = section_of(evidence)
    assert section.sentences[-1] == "Left out: resnet110-4 (no complete run)."
    assert section.figures[0].svg.count("n = 3") == len(GRID) - 1


def test_unknown_times_leave_out_their_path_and_their_choices():
    evidence = study({model: [truth(model), truth(model) + 0.1] for model in GRID}, seconds=dict.fromkeys(GRID))
    section = section_of(evidence)
    assert {row["limit on"] for row in rows(section, "grid-choices")} == {"parameters", "MACs"}
    assert "equal training time" not in section.figures[0].svg


def test_laws_need_four_models_and_no_grid():
    depths = ("resnet20", "resnet32", "resnet44", "resnet56", "resnet110")
    errors = {20: 8.0, 32: 6.4, 44: 5.4, 56: 4.8, 110: 3.4}
    accuracies = {model: [100 - error, 100.05 - error] for model, error in zip(depths, errors.values(), strict=True)}
    section = section_of(study(accuracies))
    laws = rows(section, "grid-laws")
    assert section.figures == ()
    assert {row["along"] for row in laws} == {"depth"}
    assert all(row["law"].startswith("cost^−0.5") for row in laws)
    assert all("[" in row["predicted %"] for row in laws)


def test_a_law_that_is_not_kept_predicts_nothing():
    depths = ("resnet20", "resnet32", "resnet44", "resnet56")
    section = section_of(study({model: [92.0 + 0.1 * (-1) ** place, 92.0] for place, model in enumerate(depths)}))
    laws = rows(section, "grid-laws")
    assert {row["law"] for row in laws} == {"none: predicts no better"}
    assert all("predicted %" not in row for row in laws)


def test_a_grid_with_names_for_hundreds_of_cells_draws_no_text():
    models = [f"resnet{6 * n + 2}" + (f"-{w}" if w > 1 else "") for n in range(1, 13) for w in range(1, 12)]
    section = section_of(study({model: [90.0, 90.5 + n % 3] for n, model in enumerate(models)}))
    assert "n = 2" not in section.figures[0].svg
