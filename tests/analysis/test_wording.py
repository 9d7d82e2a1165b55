import pytest

from harness.analysis.stats import Difference, Interval, mean_interval, paired_difference
from harness.analysis.wording import difference_text, interval_text, significance_text, title_of


def test_mean_difference_has_interval_and_n():
    assert difference_text(Interval(0.28, -0.1, 0.66, 3, 0.95)) == "+0.28 pp [−0.10, +0.66], n = 3"


def test_one_seed_has_no_interval():
    assert difference_text(mean_interval([-0.28])) == "−0.28 pp"


def test_equal_seeds_are_reported_without_interval():
    assert difference_text(mean_interval([0.28, 0.28])) == "+0.28 pp, the same with all 2 seeds"


def test_ends_have_the_requested_digits():
    assert interval_text(Interval(1.0, 0.5, 1.5, 4, 0.95), 1) == " [0.5, 1.5], n = 4"


@pytest.mark.parametrize(
    ("method", "n", "text"),
    [
        ("McNemar", 10_000, "p = .044, McNemar on 10,000 images"),
        ("two proportions", 12_630, "p = .044, two proportions of 12,630 images, unpaired"),
        ("paired t", 3, "p = .044, paired t over 3 seeds"),
        ("sign test", 6, "p = .044, sign test over 6 seeds"),
    ],
)
def test_p_value_names_its_test(method, n, text):
    assert significance_text(Difference(mean_interval([0.1]), 0.5, n, method), 0.0442) == text


def test_untested_difference_says_nothing_to_test():
    assert significance_text(paired_difference([2.0], [1.0]), None) == "one seed, nothing to test"


def test_names_are_as_people_write_them():
    assert [title_of(name) for name in ("cifar10", "fashionmnist", "gtsrb")] == ["CIFAR-10", "FashionMNIST", "GTSRB"]
    assert title_of("folder:/x/photos") == "folder:/x/photos"
    assert [name for name in ("resnet20", "resnet20-4")] == ["20", "20-4"]
