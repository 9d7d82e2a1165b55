"""What an answer rests on: open verdicts, scope, thresholds, cautions, looks."""

from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.answer import Question
from harness.analysis.sequential import plan_looks
from tests.analysis.answers import ASSUMED, BASE, FOUR, HIGH, LOW, WIDE, answered, pair
from tests.analysis.synthetic_evidence import grouped, measured, study
from tests.helpers.synthetic import disturbed, failed_result, synthetic_result


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
         "Spreads between seeds differ by a factor over 3: tests are Welch's."),
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


def test_answer_decided_between_looks_is_interim():
    """An interrupted session leaves two seeds, or a part of a round: that is no declared look."""
    two = pair(HIGH[:2], LOW[:2], BASE[:2])
    assert {one.outcome for one in answered(two, plan=PLAN).verdicts} == {"wider"}
    assert answered(two, plan=PLAN).headline.startswith("Interim, 2 of 5 seeds: At ")
    in_a_round = pair([*HIGH, 92.0], LOW)
    assert answered(in_a_round, plan=PLAN).headline.startswith("Interim, 4 of 5 seeds: At ")


def test_seed_without_an_accuracy_counts_as_looked_at():
    evidence = pair([*WIDE, 91.0], [*LOW, 90.1], [*BASE, 88.1])
    failed, not_planned = (replace(evidence, incomplete=(failed_result(seed=seed),)) for seed in (4, 7))
    assert answered(evidence, plan=PLAN).interim == "interim, 4 of 5 seeds"
    assert answered(evidence).interim == ""
    assert answered(failed, plan=PLAN).interim == ""
    assert answered(not_planned, plan=PLAN).interim == "interim, 4 of 5 seeds"


def test_looks_are_tested_at_their_level():
    assert Question(ASSUMED).alpha == 0.05
    assert Question(ASSUMED, plan=PLAN).alpha == PLAN.level < 0.0222
    assert answered(pair(HIGH, LOW), plan=PLAN).verdicts[0].interval.confidence == pytest.approx(1 - PLAN.level)


@pytest.mark.parametrize(
    ("slowdown", "epochs", "is_much"),
    [(2.0, range(1, 101), True), (1.1, range(1, 301), True), (2.0, (7,), False), (2.0, (), False)],
)
def test_times_that_disturbances_lengthened_much_are_a_caution(slowdown, epochs, is_much):
    results = [synthetic_result(model=model, seed=seed) for model in ("resnet20", "resnet56") for seed in range(2)]
    busy = [disturbed(one, epochs, slowdown) if one.seed else one for one in results]
    (evidence,) = grouped(*busy)
    sentence = "Disturbances lengthened the training time of 2 of 4 runs by more than 5 %: times are uncertain."
    assert answered(evidence).cautions.count(sentence) == is_much
