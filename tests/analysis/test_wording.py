import pytest

from harness.analysis.budgets import budget_verdicts
from harness.analysis.comparison import Comparisons
from harness.analysis.stats import Difference, Interval, mean_interval
from harness.analysis.wording import (
    comparison_p_text,
    corrected_p_text,
    cost_text,
    difference_text,
    image_note_text,
    interval_text,
    outcome_text,
    percent_text,
)
from harness.config.datasets import title_of
from tests.analysis.synthetic_evidence import study


def test_mean_difference_has_interval_and_n():
    assert difference_text(Interval(0.28, -0.1, 0.66, 3, 0.95)) == "+0.28 pp [−0.10, +0.66], n = 3"


def test_one_seed_has_no_interval():
    assert difference_text(mean_interval([-0.28])) == "−0.28 pp"


def test_one_common_seed_keeps_the_interval_of_the_fit():
    assert difference_text(Interval(1.0, 0.2, 1.8, 1, 0.95)) == "+1.00 pp [+0.20, +1.80], n = 1"


def test_equal_seeds_are_reported_without_interval():
    assert difference_text(mean_interval([0.28, 0.28])) == "+0.28 pp, nothing to test with, n = 2"


def test_ends_have_the_requested_digits():
    assert interval_text(Interval(1.0, 0.5, 1.5, 4, 0.95), 1) == " [0.5, 1.5], n = 4"


@pytest.mark.parametrize(
    ("method", "n", "text"),
    [
        ("McNemar", 10_000, "McNemar on 10,000 images: p = .044, without the spread between seeds"),
        ("two proportions", 12_630, "two proportions of 12,630 images: p = .044, without the spread between seeds"),
    ],
)
def test_image_note_names_its_test(method, n, text):
    assert image_note_text(Difference(mean_interval([0.1]), 0.0442, n, method)) == text


@pytest.mark.parametrize(
    ("p_corrected", "p_alone", "correction", "text"),
    [
        (0.021, 0.0104, "Holm over 2 pairs", "p = .021 (Holm over 2 pairs; alone .010)"),
        (0.0009, 0.0002, "Holm over 2 pairs", "p < .001 (Holm over 2 pairs; alone < .001)"),
        (0.021, 0.021, "", "p = .021"),
        (None, None, "", ""),
    ],
)
def test_corrected_p_value_names_its_correction(p_corrected, p_alone, correction, text):
    assert corrected_p_text(p_corrected, p_alone, correction) == text


THREE = {"resnet20": [90.0, 90.4, 90.1], "resnet56": [91.0, 91.2, 91.5], "resnet20-2": [91.3, 91.5, 91.4]}


def test_p_value_of_a_pair_says_whether_it_is_exploratory():
    comparisons = Comparisons(study(THREE))
    assert "(" not in comparison_p_text(comparisons.of("resnet20-2", "resnet56"))  # one pair needs no correction
    assert "(exploratory, Holm over 2 pairs; alone " in comparison_p_text(comparisons.of("resnet56", "resnet20"))
    four = Comparisons(study(THREE | {"resnet110": [91.9, 92.2, 92.0], "resnet20-4": [92.3, 92.9, 92.8]}))
    assert "(Holm over 2 pairs; alone " in comparison_p_text(four.of("resnet20-4", "resnet110"))
    one_run = Comparisons(study({model: values[:1] for model, values in THREE.items()}))
    assert {comparison_p_text(one) for one in one_run.all} == {""}


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        ((0.00648, 0.173), "0.6 to 17 %"),
        ((0.031,), "3.1 %"),
        ((0.0002, 0.5), "under 0.1 to 50 %"),
        ((0.00001, 0.0002), "under 0.1 %"),
        ((0.999, 1.0), "100 %"),
    ],
)
def test_chances_are_given_in_percent(shares, text):
    assert percent_text(shares) == text


@pytest.mark.parametrize(
    ("measure", "cost", "text"),
    [("total_seconds", 34.2, "34s"), ("params", 1_727_962, "1.73M"), ("macs", 4e7, "40.00M"),
     ("scale_factor", 4.0, "×4"), ("scale_factor", 1.5, "×1.5")],
)  # fmt: skip
def test_costs_have_their_unit(measure, cost, text):
    assert cost_text(measure, cost) == text


def test_equal_verdict_names_its_margin():
    verdicts = budget_verdicts(
        study({model: [90.0, 90.02, 90.01 + k / 100] for k, model in enumerate(THREE)}), margin=1
    )
    assert {outcome_text(one.outcome, one.margin) for one in verdicts} == {"equal within 1 pp"}


def test_datasets_have_their_usual_spelling():
    assert [title_of(name) for name in ("cifar10", "fashionmnist", "gtsrb")] == ["CIFAR-10", "FashionMNIST", "GTSRB"]
    assert title_of("folder:/x/photos") == "photos"
