import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.answer import (
    Question,
    advice,
    answer,
    costs_text,
    is_interim,
    verdict_sentence,
)
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import published_evidence
from harness.analysis.power import Spread
from harness.analysis.sequential import plan_looks
from harness.analysis.true_gain import thresholds, true_gains
from tests.analysis.synthetic_evidence import grouped, measured, numbers_in, study
from tests.helpers.synthetic import failed_result, synthetic_result

ASSUMED = Spread(0.3, False)
BASE, LOW, HIGH, WIDE = [88.0, 88.3, 88.1], [90.0, 90.1, 90.2], [92.0, 92.2, 92.1], [89.0, 94.0, 90.5]
FOUR = {"resnet56": LOW, "resnet110": [90.6, 90.4, 90.5], "resnet20-2": HIGH, "resnet20-4": [93.0, 93.3, 93.1]}
SAME_COST = {"resnet20": 10.0, "resnet56": 20.0, "resnet20-2": 20.0}


def answered(evidence, **conditions):
    question = Question(ASSUMED, **conditions)
    return answer(Comparisons(evidence, question.alpha), evidence, question)


def pair(width, depth, base=BASE, **changes):
    return study({"resnet20": list(base), "resnet56": depth, "resnet20-2": width}, **changes)


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
        "One run each: no answer. resnet20-2's run is 0.77 pp ahead; models that are equal differ by as much in "
        "0.6 to 17 % of pairs."
    )
    assert found.settle.startswith("One run each detects nothing; 0.5 pp takes 7: 6 more, about ")
    assert {one.outcome for one in found.verdicts} == {"one run each"}
    text = " ".join([found.headline, found.settle, *map(verdict_sentence, found.verdicts), *found.sentences])
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


@pytest.mark.parametrize("models", [[], ["resnet20"], ["resnet20", "resnet24"], ["resnet20", "resnet56-2"]])
def test_models_without_an_axis_get_no_answer(models):
    found = answered(study(dict.fromkeys(models, LOW)))
    reason = "no wider and deeper models of a common cost to compare" if models else "there are no runs"
    assert found.headline == f"No answer: {reason}."
    assert (found.verdicts, found.settle, found.scope, found.sentences) == ((), "", "", ())


@pytest.mark.parametrize("models", [["resnet20", "resnet56"], ["resnet20", "resnet20-2"]])
def test_one_axis_alone_gives_no_wider_or_deeper(models):
    found = answered(study({models[0]: LOW, models[1]: WIDE}))
    assert found.headline == "No answer: no wider and deeper models of a common cost to compare."
    assert any("is not shown to pay beyond resnet20." in sentence for sentence in found.sentences)


def test_study_without_a_complete_result_says_so():
    found = answered(replace(study({}), incomplete=(failed_result(), failed_result(seed=1))))
    assert found.headline == "No answer: no training completed."
    assert found.cautions == ("Left out: 2 results without an accuracy (diverged).",)


def test_sentence_of_a_verdict_has_its_numbers_and_advice():
    found = answered(study({"resnet20": BASE} | FOUR))
    scale = found.verdicts[-1]
    assert verdict_sentence(scale).startswith("At equal scale factor (×4): wider, wider − deeper +2.63 pp [+")
    assert verdict_sentence(scale).endswith("n = 3, p < .001 (Holm over 2 pairs; alone < .001). Take resnet20-4.")
    assert ", p < .001 (joint over 4 budgets; alone < .001). Take resnet20-2." in verdict_sentence(found.verdicts[1])
    open_verdict = answered(pair(WIDE, LOW)).verdicts[-1]
    assert verdict_sentence(open_verdict).startswith("At equal scale factor (×2): no significant difference, wider − ")


def test_advice_without_a_safe_model_names_the_two_around_the_budget():
    # only both together reach depth's cost, and the cheaper of them is below depth
    accuracies = {"resnet20": BASE, "resnet110": [90.0, 90.2, 90.1], "resnet20-2": [89.0, 89.1, 89.3],
                  "resnet20-4": [95.0, 95.3, 95.1]}  # fmt: skip
    sizes = {"resnet20": (1e6, 1e6), "resnet110": (8e6, 8e6), "resnet20-2": (4e6, 4e6), "resnet20-4": (16e6, 16e6)}
    params = answered(study(accuracies, sizes=sizes)).verdicts[1]
    assert (params.budget, params.outcome, params.take) == ("params", "wider", None)
    assert advice(params) == "Take a model between resnet20-2 and resnet20-4."


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


def test_open_verdict_says_what_would_settle_it():
    found = answered(pair(WIDE, LOW))
    assert found.settle.startswith("3 seeds can detect 0.92 pp; 0.5 pp takes 7: 4 more, about ")
    assert answered(pair(HIGH, LOW)).settle == ""
    no_times = {model: dict.fromkeys(range(3)) for model in ("resnet20", "resnet56", "resnet20-2")}
    assert "0.5 pp takes 7: 4 more (80 % power" in answered(pair(WIDE, LOW, seconds=no_times)).settle


def test_unequal_seeds_are_counted_as_the_most_with_a_condition():
    evidence = study({"resnet20": BASE, "resnet56": [90.0, 91.9], "resnet20-2": [90.3, 91.0, 89.0]})
    assert answered(evidence).settle.startswith("If every model had 3 seeds: 3 seeds can detect 0.92 pp; ")


def test_budgets_of_one_run_models_stay_open_beside_decided_ones():
    accuracies = {"resnet20": BASE, **FOUR, "resnet110": [90.6], "resnet20-4": [93.0]}
    found = answered(study(accuracies))
    assert found.headline.endswith("At equal scale factor: one run each, no answer.")
    assert verdict_sentence(found.verdicts[-1]) == "At equal scale factor (×4): one run each, wider − deeper +2.40 pp."
    assert found.settle.startswith("If every model had 3 seeds: ")


def test_scope_is_these_test_images():
    assert answered(pair(HIGH, LOW)).scope == "On these 10,000 test images."


def test_scope_has_the_error_for_new_images_with_five_seeds():
    generator = np.random.default_rng(0)
    models = ("resnet20", "resnet56", "resnet20-2")
    correct = {(model, seed): generator.random(500) < 0.9 for model in models for seed in range(5)}
    accuracies = {model: [100 * correct[model, seed].mean() for seed in range(5)] for model in models}
    scope = answered(study(accuracies, correct=correct, test_images=500)).scope
    assert scope.startswith("On these 500 test images; for new images too, the standard error of the difference at "
                            "equal scale factor is ")  # fmt: skip
    assert scope.endswith(" pp.")


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ([92.0, 92.1, 92.2], "Width pays up to resnet20-2, the last model measured."),
        ([88.2, 88.9, 88.0], "Width is not shown to pay beyond resnet20."),
        (
            [80.0, 80.1, 80.3],
            "Width is not shown to pay beyond resnet20; the step to resnet20-2 is a loss: overwidened.",
        ),
    ],
)
def test_axis_pays_up_to_the_first_model_that_no_later_one_is_above(step, sentence):
    assert sentence in answered(study({"resnet20": BASE, "resnet20-2": step})).sentences


def test_one_run_each_leaves_thresholds_open():
    sentences = answered(pair([92.0], [91.0], [90.0])).sentences
    assert sentences == ("Depth: nothing can be tested, so it is open where it stops paying.",
                         "Width: nothing can be tested, so it is open where it stops paying.")  # fmt: skip


@pytest.mark.parametrize(
    ("width", "sentence"),
    [
        ([92.0, 92.1, 92.2], "Worth their training time: resnet56 and resnet20-2, each significantly above the next "
                             "cheaper one on the front."),
        ([89.0, 89.1, 89.2], "Worth its training time: resnet56, significantly above the next cheaper one on the "
                             "front."),
    ],
)  # fmt: skip
def test_models_are_worth_their_time_if_above_the_next_cheaper(width, sentence):
    evidence = pair(width, LOW, seconds={"resnet20": 1.0, "resnet56": 2.0, "resnet20-2": 3.0})
    assert sentence in answered(evidence).sentences


def test_front_without_a_significant_step_counts_its_seeds():
    evidence = study({"resnet20": [90.0, 90.4, 90.2], "resnet56": [90.1, 90.6, 90.1]})
    assert answered(evidence).sentences[-1] == (
        "No model is shown to be worth its training time; on the front: resnet56 in 2 of 3 seeds."
    )


def test_results_without_an_accuracy_are_reported_as_left_out():
    results = [synthetic_result(), synthetic_result(model="resnet56"), failed_result(seed=1),
               failed_result("out_of_memory", seed=2)]  # fmt: skip
    (evidence,) = grouped(*results)
    assert answered(evidence).cautions == (
        "Left out: 2 results without an accuracy (diverged, out of memory); means of their models are over the seeds "
        "that completed.",
    )


def test_times_of_different_hardware_are_reported_as_not_compared():
    results = [synthetic_result(model=model, seed=seed, accuracy_percent=90 + 0.1 * seed + k,
                                environment={"cpu": "Intel Xeon"} if k else None)
               for k, model in enumerate(("resnet20", "resnet56")) for seed in range(2)]  # fmt: skip
    (evidence,) = grouped(*results)
    found = answered(evidence)
    assert any(
        one.startswith("Times are not compared: AMD EPYC, 2 threads, torch 2.15.0; Intel") for one in found.cautions
    )
    assert "training time" not in " ".join(found.sentences)


@pytest.mark.parametrize(
    ("accuracies", "caution"),
    [
        ({"resnet20": [100.0] * 3, "resnet56": [100.0] * 3, "resnet20-2": [100.0] * 3},
         "Nothing can be tested: the differences between models are the same in every seed."),
        ({"resnet20": [90.0, 90.1], "resnet56": [91.0], "resnet20-2": [92.0]},
         "Nothing can be tested: too few models have several runs."),
        ({"resnet20": np.linspace(90, 90.2, 8).tolist(), "resnet56": np.linspace(92, 90, 8).tolist(),
          "resnet20-2": np.linspace(91, 91.2, 8).tolist()},
         "The models' spreads between seeds differ by more than a factor of 3: tests are Welch's."),
    ],
)  # fmt: skip
def test_unusual_tests_are_a_caution(accuracies, caution):
    assert answered(study(accuracies)).cautions == (caution,)
    assert answered(pair(HIGH, LOW)).cautions == ()


def test_notes_of_the_question_are_cautions():
    notes = ("3 cases did not fit into 2h: seed 2 is missing.",)
    assert answered(pair(HIGH, LOW), notes=notes).cautions == notes


@pytest.mark.parametrize(("mode", "start"), [("full", ""), ("shortened", "Shortened to 300 epochs: "), ("quick", "")])
def test_headline_of_a_shortened_study_says_so(mode, start):
    accuracies = {"resnet20": [88.0, 88.3], "resnet56": [90.0, 90.1], "resnet20-2": [92.0, 92.4]}
    found = answered(measured(accuracies, mode=mode))
    assert found.headline == (
        f"{start}At equal parameters and MACs go wider: take a model between resnet20 and resnet20-2. At equal scale "
        "factor go wider: take resnet20-2."
    )


PLAN = plan_looks((0, 1, 2, 3, 4))


def test_open_answer_before_the_last_look_is_interim():
    assert answered(pair(WIDE, LOW), plan=PLAN).headline == (
        "Interim, 3 of 5 seeds: At every budget: no significant difference."
    )
    assert not answered(pair(WIDE, LOW)).headline.startswith("Interim")
    assert answered(pair(HIGH, LOW), plan=PLAN).headline.startswith("At ")  # decided early: the rest is skipped
    five = pair([*WIDE, 91.0, 90.0], [*LOW, 90.1, 90.2], [*BASE, 88.1, 88.2])
    assert not answered(five, plan=PLAN).headline.startswith("Interim")


def test_seed_without_an_accuracy_counts_as_looked_at():
    evidence = pair([*WIDE, 91.0], [*LOW, 90.1], [*BASE, 88.1])
    verdicts = answered(evidence, plan=PLAN).verdicts
    assert is_interim(evidence, verdicts, PLAN)
    assert not is_interim(evidence, verdicts, None)
    assert not is_interim(replace(evidence, incomplete=(failed_result(seed=4),)), verdicts, PLAN)
    assert is_interim(replace(evidence, incomplete=(failed_result(seed=7),)), verdicts, PLAN)  # not planned


def test_looks_are_tested_at_their_level():
    assert Question(ASSUMED).alpha == 0.05
    assert Question(ASSUMED, plan=PLAN).alpha == PLAN.level < 0.0222
    assert answered(pair(HIGH, LOW), plan=PLAN).verdicts[0].interval.confidence == pytest.approx(1 - PLAN.level)


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
    texts += [verdict_sentence(one) + costs_text(one, evidence) for one in found.verdicts]
    assert not any(word in " ".join(texts).lower().replace("significan", "") for word in ("nan", "none", "inf "))
