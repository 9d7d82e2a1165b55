from dataclasses import replace
from pathlib import Path

import pytest

from harness.analysis.sequential import plan_looks
from harness.paper.published import STUDY_MODELS
from harness.report.page.card import card_view, certainty_text, headline_markup
from tests.analysis.budget_studies import USE
from tests.helpers.synthetic import synthetic_result
from tests.report.page.studies import LEVEL, WIDE_WINS, page_of, study_page
from tests.report.studies import ACCURACIES, build_report, evidence_of, store_study

BUDGETS = ["training time", "parameters", "MACs", "scale factor"]
ALL_SEEDS = "0,1,2,3,4,5,6,7"


def measured_once(models=tuple(ACCURACIES), **changes):
    """Return a study of synthetic results with one run each."""
    return evidence_of(*(synthetic_result(model=one, accuracy_percent=ACCURACIES[one], **changes) for one in models))


def test_headline_names_the_model_to_take_whatever_its_name():
    models = ["torchvision:resnet18", "torchvision:wide_resnet50_2", "net.1", "net"]
    for model in models:
        assert f"take <b>{model}</b>." in headline_markup(f"At every budget go wider: take {model}.", models)


MODELS = ["resnet20", "resnet20-2", "resnet20-4"]


def test_card_has_a_row_for_each_budget_with_the_model_to_take():
    card = card_view(study_page(WIDE_WINS))
    assert [row["budget"] for row in card["rows"]] == BUDGETS
    assert {row["kind"] for row in card["rows"]} == {"wide"}
    last = card["rows"][-1]
    assert (last["word"], last["take"], last["cost"], last["number"]) == ("wider", "resnet20-4", "×4", "+2.40")
    assert "of training" in last["costs"]
    assert last["p"].startswith("p ")
    assert "Holm over 2 pairs; alone" in last["p_note"]
    assert card["settle"] == card["command"] == ""


def test_measured_use_adds_its_budgets_with_their_costs():
    page = study_page(WIDE_WINS, use=USE)
    rows = card_view(page)["rows"]
    assert [row["budget"] for row in rows] == [*BUDGETS[:3], "latency", "throughput", BUDGETS[3]]
    assert [row["cost"] for row in rows[3:5]] == ["10.4 ms", "312 images/s"]
    assert rows[3]["costs"].endswith(", 10.4\N{NO-BREAK SPACE}ms latency, 143 images/s")
    lacking = study_page(WIDE_WINS, use=USE | {("resnet20", 0): (None, None)})
    reason = "1 of 15 runs were disturbed or not measured"
    assert [row["reason"] for row in card_view(lacking)["rows"]] == ["", "", "", reason, reason, ""]


def test_budget_without_a_verdict_has_a_row_with_the_reason():
    results = [
        synthetic_result(model=model, seed=seed, environment={"gpu": gpu})
        for model in ACCURACIES
        for seed, gpu in enumerate(("NVIDIA H200", None))
    ]
    rows = card_view(page_of(evidence_of(*results)))["rows"]
    assert [row["budget"] for row in rows] == BUDGETS
    assert rows[0]["reason"] == "times were measured under different conditions"
    assert not any(row["reason"] for row in rows[1:])


def test_one_axis_alone_has_one_reason_and_no_rows():
    card = card_view(study_page({model: LEVEL[model] for model in ("resnet20", "resnet56", "resnet110")}))
    assert card["rows"] == []
    assert card["reason"] == "no wider model here"
    assert card["certainty"].startswith("Trained as published: resnet20 ")  # what such a study can show


def test_one_run_each_is_cautioned_and_claims_no_certainty():
    card = card_view(page_of(measured_once()))
    assert card["cautions"][0].startswith("One run each")
    assert card["certainty"] == ""
    asked = [row for row in card["rows"] if not row["reason"]]
    assert {(row["kind"], row["p"], row["interval"]) for row in asked} == {("single", "no test", "no interval")}


def test_shortened_and_interim_studies_are_cautioned():
    page = study_page(LEVEL, plan=plan_looks((0, 1, 2, 3, 4)), mode="shortened", notes=("resnet20-8 did not fit.",))
    assert [caution.split(":")[0] for caution in card_view(page)["cautions"]][:3] == [
        "Shortened to 100 epochs", "Interim", "resnet20-8 did not fit."
    ]  # fmt: skip


def test_many_cautions_are_cut():
    cautions = card_view(study_page(LEVEL, notes=tuple(f"note {k}" for k in range(20))))["cautions"]
    assert len(cautions) == 9
    assert "more: see the notes of the tables" in cautions[-1]


def test_certainty_counts_decided_budgets_and_gives_the_largest_p():
    text = card_view(study_page(WIDE_WINS))["certainty"]
    assert text.startswith("How sure: every budget is decided at 95 % confidence by 3 seeds of each model; largest p")
    level = study_page(LEVEL)
    assert certainty_text(level.evidence, level.answer.verdicts, 0.0221).startswith("Not decided yet: with 3 seeds")
    assert certainty_text(level.evidence, (), 0.05) == ""


def test_models_of_one_run_beside_decided_budgets_are_counted():
    """With 1 to 3 seeds of the models, two budgets are decided: their seeds are not one, and they have a verdict."""
    accuracies = {"resnet20": WIDE_WINS["resnet20"], "resnet56": WIDE_WINS["resnet56"]}
    once = {"resnet110": (89.6,), "resnet20-2": WIDE_WINS["resnet20-2"], "resnet20-4": (93.0,)}
    card = card_view(study_page(accuracies | once))
    assert "by 1 to 3 seeds of each model" in card["certainty"]
    assert card["cautions"][0].startswith("One run each at equal scale factor: ")


def test_equality_is_shown_by_its_interval():
    level = {model: tuple(90 + 0.01 * k for k in range(5)) for model in WIDE_WINS}
    level["resnet20"] = (90.0, 90.02, 90.01, 90.03, 90.0)
    rows = card_view(study_page(level))["rows"]
    assert {row["word"] for row in rows} == {"equal within 0.5 pp"}
    assert all(row["equality"].startswith("90 %: ") for row in rows)


def test_headline_has_directions_in_colour_and_models_in_bold():
    markup = headline_markup("At equal MACs go wider: take resnet20-4. <b>", MODELS)
    assert markup == 'At equal MACs go <span class="wide">wider</span>: take <b>resnet20-4</b>. &lt;b&gt;'
    assert "<b>" not in headline_markup(
        "At equal MACs go wider: take a model between resnet20-2 and resnet20-4.", MODELS
    )


def test_command_trains_the_seeds_that_would_settle_it():
    results = [
        synthetic_result(model=model, accuracy_percent=95.0 + k, dataset="digits")
        for k, model in enumerate(STUDY_MODELS["digits"])
    ]
    whole = replace(evidence_of(*results), folder=Path("results"))
    assert card_view(page_of(whole))["command"] == f"pytest bench -k digits --full-training --seeds {ALL_SEEDS}"
    part = card_view(page_of(replace(measured_once(), folder=Path("/x/my runs"))))
    assert part["command"] == (
        'pytest bench -k "cifar10 and (resnet20-seed or resnet56-seed or resnet110-seed or resnet20-2-seed or '
        f"resnet20-4-seed)\" --full-training --seeds {ALL_SEEDS} --results-dir 'PATH/TO/my runs'"
    )


def test_command_does_not_mistake_another_folder_for_the_default_one():
    command = card_view(page_of(replace(measured_once(), folder=Path("/x/results"))))["command"]
    assert command.endswith(" --results-dir PATH/TO/results")
    command = card_view(page_of(replace(measured_once(), folder=Path.cwd() / "results")))["command"]
    assert "--results-dir" not in command


@pytest.mark.parametrize("changes", [{"mode": "shortened"}, {"dataset": "folder:/x/flowers"}, {"dataset": "gtsrb"}])
def test_no_command_is_given_for_what_bench_does_not_train(changes):
    card = card_view(page_of(replace(measured_once(), **changes)))
    assert card["settle"]
    assert card["command"] == ""


@pytest.mark.parametrize("is_tested", [False, True])
def test_page_explains_its_terms_and_p_only_beside_a_test(tmp_path, no_figures, is_tested):
    store_study(tmp_path / "results", seeds=(0,))
    if is_tested:
        other = {model: accuracy - 0.1 * place for place, (model, accuracy) in enumerate(ACCURACIES.items())}
        store_study(tmp_path / "results", seeds=(1,), accuracies=other)
    build_report([tmp_path / "results"], tmp_path / "report")
    text = (tmp_path / "report/index.html").read_text()
    assert "in percentage points (pp)" in text
    assert "MACs: multiply-accumulates of one image" in text
    assert ("p: how often luck alone" in text) is is_tested
