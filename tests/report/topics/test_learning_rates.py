"""The section on learning rates: the rates tried, the choice, both verdicts; one line where nothing is tuned."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from harness.analysis.answer import Answer, Question, answer
from harness.analysis.comparison import Comparisons
from harness.analysis.power import Spread
from harness.analysis.studies import group_into_studies
from harness.report.answer_text import answer_lines
from harness.report.topics.learning_rates import learning_rates
from tests.analysis.synthetic_evidence import measured
from tests.analysis.tuned import (
    CHOSEN,
    PLAIN,
    ROOT,
    TRIAL_SEEDS,
    TUNED,
    declared,
    diverged_at,
    run_at,
    stored,
    trials,
    tuned_study,
)
from tests.helpers.synthetic import store, synthetic_result
from tests.report.studies import build_report

QUESTION = Question(Spread(0.2, is_measured=False))


def section_of(evidence):
    return learning_rates(evidence, answer(Comparisons(evidence), evidence, QUESTION))


@pytest.fixture(scope="module")
def tuned():
    held_out = {"resnet56": {0.02: 90.0, 0.05: 80.0, 0.1: 70.0}}
    return tuned_study(PLAIN, TUNED, CHOSEN, held_out)[1]


def test_the_table_has_every_rate_with_its_choice_and_edge(tuned):
    table = section_of(tuned).tables[0]
    rows = [row for row in table.rows if row["model"] == "resnet56"]
    assert [row["learning_rate"] for row in rows] == [0.02, 0.05, 0.1]
    assert [round(row["validation_percent"], 2) for row in rows] == [90.1, 80.1, 70.1]
    assert [(row["seeds"], row["is_chosen"], row["edge"]) for row in rows] == [
        (3, True, "lowest one tried"), (3, False, None), (3, False, None),
    ]  # fmt: skip
    assert "on 36 held-out training images" in table.notes[0]
    assert ", ".join(map(str, TRIAL_SEEDS)) in table.notes[1]


def test_the_verdicts_at_both_rates_stand_side_by_side(tuned):
    table = section_of(tuned).tables[1]
    assert table.headings[:4] == ["at equal", "at the recipe's rate 0.05", "at each model's own", "same verdict"]
    row = next(row for row in table.rows if row["budget"] == "scale_factor")
    assert row["common_outcome"] == "wider"
    assert row["common_points"] - row["tuned_points"] == pytest.approx(3.4, abs=0.05)
    assert (row["change_points"], row["change_seeds"]) == (pytest.approx(-3.4, abs=0.05), 3)


def test_the_sentences_give_the_verdict_and_the_edge(tuned):
    first, second = section_of(tuned).sentences
    assert first.startswith("The verdict changes from the recipe's rate 0.05")
    assert second.startswith("The best rate of resnet56 is the lowest one tried")


def test_the_figure_draws_each_model_and_rings_the_choices(tuned):
    (figure,) = section_of(tuned).figures
    texts = [one.text for one in ElementTree.fromstring(figure.svg).iter("{http://www.w3.org/2000/svg}text")]
    assert {*CHOSEN, "chosen", "learning rate"} <= set(texts)
    assert "resnet56: 90.10 % at 0.02, 80.10 % at 0.05, 70.10 % at 0.1, chosen 0.02" in figure.description


def test_a_diverged_trial_is_counted_in_its_row():
    results = [stored(run_at("resnet20", 0)), *trials("resnet20", {0.02: 80.0, 0.05: 90.0})]
    results += [stored(diverged_at("resnet20", seed, 0.1)) for seed in TRIAL_SEEDS]
    tuned = group_into_studies(results, tunings={ROOT: [declared("resnet20", 0.05)]})[1]
    row = section_of(tuned).tables[0].rows[2]
    assert (row["diverged"], row["validation_percent"]) == (3, 10.0)


def test_trials_that_do_not_give_the_declared_rate_are_named():
    results = [stored(run_at("resnet20", 0)), *trials("resnet20", {0.02: 95.0, 0.05: 90.0, 0.1: 80.0})]
    tuned = group_into_studies(results, tunings={ROOT: [declared("resnet20", 0.05)]})[1]
    assert section_of(tuned).sentences[-1] == "resnet20 was trained at 0.05, but its trials in this folder give 0.02."
    alone = group_into_studies(results[:1], tunings={ROOT: [declared("resnet20", 0.05)]})[1]
    assert section_of(alone).sentences[-1].endswith("its trials in this folder are missing or incomplete.")
    assert section_of(alone).figures == []


def test_the_papers_own_recipe_is_said_to_be_untuned_in_one_line():
    found = section_of(measured({"resnet20": [89.0, 89.1], "resnet20-2": [90.0, 90.2]}, "cifar10"))
    (line,) = found.sentences
    assert line.startswith("The paper's own recipe is untuned: one learning rate, 0.1, for all models of CIFAR-10.")
    assert (found.figures, found.tables) == ((), ())


def test_the_untuned_study_names_its_tuned_twin():
    plain = measured({"resnet20": [89.0, 89.1], "resnet20-2": [90.0, 90.2]}, "cifar10")
    (line,) = learning_rates(plain, Answer(""), "CIFAR-10 · tuned learning rates").sentences
    assert line.endswith("for all models of CIFAR-10. CIFAR-10 · tuned learning rates has each model's own.")


def test_images_of_ones_own_have_no_line_on_the_papers_recipe():
    plain = measured({"resnet20": [89.0, 89.1]}, "digits")
    assert section_of(replace(plain, dataset="folder:flowers")) is None


@pytest.mark.parametrize("width", [80, 160])
def test_the_terminals_answer_has_one_line_on_rates_within_eight(tuned, width):
    lines = answer_lines(tuned, answer(Comparisons(tuned), tuned, QUESTION), width)
    assert len(lines) <= 8
    assert max(map(len, lines)) <= width
    assert sum(line.startswith("  tuned rates: another verdict than at 0.05") for line in lines) == 1


@pytest.mark.slow
def test_a_written_report_has_trials_in_no_table_of_runs(tmp_path):
    from harness.results.declared_tuning import declare_tuning

    root = tmp_path / "results"
    for model, rate in CHOSEN.items():
        for seed in (0, 1, 2):
            store(root, run_at(model, seed, accuracy=PLAIN[model][seed]))
            if rate != 0.05:
                store(root, run_at(model, seed, rate, TUNED[model][seed]))
        for one in trials(model, dict.fromkeys((0.02, 0.05, 0.1), 80.0)):
            store(root, one.result)
    declare_tuning(root, [declared(model, rate) for model, rate in CHOSEN.items()])
    built = build_report([root], tmp_path / "report")
    assert [one.title for one, _ in built.report.answers] == ["digits", "digits · tuned learning rates"]
    names = {path.name for path in built.report.tables}
    assert {"digits-tuned-learning-rates-learning-rates.csv", "digits-tuned-learning-rates.csv"} <= names
    for name in ("digits.csv", "digits-tuned-learning-rates.csv"):
        assert str(TRIAL_SEEDS[0]) not in (built.folder / "tables" / name).read_text()
    assert len(built.loaded.results_of_studies) == 9 + 3


def test_a_study_without_an_answer_shows_no_verdict_anywhere(tmp_path):
    """Reported seeds chose the rates: runs are listed, and nothing is compared, nor across studies."""
    from harness.results.declared_tuning import declare_tuning

    root, seeds = tmp_path / "results", TRIAL_SEEDS
    for epochs in (30, 60):
        for model, rate in dict.fromkeys(CHOSEN, 0.02).items():
            plain = run_at(model, 0).case
            recipe = plain.recipe.with_epochs(epochs)
            tuning = declared(model, rate)
            declare_tuning(root, [replace(tuning, plain=replace(plain, recipe=recipe, mode="shortened"))])
            for seed, accuracy in zip(seeds, TUNED[model], strict=True):
                changes = {"recipe": replace(recipe, learning_rate=rate), "mode": "shortened"}
                store(root, synthetic_result("digits", model, seed, accuracy, case_changes=changes))
    built = build_report([root], tmp_path / "report")
    assert len(built.report.answers) == 2
    assert all(one.headline.count("No answer: the learning rates were chosen on") for _, one in built.report.answers)
    assert {path.stem for path in built.report.tables} == {one.file_name for one, _ in built.report.answers}
    page = built.report.page.read_text()
    assert "No budget has a verdict: reported seeds chose the learning rates." in page
    assert 'id="across"' not in page


def test_a_damaged_declaration_is_left_out_by_name(tmp_path):
    store(tmp_path / "results", run_at("resnet20", 0))
    (tmp_path / "results/tuning.json").write_text("{")
    built = build_report([tmp_path / "results"], tmp_path / "report")
    assert any("tuning.json" in line and "delete it" in line for line in built.loaded.left_out)
    assert len(built.report.answers) == 1
