from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from harness.analysis.comparison import Comparisons, image_note
from harness.analysis.evidence import published_evidence
from harness.paper.published import STUDY_MODELS
from tests.analysis.synthetic_evidence import study

THREE = {"resnet20": [90.0, 90.4, 90.1], "resnet56": [91.0, 91.2, 91.5], "resnet20-2": [91.9, 92.5, 92.6]}
SIX = STUDY_MODELS["cifar10"]
COUNTERPARTS = [("resnet20-2", "resnet56"), ("resnet20-4", "resnet110")]


def drawn(models=SIX, seeds=3, seed=0, spread=0.3):
    generator = np.random.default_rng(seed)
    return {model: (90 + spread * generator.normal(size=seeds)).tolist() for model in models}


def reference(values, pairs, alpha=0.05):
    """Return (difference, low, high, p corrected) of each pair: the primary test by numpy, scipy and statsmodels."""
    y = np.array(list(values.values()))  # (models, seeds)
    models, seeds = y.shape
    residuals = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    df = (models - 1) * (seeds - 1)
    pooled = np.sqrt((residuals**2).sum() / df * 2 / seeds)
    found = []
    for wide, deep in pairs:
        d = np.array(values[wide]) - values[deep]
        error = max(pooled, d.std(ddof=1) / np.sqrt(seeds))
        half = stats.t.ppf(1 - alpha / len(pairs) / 2, df) * error
        found.append((d.mean(), d.mean() - half, d.mean() + half, 2 * stats.t.sf(abs(d.mean()) / error, df)))
    corrected = multipletests([one[3] for one in found], method="holm")[1]
    return [(*one[:3], p_value) for one, p_value in zip(found, corrected, strict=True)]


def numbers(one):
    return one.estimate, one.interval.low, one.interval.high, one.p_value


@pytest.mark.parametrize(("seeds", "seed"), [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2), (6, 0), (6, 1), (6, 3)])
def test_primary_test_is_the_reference(seed, seeds):
    values = drawn(seeds=seeds, seed=seed)
    comparisons = Comparisons(study(values))
    assert comparisons.fit.is_pooled
    found = comparisons.counterparts
    assert [(one.model, one.other) for one in found] == COUNTERPARTS
    for one, expected in zip(found, reference(values, COUNTERPARTS), strict=True):
        assert numbers(one) == pytest.approx(expected)
        assert (one.family, one.family_size, one.interval.n) == ("counterparts", 2, seeds)
        assert one.interval.confidence == 0.975
        assert one.seeds == tuple(range(seeds))


def test_looks_of_sequential_seeds_have_their_own_level():
    values = drawn()
    for one, expected in zip(Comparisons(study(values), 0.0221).counterparts, reference(values, COUNTERPARTS, 0.0221),
                             strict=True):  # fmt: skip
        assert numbers(one) == pytest.approx(expected)
    marginal = study({"resnet20": [90.0, 90.1, 90.2], "resnet56": [90.4, 90.1, 90.3], "resnet20-2": [90.7, 90.8, 90.6]})
    (usual,), (strict,) = Comparisons(marginal).counterparts, Comparisons(marginal, 0.0221).counterparts
    assert 0.0221 < usual.p_value == strict.p_value < 0.05
    assert (usual.is_significant, strict.is_significant) == (True, False)


def test_every_other_pair_is_exploratory_later_model_first():
    values = drawn()
    comparisons = Comparisons(study(values))
    pairs = [(later, earlier) for earlier, later in combinations(SIX, 2) if (later, earlier) not in COUNTERPARTS]
    assert [(one.model, one.other) for one in comparisons.exploratory] == pairs
    assert [numbers(one) for one in comparisons.exploratory] == [
        pytest.approx(one) for one in reference(values, pairs)
    ]  # fmt: skip
    assert {(one.family, one.family_size) for one in comparisons.exploratory} == {("exploratory", 13)}
    assert comparisons.all == [*comparisons.counterparts, *comparisons.exploratory]
    assert all(comparisons.of(*pair) is not None for pair in combinations(SIX, 2))


def test_models_added_change_a_counterparts_p_through_the_spread_only():
    generator = np.random.default_rng(5)
    three = {model: drawn()[model] for model in ("resnet20", "resnet56", "resnet20-2")}
    more = {model: (91 + 0.3 * generator.normal(size=3)).tolist() for model in ("resnet20-8", "resnet110-8", "resnet8")}
    (before,), (after,) = (Comparisons(study(models)).counterparts for models in (three, three | more))
    assert (before.family_size, after.family_size) == (1, 1)
    assert after.estimate == pytest.approx(before.estimate)
    assert after.p_value == after.p_alone
    assert numbers(after) == pytest.approx(reference(three | more, [("resnet20-2", "resnet56")])[0])


def test_models_of_no_spread_of_their_own_change_no_p_value():
    # the added models differ from the study's mean by a constant: the spread is the same, with more degrees of freedom
    values = {"resnet20": [90.0, 90.4, 90.1], "resnet56": [91.0, 91.2, 91.5], "resnet20-2": [91.9, 92.5, 92.6]}
    mean = np.mean(list(values.values()), axis=0)
    (before,) = Comparisons(study(values)).counterparts
    (after,) = Comparisons(study(values | {"resnet8": (mean - 3).tolist()})).counterparts
    ratio = before.interval.width / after.interval.width
    errors = np.sqrt(6 / 4) * stats.t.ppf(0.975, 4) / stats.t.ppf(0.975, 6)  # or the pair's own error, if larger
    assert after.estimate == pytest.approx(before.estimate)
    assert 1 <= ratio <= errors + 1e-9


def test_seeds_need_not_be_the_same():
    values = {"resnet20": {0: 90.0, 1: 91.0, 2: 90.2}, "resnet56": {1: 92.0, 0: 91.1}, "resnet20-2": {2: 92.3, 1: 93.1}}
    comparisons = Comparisons(study(values))
    one = comparisons.of("resnet20-2", "resnet56")
    assert (one.seeds, one.interval.n) == ((1,), 1)
    assert one.interval.low < one.estimate < one.interval.high
    assert one.estimate == pytest.approx(comparisons.mean("resnet20-2") - comparisons.mean("resnet56"))
    assert one.relative_percent == pytest.approx(100 * one.estimate / comparisons.mean("resnet56"))


def test_models_without_a_common_seed_are_compared():
    evidence = study({"resnet20": {0: 90.0, 1: 91.0}, "resnet56": {2: 92.0, 3: 93.0, 4: 92.1}})
    one = Comparisons(evidence).of("resnet56", "resnet20")
    assert one.p_value == pytest.approx(stats.ttest_ind([92.0, 93.0, 92.1], [90.0, 91.0]).pvalue)
    assert (one.seeds, one.interval.n) == ((), 2)
    assert Comparisons(evidence).of("resnet56", "resnet110") is None


@pytest.mark.parametrize("same_seed", [True, False])
def test_one_run_each_has_no_p_value_and_no_interval(same_seed):
    runs = {model: {0 if same_seed else place: 90.0 + place} for place, model in enumerate(SIX)}
    comparisons = Comparisons(study(runs))
    assert comparisons.fit is None
    assert [one.estimate for one in comparisons.counterparts] == pytest.approx([2.0, 2.0])
    for one in comparisons.all:
        assert (one.p_value, one.p_alone, one.interval.low, one.interval.high) == (None,) * 4
        assert (one.is_significant, one.interval.n) == (False, 1)


def test_pair_of_one_run_each_is_no_part_of_its_family():
    values = drawn() | {"resnet110": [91.0], "resnet20-4": [93.0]}
    two, four = Comparisons(study(values)).counterparts
    assert (four.p_value, four.interval.low, four.is_significant) == (None, None, False)
    assert (two.family_size, two.p_value) == (1, two.p_alone)


def test_comparison_is_found_in_either_order():
    found = Comparisons(study(THREE))
    one, other = found.of("resnet56", "resnet20"), found.of("resnet20", "resnet56")
    assert (other.model, other.other, other.p_value, other.p_alone) == (
        "resnet20",
        "resnet56",
        one.p_value,
        one.p_alone,
    )
    assert (other.estimate, other.interval.low, other.interval.high) == (
        -one.estimate, -one.interval.high, -one.interval.low
    )  # fmt: skip
    assert other.relative_percent == pytest.approx(-100 * one.estimate / found.mean("resnet56"))
    assert one.is_better
    assert other.is_significant
    assert not other.is_better


@pytest.mark.parametrize(("base", "deeper"), [(0.0, 50.0), (50.0, 0.0), (0.0, 0.0), (100.0, 100.0), (100.0, 0.0)])
@pytest.mark.parametrize("seeds", [1, 2])
def test_accuracies_of_0_and_100_percent_compare_in_either_order(base, deeper, seeds):
    found = Comparisons(study({"resnet20": [base] * seeds, "resnet56": [deeper] * seeds}))
    for model, other, ours, theirs in (("resnet56", "resnet20", deeper, base), ("resnet20", "resnet56", base, deeper)):
        one = found.of(model, other)
        assert one.estimate == pytest.approx(ours - theirs)
        assert one.relative_percent == pytest.approx(100 * (ours - theirs) / theirs if theirs else 0)
        assert one.p_value is None


def test_identical_models_do_not_differ_significantly():
    found = Comparisons(study({model: [90.0, 91.0, 92.0] for model in SIX}))
    assert all(one.estimate == pytest.approx(0) and not one.is_significant for one in found.all)
    assert found.of("resnet20", "resnet20") is None


def test_tie_of_two_models_has_p_1():
    values = THREE | {"resnet56": THREE["resnet20-2"]}
    (one,) = Comparisons(study(values)).counterparts
    assert (one.estimate, one.p_value) == (pytest.approx(0, abs=1e-9), pytest.approx(1))


@pytest.mark.parametrize("models", [{}, {"resnet20": [90.0]}, {"resnet20": [90.0, 91.0]}])
def test_fewer_than_two_models_have_no_comparisons(models):
    assert Comparisons(study(models)).all == []
    assert Comparisons(study(models)).counterparts == []


def test_predictions_are_not_read_for_comparisons():
    def fail(*_):
        raise AssertionError

    correct = type("Unread", (), {"__getitem__": fail})()
    assert len(Comparisons(study(THREE, correct=correct)).all) == 3


def test_image_note_of_one_seed_is_mcnemars_test():
    ours, theirs = np.arange(1000) < 950, np.arange(1000) < 930
    ours[:5] = False
    evidence = study({"resnet20": [93.0], "resnet56": [94.5]}, test_images=1000,
                     correct={("resnet20", 0): theirs, ("resnet56", 0): ours})  # fmt: skip
    note = image_note(evidence, "resnet56", "resnet20")
    assert (note.method, note.n) == ("McNemar", 1000)
    assert note.p_value == pytest.approx(stats.binomtest(5, 25).pvalue)
    assert (note.estimate, note.interval.low) == (pytest.approx(1.5), None)


@pytest.mark.parametrize("kept", [set(), {"resnet20"}, {"resnet56"}])
def test_image_note_without_both_predictions_uses_two_proportions(kept):
    correct = {(model, 0): np.ones(1000, bool) if model in kept else None for model in ("resnet20", "resnet56")}
    evidence = study({"resnet20": [93.0], "resnet56": [94.5]}, test_images=1000, correct=correct)
    note = image_note(evidence, "resnet56", "resnet20")
    expected = stats.chi2_contingency([[945, 55], [930, 70]], correction=False).pvalue
    assert (note.method, note.n, note.p_value) == ("two proportions", 1000, pytest.approx(expected))


def test_image_note_needs_exactly_one_common_seed():
    assert image_note(study(THREE), "resnet56", "resnet20") is None
    apart = study({"resnet20": {0: 90.0}, "resnet56": {1: 91.0}})
    assert image_note(apart, "resnet56", "resnet20") is None
    assert image_note(published_evidence("cifar10"), "resnet56", "resnet20").method == "two proportions"


VALUES = st.dictionaries(
    st.sampled_from(SIX),
    st.dictionaries(st.integers(0, 3), st.sampled_from([90.0, 90.3, 90.5, 91.0, 93.0, 100.0]), min_size=1),
    min_size=2,
)


@given(VALUES)
@settings(deadline=None, max_examples=30)  # statsmodels is slow
def test_interval_that_excludes_0_has_a_p_value_below_alpha(values):
    for one in Comparisons(study(values)).all:
        if one.p_value is not None:
            assert one.p_alone <= one.p_value
            assert one.interval.low < one.estimate < one.interval.high
            if not one.interval.contains(0):
                assert one.p_value < 0.05
                assert one.is_significant


@given(VALUES, st.randoms())
@settings(deadline=None, max_examples=20)
def test_order_of_runs_does_not_change_a_comparison(values, random):
    models = list(values)
    random.shuffle(models)
    one, other = Comparisons(study(values)), Comparisons(study({model: values[model] for model in models}))
    for found, expected in zip(one.all, other.all, strict=True):
        assert (found.model, found.other, found.is_significant) == (
            expected.model, expected.other, expected.is_significant
        )  # fmt: skip
        assert found.estimate == pytest.approx(expected.estimate, abs=1e-9)
