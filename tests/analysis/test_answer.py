import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.answer import answer
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import published_evidence
from harness.analysis.true_gain import thresholds, true_gains
from tests.analysis.synthetic_evidence import grouped, measured, numbers_in, study
from tests.helpers.synthetic import failed_result, synthetic_result

LOW, HIGH, WIDE = [90.0, 90.1, 90.2], [92.0, 92.2, 92.1], [89.0, 94.0, 90.5]


def answered(evidence):
    return answer(evidence, Comparisons(evidence))


def pair(width, depth, base=(88.0, 88.3, 88.1)):
    return study({"resnet20": list(base), "resnet56": depth, "resnet20-2": width})


@pytest.mark.parametrize(
    ("width", "depth", "headline"),
    [
        (HIGH, LOW, "CIFAR-10: wider"),
        (LOW, HIGH, "CIFAR-10: deeper"),
        (WIDE, LOW, "CIFAR-10: no significant difference (wider is ahead)"),
        (LOW, WIDE, "CIFAR-10: no significant difference (deeper is ahead)"),
        (LOW, LOW, "CIFAR-10: no significant difference"),
    ],
)
def test_headline_names_the_better_choice(width, depth, headline):
    assert answered(pair(width, depth)).headline == headline


def test_headline_says_it_depends_when_counterparts_disagree():
    evidence = study({"resnet20": [88.0, 88.3, 88.1, 88.2], "resnet56": [90.0, 90.1, 90.2, 90.05],
                      "resnet110": [92.0, 92.2, 92.1, 92.15], "resnet20-2": [92.0, 92.2, 92.1, 92.15],
                      "resnet20-4": [90.0, 90.1, 90.2, 90.05]})  # fmt: skip
    assert answered(evidence).headline == "CIFAR-10: it depends: wider pays at 20-2, deeper at 110"


def test_answers_on_the_papers_figures():
    assert answered(published_evidence("gtsrb")).headline.endswith("deeper (one seed)")
    result = answered(published_evidence("fashionmnist"))
    assert result.headline.endswith("no significant difference (wider is ahead; one seed)")
    assert any("One seed compares these trained networks" in sentence for sentence in result.sentences)


@pytest.mark.parametrize("models", [[], ["resnet20"], ["resnet20", "resnet24"], ["resnet20", "resnet56-2"]])
def test_models_without_an_axis_get_no_answer(models):
    result = answered(study(dict.fromkeys(models, LOW)))
    assert result.headline == "CIFAR-10: no two models that differ in depth or width alone"
    assert all(sentence.startswith(("With", "One seed")) for sentence in result.sentences)  # only cautions


@pytest.mark.parametrize("models", [["resnet20", "resnet56"], ["resnet20", "resnet20-2"]])
def test_one_axis_alone_gives_no_wider_or_deeper(models):
    result = answered(study(dict.fromkeys(models, LOW)))
    assert result.headline == "CIFAR-10: no wider and deeper model at an equal scale factor to compare"
    assert any("is not shown to pay beyond" in sentence for sentence in result.sentences)


def test_models_at_different_scale_factors_are_not_compared():
    result = answered(study({"resnet20": LOW, "resnet20-2": LOW, "resnet110": HIGH}))
    assert result.headline == "CIFAR-10: no wider and deeper model at an equal scale factor to compare"


def cautions(evidence):
    return " ".join(answered(evidence).sentences)


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ([92.0, 92.1, 92.2], "Width: every step up to 20-2 pays."),
        ([88.2, 88.9, 88.0], "Width is not shown to pay beyond 20: the step to 20-2, +0.23 pp [−0.64, +1.11], n = 3, "
         "is not significant."),
        ([88.0, 88.1, 88.2], "Width is not shown to pay beyond 20: the step to 20-2, −0.03 pp [−0.41, +0.35], n = 3, "
         "is not significant."),
        ([80.0, 80.1, 80.3], "Width stops paying at 20-2: the step from 20, −8.00 pp [−8.50, −7.50], n = 3, is a loss; "
         "overwidened."),
    ],
)  # fmt: skip
def test_axis_stops_paying_only_at_a_significant_loss(step, sentence):
    evidence = study({"resnet20": [88.0, 88.3, 88.1], "resnet20-2": step})
    assert sentence in answered(evidence).sentences


def test_answer_states_the_number_of_seeds():
    assert "One seed compares these trained networks" in cautions(pair([92.0], [90.0], [88.0]))
    assert "With 3 seeds per comparison" in cautions(pair(HIGH, LOW))
    assert "per comparison" not in cautions(pair(HIGH * 2, LOW * 2, [88.0] * 6))
    one_in_common = study({"resnet20": {0: 88.0, 1: 88.1, 2: 88.2}, "resnet56": {2: 90.0, 3: 90.1, 4: 90.2}})
    assert "One seed compares these trained networks" in cautions(one_in_common)


def test_answer_counts_comparisons_with_one_seed():
    seeds = {0: 88.0, 1: 88.1, 2: 88.2}
    mixed = study({"resnet20": seeds, "resnet56": seeds, "resnet20-2": {2: 90.0, 3: 90.1, 4: 90.2}})
    assert "2 of 3 comparisons are of one seed. One seed compares" in cautions(mixed)
    assert "With 3 seeds per comparison" in cautions(mixed)


def test_study_without_a_complete_result_says_so():
    result = answered(replace(study({}), incomplete=(failed_result(), failed_result(seed=1))))
    assert result.headline == "CIFAR-10: no training completed"
    assert result.sentences == ("Left out: 2 results without an accuracy (diverged).",)


def test_equal_cost_sentence_has_a_p_value_or_says_nothing_to_test():
    accuracies = {"resnet20": [88.0, 88.3], "resnet56": [89.0, 89.1], "resnet20-2": [90.0, 90.4]}
    count_noun, one = (answered(study({name: of[:n] for name, of in accuracies.items()})).sentences for n in (2, 1))
    (count_noun,), (one,) = ([s for s in all_of if s.startswith("At the parameters")] for all_of in (count_noun, one))
    assert re.search(r"n = 2, no significant difference \(p = [.\d]+, paired t over 2 seeds\)\.$", count_noun)
    assert one.endswith(" pp (one seed, nothing to test).")


def test_no_seed_caution_without_a_comparison():
    strangers = study({"resnet20": {0: 88.0, 1: 88.1}, "resnet56": {2: 90.0, 3: 90.1}})
    for evidence in (strangers, study({"resnet20": [88.0, 88.1]}), study({})):
        assert "per comparison" not in cautions(evidence)
        assert "One seed" not in cautions(evidence)


def test_study_without_axes_still_lists_results_left_out():
    evidence = replace(study({"resnet20": [88.0]}), incomplete=(failed_result(),))
    assert "Left out: 1 result without an accuracy (diverged)" in cautions(evidence)


def test_pairs_without_a_common_seed_are_reported():
    evidence = study({"resnet20": {0: 88.0, 1: 88.1}, "resnet56": {0: 90.0, 1: 90.1}, "resnet20-2": {2: 92.0, 3: 92.1}})
    assert "Not compared: 2 pairs of models that have no seed in common." in answered(evidence).sentences
    assert "Not compared" not in cautions(pair(HIGH, LOW))


def test_results_without_an_accuracy_are_reported_as_left_out():
    results = [synthetic_result(), synthetic_result(model="resnet56"), failed_result(seed=1),
               failed_result("out_of_memory", seed=2)]  # fmt: skip
    (evidence,) = grouped(*results)
    assert "Left out: 2 results without an accuracy (diverged, out of memory)" in cautions(evidence)


def test_times_of_different_hardware_are_reported_as_not_compared():
    results = [synthetic_result(), synthetic_result(model="resnet56", environment={"cpu": "Intel Xeon"})]
    (evidence,) = grouped(*results)
    text = cautions(evidence)
    assert "Times are not compared: AMD EPYC, 2 threads, torch 2.15.0; Intel Xeon" in text
    assert "Worth their MACs" in text
    assert "training time" not in text


@pytest.mark.parametrize(
    ("mode", "title"), [("full", "CIFAR-10"), ("shortened", "CIFAR-10 · shortened (300 epochs)"), ("quick", "CIFAR-10")]
)
def test_every_mode_is_answered_and_shortened_is_marked(mode, title):
    evidence = measured({"resnet20": [88.0], "resnet56": [90.0], "resnet20-2": [92.0]}, mode=mode)
    assert answered(evidence).headline == f"{title}: wider (one seed)"


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
    comparisons, result = Comparisons(evidence), answered(evidence)
    found = [comparisons.all, true_gains(evidence, comparisons), thresholds(evidence, comparisons)]
    assert all(map(math.isfinite, numbers_in(found)))
    assert "nan" not in " ".join([result.headline, *result.sentences]).lower()
