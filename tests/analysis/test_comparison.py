from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from harness.analysis.comparison import Comparisons, all_comparisons, compare, corrected
from harness.paper.published import STUDY_MODELS
from tests.analysis.synthetic_evidence import study

THREE = {"resnet20": [90.0, 90.4, 90.1], "resnet56": [91.0, 91.2, 91.5], "resnet20-2": [91.9, 92.5, 92.6]}


def test_models_are_compared_seed_by_seed():
    one = compare(study(THREE), "resnet56", "resnet20")
    expected = stats.ttest_rel(THREE["resnet56"], THREE["resnet20"])
    assert one.seeds == (0, 1, 2)
    assert one.difference.method == "paired t"
    assert one.p_holm == pytest.approx(expected.pvalue)
    assert one.difference.interval.low == pytest.approx(expected.confidence_interval().low)
    assert one.relative_percent == pytest.approx(100 * (91.2333333 / 90.1666667 - 1), rel=1e-5)


def test_only_seeds_of_both_models_are_compared():
    one = compare(study({"resnet20": {0: 90.0, 1: 91.0, 2: 80.0}, "resnet56": {5: 10.0, 1: 92.5, 0: 91.0}}),
                  "resnet56", "resnet20")  # fmt: skip
    assert one.seeds == (0, 1)
    assert one.difference.estimate == pytest.approx(1.25)
    assert one.relative_percent == pytest.approx(100 * 1.25 / 90.5)


def test_no_comparison_without_a_common_seed():
    evidence = study({"resnet20": {0: 90.0, 1: 91.0}, "resnet56": {2: 92.0, 3: 93.0}})
    assert compare(evidence, "resnet56", "resnet20") is None
    assert compare(evidence, "resnet56", "resnet110") is None
    assert Comparisons(evidence).of("resnet20", "resnet56") is None


def test_one_seed_with_predictions_is_compared_image_by_image():
    ours, theirs = np.arange(1000) < 950, np.arange(1000) < 930
    ours[:5] = False
    evidence = study({"resnet20": [93.0], "resnet56": [94.5]}, test_images=1000,
                     correct={("resnet20", 0): theirs, ("resnet56", 0): ours})  # fmt: skip
    one = compare(evidence, "resnet56", "resnet20")
    assert (one.difference.method, one.difference.n) == ("McNemar", 1000)
    assert one.p_holm == pytest.approx(stats.binomtest(5, 25).pvalue)
    assert one.difference.estimate == pytest.approx(1.5)
    assert one.difference.interval.low is None


@pytest.mark.parametrize("kept", [set(), {"resnet20"}, {"resnet56"}])
def test_one_seed_without_both_predictions_uses_two_proportions(kept):
    correct = {(model, 0): np.ones(1000, bool) if model in kept else None for model in ("resnet20", "resnet56")}
    one = compare(study({"resnet20": [93.0], "resnet56": [94.5]}, test_images=1000, correct=correct),
                  "resnet56", "resnet20")  # fmt: skip
    expected = stats.chi2_contingency([[945, 55], [930, 70]], correction=False).pvalue
    assert (one.difference.method, one.difference.n) == ("two proportions", 1000)
    assert one.p_holm == pytest.approx(expected)


def test_predictions_are_not_read_with_several_seeds():
    def fail(*_):
        raise AssertionError

    evidence = study(THREE, correct=type("Unread", (), {"__getitem__": fail})())
    assert compare(evidence, "resnet56", "resnet20").difference.method == "paired t"


def test_one_seed_of_another_measure_is_not_tested():
    one = compare(study({"resnet20": [93.0], "resnet56": [94.5]}), "resnet56", "resnet20", "epoch_seconds")
    assert (one.difference.method, one.p_holm, one.is_distinguishable) == ("none", None, False)
    assert one.difference.estimate == 36


def test_all_pairs_are_one_family_later_model_first():
    evidence = study(THREE)
    found = all_comparisons(evidence)
    assert [(one.model, one.other) for one in found] == [
        ("resnet56", "resnet20"), ("resnet20-2", "resnet20"), ("resnet20-2", "resnet56")
    ]  # fmt: skip
    raw = [stats.ttest_rel(THREE[one.model], THREE[one.other]).pvalue for one in found]
    assert [one.p_holm for one in found] == pytest.approx(list(multipletests(raw, method="holm")[1]))
    assert [one.difference.p_value for one in found] == pytest.approx(raw)


def test_six_models_give_fifteen_comparisons():
    generator = np.random.default_rng(0)
    evidence = study({model: list(90 + generator.normal(size=3)) for model in STUDY_MODELS["cifar10"]})
    found = Comparisons(evidence)
    assert len(found.all) == 15
    assert all(one.p_holm >= one.difference.p_value for one in found.all)
    assert all(found.of(*pair) is not None for pair in combinations(STUDY_MODELS["cifar10"], 2))


def test_comparison_is_found_in_either_order():
    found = Comparisons(study(THREE))
    one, other = found.of("resnet56", "resnet20"), found.of("resnet20", "resnet56")
    direct = compare(study(THREE), "resnet20", "resnet56")
    assert other.p_holm == one.p_holm
    assert other.difference.interval.low == pytest.approx(direct.difference.interval.low)
    assert other.difference.interval.high == pytest.approx(direct.difference.interval.high)
    assert other.difference.estimate == pytest.approx(direct.difference.estimate)
    assert other.relative_percent == pytest.approx(direct.relative_percent)
    assert (other.model, other.other) == ("resnet20", "resnet56")


@pytest.mark.parametrize(("base", "deeper"), [(0.0, 50.0), (50.0, 0.0), (0.0, 0.0), (100.0, 100.0), (100.0, 0.0)])
@pytest.mark.parametrize("seeds", [1, 2])
def test_accuracies_of_0_and_100_percent_compare_in_either_order(base, deeper, seeds):
    found = Comparisons(study({"resnet20": [base] * seeds, "resnet56": [deeper] * seeds}))
    for model, other, ours, theirs in (("resnet56", "resnet20", deeper, base), ("resnet20", "resnet56", base, deeper)):
        one = found.of(model, other)
        assert one.difference.estimate == pytest.approx(ours - theirs)
        assert one.relative_percent == pytest.approx(100 * (ours - theirs) / theirs if theirs else 0)


def test_better_means_significantly_above():
    clear = compare(study({"resnet20": [90.0, 90.1, 90.2], "resnet56": [92.0, 92.2, 92.1]}), "resnet56", "resnet20")
    unclear = compare(study({"resnet20": [90.0, 92.1], "resnet56": [92.0, 91.0]}), "resnet56", "resnet20")
    assert clear.is_better
    assert not unclear.is_better
    assert not unclear.is_distinguishable
    assert corrected([]) == []


def test_identical_models_do_not_differ_significantly():
    found = Comparisons(study({model: [90.0, 91.0, 92.0] for model in STUDY_MODELS["cifar10"]}))
    assert all(one.p_holm == 1 and not one.is_distinguishable for one in found.all)
    assert found.of("resnet20", "resnet20") is None
    assert Comparisons(study({"resnet20": [90.0]})).all == []
