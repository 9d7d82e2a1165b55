import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.answer import advice, costs_text
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import published_evidence
from harness.analysis.thresholds import thresholds
from harness.analysis.true_gain import true_gains
from tests.analysis.answers import BASE, FOUR, HIGH, LOW, SAME_COST, WIDE, answered, pair
from tests.analysis.synthetic_evidence import numbers_in, study
from tests.helpers.synthetic import failed_result


@pytest.mark.parametrize(
    ("width", "depth", "headline"),
    [
        (HIGH, LOW, "At every budget go wider: take resnet20-2."),
        (LOW, HIGH, "At every budget go deeper: take resnet56."),
        (WIDE, LOW, "At every budget: no significant difference."),
        (LOW, WIDE, "At every budget: no significant difference."),
        ([90.1, 90.2, 90.15], LOW, "At every budget they are equal within 0.5 pp: take resnet20-2, which costs less."),
    ],
)  # fmt: skip
def test_headline_says_what_to_take_under_which_limit(width, depth, headline):
    sizes = {"resnet20": (1e6, 1e6), "resnet56": (3e6, 3e6), "resnet20-2": (3e6, 2.9e6)}
    found = answered(pair(width, depth, sizes=sizes, seconds=SAME_COST | {"resnet20-2": 19.9}))
    assert found.headline == headline


def test_headline_names_the_budgets_that_differ():
    # 20-4 wins at the equal scale factor, 110 at equal parameters and MACs
    accuracies = {"resnet20": 90.0, "resnet56": 91.0, "resnet110": 92.5, "resnet20-2": 90.5, "resnet20-4": 93.5}
    sizes = {"resnet20": (0.27e6, 4e7), "resnet56": (0.85e6, 12e7), "resnet110": (1.73e6, 25e7),
             "resnet20-2": (1.07e6, 16e7), "resnet20-4": (4.29e6, 64e7)}  # fmt: skip
    seconds = {model: dict.fromkeys(range(3)) for model in accuracies}
    noise = ([0.0, 0.1, 0.2], [0.2, 0.0, 0.1], [0.1, 0.2, 0.0])
    values = {model: [mean + one for one in noise[k % 3]] for k, (model, mean) in enumerate(accuracies.items())}
    evidence = study(values, sizes=sizes, seconds=seconds)
    assert answered(evidence).headline == (
        "At equal parameters and MACs go deeper: take resnet110. At equal scale factor go wider: take resnet20-4."
    )


def test_undecided_budgets_come_last_in_the_headline():
    accuracies = FOUR | {"resnet20": BASE, "resnet110": [92.0, 91.0, 93.4]}
    assert answered(study(accuracies)).headline.endswith(": no significant difference.")


def test_one_run_each_gives_no_answer():
    found = answered(pair([92.77], [92.0], [90.0]))
    assert found.headline == (
        "One run each: no answer. resnet20-2's run is 0.77 pp ahead; equally good models differ by as much in "
        "0.6 to 17 % of pairs."
    )
    assert found.settle.startswith("One run each detects nothing; 0.5 pp takes 7: 6 more, about ")
    assert {one.outcome for one in found.verdicts} == {"one run each"}
    text = " ".join([found.headline, found.settle, *map(advice, found.verdicts), *found.sentences])
    assert "p =" not in text
    assert "[" not in text


def test_one_run_each_at_an_interpolated_cost_names_the_side():
    evidence = study({"resnet20": [90.0], "resnet20-2": [91.0], "resnet110": [93.0]})
    assert answered(evidence).headline.startswith("One run each: no answer. The deeper models' runs are ")


def test_equally_accurate_runs_are_called_so():
    assert answered(pair([92.0], [92.0], [90.0])).headline == "One run each: no answer. The runs are equally accurate."


@pytest.mark.parametrize("dataset", ["cifar10", "fashionmnist", "gtsrb"])
def test_paper_has_one_run_each(dataset):
    found = answered(published_evidence(dataset))
    assert found.headline.startswith("One run each: no answer. ")
    assert len(found.verdicts) == 4


NO_AXIS = (
    "no model is a deeper or wider one of another. Give base='resnet20' and axes={'depth': […], 'width': […]} in the "
    "experiment mark"
)


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        ([], "there are no runs"),
        (["resnet20"], "no wider and deeper models of a common cost to compare"),
        (["resnet20", "resnet24"], NO_AXIS),
        (["resnet20", "resnet56-2"], NO_AXIS),
    ],
)
def test_models_without_an_axis_get_no_answer(models, reason):
    found = answered(study(dict.fromkeys(models, LOW)))
    assert found.headline == f"No answer: {reason}."
    assert (found.verdicts, found.settle, found.scope, found.sentences) == ((), "", "", ())


def test_models_without_a_verdict_are_shown_beside_the_paper():
    found = answered(study({"resnet20": [89.0, 89.2], "resnet24": LOW}))
    assert found.beside_paper == "Trained as published: resnet20 89.10 % (the paper 88.90 %, +0.20 pp)."
    assert answered(study({"resnet20": LOW}, is_trained_as_published=False)).beside_paper == ""
    assert answered(pair(HIGH, LOW)).beside_paper == ""  # the tables have it


@pytest.mark.parametrize("models", [["resnet20", "resnet56"], ["resnet20", "resnet20-2"]])
def test_one_axis_alone_gives_no_wider_or_deeper(models):
    found = answered(study({models[0]: LOW, models[1]: WIDE}))
    assert found.headline == "No answer: no wider and deeper models of a common cost to compare."
    assert any("is not shown to pay beyond resnet20." in sentence for sentence in found.sentences)


def test_study_without_a_complete_result_says_so():
    found = answered(replace(study({}), incomplete=(failed_result(), failed_result(seed=1))))
    assert found.headline == "No answer: no training completed."
    assert found.cautions == ("Left out: 2 results without an accuracy (diverged).",)


def test_advice_names_the_model_to_take():
    found = answered(study({"resnet20": BASE} | FOUR))
    assert advice(found.verdicts[-1]) == "Take resnet20-4."
    assert advice(found.verdicts[1]) == "Take resnet20-2."


def test_advice_without_a_safe_model_names_the_two_around_the_budget():
    # only both together reach depth's cost, and the cheaper of them is below depth
    accuracies = {"resnet20": BASE, "resnet110": [90.0, 90.2, 90.1], "resnet20-2": [89.0, 89.1, 89.3],
                  "resnet20-4": [95.0, 95.3, 95.1]}  # fmt: skip
    sizes = {"resnet20": (1e6, 1e6), "resnet110": (8e6, 8e6), "resnet20-2": (4e6, 4e6), "resnet20-4": (16e6, 16e6)}
    params = answered(study(accuracies, sizes=sizes)).verdicts[1]
    assert (params.budget, params.outcome, params.take) == ("params", "wider", None)
    assert advice(params) == "Take a model between resnet20-2 and resnet20-4."
    weights = {"resnet50": 0.5, "resnet101": 0.5}
    none = replace(params, wide=replace(params.wide, weights=weights, has_models_between=False))
    assert advice(none) == "There is no model between resnet50 and resnet101, which enclose the budget."


def test_advice_says_that_the_cheaper_side_is_no_worse():
    one = answered(pair([90.0, 90.5, 90.3], [90.2, 90.6, 90.75]), margin=0.35).verdicts[-1]
    assert (one.outcome, one.no_worse) == ("no significant difference", "deep")
    assert advice(one) == "The cheaper side, resnet56, is worse by no more than 0.35 pp."
    assert advice(replace(one, no_worse=None)) == ""


def test_costs_of_the_model_to_take():
    evidence = pair(HIGH, LOW, seconds=SAME_COST)
    (one, *_) = answered(evidence).verdicts
    assert costs_text(one, evidence) == "33m20s of training, 800.0k parameters, 80.00M MACs"
    (untaken, *_) = answered(pair(WIDE, LOW)).verdicts
    assert costs_text(untaken, evidence) == ""


def test_costs_without_times_have_no_time():
    evidence = pair(HIGH, LOW, seconds={"resnet20-2": dict.fromkeys(range(3))})
    assert costs_text(answered(evidence).verdicts[-1], evidence) == "800.0k parameters, 80.00M MACs"


@given(
    st.dictionaries(
        st.sampled_from(["resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4", "resnet56-2", "resnet24"]),
        st.dictionaries(st.integers(0, 3), st.sampled_from([0.0, 50.0, 90.0, 90.01, 91.0, 100.0]), min_size=1),
    ),
    st.sampled_from([{}, {"resnet20": 0.001}, {"resnet20": {}}]),
)
@settings(deadline=None, max_examples=30)  # statsmodels is slow
def test_answers_to_random_studies_have_finite_numbers(accuracies, seconds):
    evidence = study(accuracies, "folder:/x/photos", seconds, test_images=100)
    comparisons, found = Comparisons(evidence), answered(evidence)
    assert all(map(math.isfinite, numbers_in([comparisons.all, true_gains(comparisons), thresholds(comparisons)])))
    assert all(map(math.isfinite, numbers_in(list(found.verdicts))))
    texts = [found.headline, found.settle, found.scope, *found.cautions, *found.sentences]
    texts += [advice(one) + costs_text(one, evidence) for one in found.verdicts]
    assert not any(word in " ".join(texts).lower().replace("significan", "") for word in ("nan", "none", "inf "))
