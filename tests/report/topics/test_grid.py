"""The section on the grid: what it says, shows and leaves out."""

import re
from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.answer import Answer, Question
from harness.analysis.comparison import Comparisons
from harness.analysis.power import Spread
from harness.analysis.wording import COST_WORDS
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


def values_of(evidence):
    return {model: evidence.values(model, "accuracy_percent") for model in evidence.models}


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
    assert all(row["not shown to be worse"] for row in choices)
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


def test_cells_with_one_run_are_in_no_test_and_named():
    values = values_of(grid_study()) | {model: [truth(model)] for model in GRID[:3]}
    sentences = section_of(study(values)).sentences
    assert "from depth 56 to 110" in sentences[0]
    assert sentences[1] == "Not in these tests, with one run: resnet20, resnet20-2 and resnet20-4."


def test_repeated_models_that_are_no_grid_are_not_tested():
    section = section_of(study({model: [truth(model)] * (1 + (model in GRID[:3])) for model in GRID}))
    assert section.sentences[0].startswith("The models with more than one run are no grid")


def test_the_most_accurate_model_counts_if_its_time_is_unknown():
    values = {model: [truth(model), truth(model) + 0.1] for model in GRID}
    sentence = section_of(study(values, seconds={"resnet110-4": None})).sentences[1]
    assert sentence.startswith("The most accurate of all 9 models is resnet110-4; ")
    assert "training time" not in sentence


def test_the_cheapest_not_shown_to_be_worse_are_named():
    values = {model: [90.0, 90.4 + place / 100, 89.9] for place, model in enumerate(GRID)}
    sentence = section_of(study(values)).sentences[1]
    assert sentence == (
        "The most accurate of all 9 models is resnet110-4; 8 more are not shown to be worse. The cheapest of these 9: "
        "resnet20 by training time, parameters and MACs."
    )


def test_untested_models_are_not_advised():
    values = values_of(grid_study()) | {"resnet20": [89.8], "resnet110-4": [93.0]}
    section = section_of(study(values))
    advice, untested = section.sentences[2].split(" Not tested, with one run: ")
    assert untested == "resnet20."
    assert "resnet20 by" not in advice
    assert {row["not tested"] for row in rows(section, "grid-choices")} == {"", "resnet20"}


def test_times_of_use_are_columns_and_paths_where_measured():
    use = {model: (1e-3 * place, 1e-4 * place) for place, model in enumerate(GRID, 1)}
    section = section_of(study({model: [truth(model), truth(model) + 0.1] for model in GRID}, use=use))
    assert rows(section, "grid")[0]["latency"] == "1.00 ms"
    assert rows(section, "grid")[0]["throughput"] == "10,000 images/s"
    assert [one for one in COST_WORDS.values() if f"equal {one}, " not in section.figures[0].svg] == []


def test_one_seed_is_not_tested_and_nothing_is_sure():
    section = section_of(grid_study(seeds=1))
    assert "cannot be tested" in section.sentences[0]
    assert "one run each" in section.sentences[1]
    assert "not shown to be worse" not in rows(section, "grid-choices")[0]


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


def test_a_wide_grids_figure_has_a_bounded_size():
    models = [f"resnet{depth}-{width}" for depth in (8, 14) for width in range(2, 60)]
    svg = section_of(study({model: [90.0, 90.5 + n % 3] for n, model in enumerate(models)})).figures[0].svg
    width, height = (float(one) for one in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
    assert width <= 12 * 72
    assert height <= 9 * 72
    assert 2 <= len(re.findall(r">9\d\.\d\d<", svg)) < len(models) / 2  # narrow cells have no text
