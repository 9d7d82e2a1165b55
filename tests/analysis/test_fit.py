"""The fit of a study, against least squares written out here with numpy."""

import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.analysis.fit import Contrast, StudyFit, _bartlett_p_value

IMAGES = 10_000
BALANCED = {
    "resnet20": {0: 90.1, 1: 90.5, 2: 89.8},
    "resnet56": {0: 91.2, 1: 91.1, 2: 90.9},
    "resnet20-2": {0: 92.0, 1: 92.4, 2: 92.5},
}
UNBALANCED = {
    "resnet20": {0: 90.1, 1: 90.5, 2: 89.8, 3: 90.0},
    "resnet56": {0: 91.2, 1: 91.1, 5: 91.4},
    "resnet20-2": {1: 92.4, 2: 92.5, 5: 92.0},
}


def reference(values, wide, deep):
    """Return difference, pooled standard error and degrees of freedom of a pair, by the normal equations."""
    models, seeds = sorted(values), sorted({seed for of_model in values.values() for seed in of_model})
    rows = [(model, seed, y) for model in models for seed, y in values[model].items()]
    design = np.array([[m == one for one in models] + [s == one for one in seeds[1:]] for m, s, _ in rows], float)
    y = np.array([row[2] for row in rows])
    parameters = np.linalg.lstsq(design, y, rcond=None)[0]
    df = len(y) - design.shape[1]
    variance = ((y - design @ parameters) ** 2).sum() / df
    contrast = np.array([(m == wide) - float(m == deep) for m in models] + [0.0] * (len(seeds) - 1))
    error = np.sqrt(variance * contrast @ np.linalg.inv(design.T @ design) @ contrast)
    return contrast @ parameters, error, df


def own_error(values, wide, deep):
    common = values[wide].keys() & values[deep].keys()
    return np.std([values[wide][seed] - values[deep][seed] for seed in common], ddof=1) / np.sqrt(len(common))


def pair(wide, deep):
    return {wide: 1.0, deep: -1.0}


def numbers(contrast):
    """Return a contrast's numbers, rounded; p-values of untested contrasts are None."""
    return [None if one is None else pytest.approx(one, rel=1e-6, abs=1e-9) for one in vars(contrast).values()]


@pytest.mark.parametrize("values", [BALANCED, UNBALANCED])
@pytest.mark.parametrize("models", [("resnet20-2", "resnet56"), ("resnet20-2", "resnet20"), ("resnet56", "resnet20")])
def test_contrast_is_least_squares_on_model_and_seed(values, models):
    contrast = StudyFit(values, IMAGES).contrast(pair(*models))
    estimate, error, df = reference(values, *models)
    assert contrast.estimate == pytest.approx(estimate)
    assert contrast.df == df
    assert contrast.standard_error == pytest.approx(max(error, own_error(values, *models)))
    t = estimate / contrast.standard_error
    assert contrast.p_value == pytest.approx(2 * stats.t.sf(abs(t), df))
    half = stats.t.ppf(0.975, df) * contrast.standard_error
    assert contrast.interval(0.05) == pytest.approx((estimate - half, estimate + half))


def test_two_models_with_the_same_seeds_have_the_paired_t_test():
    values = {name: BALANCED[name] for name in ("resnet20-2", "resnet56")}
    contrast = StudyFit(values, IMAGES).contrast(pair("resnet20-2", "resnet56"))
    expected = stats.ttest_rel(*(list(one.values()) for one in values.values()))
    assert contrast.df == 2
    assert contrast.p_value == pytest.approx(expected.pvalue)
    assert contrast.interval(0.05) == pytest.approx(tuple(expected.confidence_interval()))


def test_interpolated_contrast_has_at_least_welchs_error():
    calm = {f"resnet{depth}": {0: 90.0, 1: 90.1, 2: 90.05, 3: 90.15} for depth in (20, 32, 44, 56, 110)}
    values = calm | {"resnet20-2": {0: 90.0, 1: 90.3, 2: 90.1, 3: 90.2}}
    weights = {"resnet20-2": 1.0, "resnet56": -0.4, "resnet110": -0.6}
    contrast = StudyFit(values, IMAGES).contrast(weights)
    variances = {model: np.var(list(values[model].values()), ddof=1) / 4 for model in weights}
    welch = np.sqrt(sum(weight**2 * variances[model] for model, weight in weights.items()))
    assert contrast.standard_error == pytest.approx(welch)
    assert contrast.df == StudyFit(values, IMAGES).df


def test_pair_that_varies_more_than_the_others_has_its_own_error():
    calm = {f"resnet{depth}": {0: 90.0, 1: 90.1, 2: 90.05, 3: 90.15} for depth in (20, 32, 44, 56, 110)}
    values = calm | {"resnet20-2": {0: 90.0, 1: 90.4, 2: 90.1, 3: 90.2}}
    fit = StudyFit(values, IMAGES)
    assert fit.is_pooled
    pooled = reference(values, "resnet20-2", "resnet110")[1]
    own = own_error(values, "resnet20-2", "resnet110")
    assert own > 1.2 * pooled
    assert fit.contrast(pair("resnet20-2", "resnet110")).standard_error == pytest.approx(own)


def test_weighted_contrast_is_the_weighted_mean_of_the_estimates():
    fit = StudyFit(UNBALANCED, IMAGES)
    weights = {"resnet20-2": 1.0, "resnet20": -0.3, "resnet56": -0.7}
    estimate = fit.contrast(weights).estimate
    assert estimate == pytest.approx(sum(weight * fit.mean(model) for model, weight in weights.items()))
    parts = [fit.contrast(pair("resnet20-2", other)).estimate for other in ("resnet20", "resnet56")]
    assert estimate == pytest.approx(0.3 * parts[0] + 0.7 * parts[1])


def test_several_contrasts_are_those_of_one_at_a_time():
    fit = StudyFit(UNBALANCED, IMAGES)
    several = [pair("resnet20-2", "resnet56"), pair("resnet56", "resnet20"), {"resnet20": 1.0, "resnet56": -1.0}]
    several += [{"resnet20-2": 1.0, "resnet20": -0.3, "resnet56": -0.7}, pair("resnet20-2", "resnet20")]
    for one, alone in zip(fit.contrasts(several), map(fit.contrast, several), strict=True):
        assert vars(one) == pytest.approx(vars(alone))
    assert fit.contrasts([]) == []


@pytest.mark.parametrize(("runs", "df"), [({0: 90.0, 1: 90.3, 2: 90.1}, 4), ({0: 90.0, 1: 90.3}, 3)])
def test_degrees_of_freedom_are_models_less_one_times_seeds_less_one(runs, df):
    values = {"resnet20": BALANCED["resnet20"], "resnet56": BALANCED["resnet56"], "resnet20-2": runs}
    assert StudyFit(values, IMAGES).df == df


def test_memory_of_many_pairs_grows_with_their_number_alone():
    fit = StudyFit({str(model): {0: 90.0 + model / 7, 1: 90.1 + model / 8} for model in range(150)}, IMAGES)
    pairs = [{one: 1.0, other: -1.0} for one, other in combinations(fit.models, 2)]
    tracemalloc.start()
    try:
        assert len(fit.contrasts(pairs)) == 150 * 149 / 2
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_unbalanced_mean_is_adjusted_to_the_same_seeds():
    # seed 1 is the best one, and model 20-2 lacks it
    values = {"resnet20": {0: 90.0, 1: 92.0, 2: 90.01, 3: 91.0}, "resnet20-2": {0: 91.0, 2: 91.0, 3: 92.02}}
    fit = StudyFit(values, IMAGES)
    assert fit.mean("resnet20") == pytest.approx(np.mean([90.0, 92.0, 90.01, 91.0]))
    assert fit.mean("resnet20-2") - fit.mean("resnet20") == pytest.approx(np.mean([1.0, 0.99, 1.02]))


@pytest.mark.parametrize(
    ("seeds", "df"),
    [
        ([(0, 1), (1, 2), (2, 3)], 0),  # a chain: 6 runs, 3 models and 3 more seeds
        ([(2, 3), (0, 1), (1, 2)], 0),  # the same chain in another order
        ([(0, 1), (0, 1), (2, 3)], 3),  # the last model is apart: 6 runs, 3 models
        ([(0, 1, 2), (2, 3), (0, 3)], 1),  # 7 runs, 3 models and 3 more seeds
    ],
)
def test_seeds_count_if_they_link_all_models(seeds, df):
    generator = np.random.default_rng(0)
    values = {f"resnet{8 + 6 * k}": {seed: 90 + generator.normal() for seed in one} for k, one in enumerate(seeds)}
    assert StudyFit(values, IMAGES).df == df


def test_models_without_common_seeds_are_compared_without_seeds():
    values = {"resnet20": {0: 90.0, 1: 90.4}, "resnet56": {2: 91.0, 3: 91.2, 4: 91.4}}
    contrast = StudyFit(values, IMAGES).contrast(pair("resnet56", "resnet20"))
    expected = stats.ttest_ind([91.0, 91.2, 91.4], [90.0, 90.4])  # pooled, not paired
    assert contrast.df == 3
    assert contrast.estimate == pytest.approx(1.0)
    assert contrast.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize(
    "values",
    [
        {"resnet20": {0: 90.0, 1: 91.0}},
        {"resnet20": {0: 90.0}, "resnet56": {0: 91.0}, "resnet20-2": {0: 92.0}},
        {"resnet20": {0: 90.0}, "resnet56": {1: 91.0}, "resnet20-2": {2: 92.0}},
        {"resnet20": {0: 90.0, 1: 90.5}, "resnet56": {0: 91.0}, "resnet20-2": {1: 92.0}},
        {"resnet20": {0: 90.0, 1: 90.5, 2: 90.1}, "resnet56": {0: 91.0, 1: 91.5, 2: 91.1}},
        {"resnet20": {0: 100.0, 1: 100.0}, "resnet56": {0: 100.0, 1: 100.0}},
    ],
)
def test_values_without_spread_or_repeats_cannot_be_tested(values):
    assert not StudyFit(values, IMAGES).can_test
    if len(values) > 1:
        contrast = StudyFit(values, IMAGES).contrast(pair(*list(values)[:2]))
        assert (contrast.standard_error, contrast.t, contrast.p_value, contrast.interval(0.05)) == (
            None, None, None, (None, None)
        )  # fmt: skip


def test_models_with_one_run_each_are_not_tested_beside_others():
    values = BALANCED | {"resnet110": {0: 91.5}, "resnet20-4": {0: 93.0}}
    fit = StudyFit(values, IMAGES)
    one_run_each, mixed = fit.contrasts([pair("resnet20-4", "resnet110"), pair("resnet20-4", "resnet20")])
    assert one_run_each == Contrast(pytest.approx(1.5))
    assert mixed.p_value < 0.05
    assert mixed.standard_error > fit.contrast(pair("resnet20-2", "resnet20")).standard_error


def test_spread_below_the_rounding_of_images_is_not_believed():
    values = {"resnet20": {0: 90.0, 1: 90.0, 2: 90.0}, "resnet56": {0: 91.0, 1: 91.0, 2: 91.0 + 1e-4}}
    contrast = StudyFit(values, 100).contrast(pair("resnet56", "resnet20"))
    assert contrast.standard_error == pytest.approx(1 / np.sqrt(12) * np.sqrt(2 / 3))  # an image is 1 pp
    fine = StudyFit(values, 10**9).contrast(pair("resnet56", "resnet20"))
    assert fine.standard_error == pytest.approx(1e-4 / 3)


def spread_of(size, seeds=8):
    return {seed: 90.0 + size * one for seed, one in enumerate(np.linspace(-1, 1, seeds))}


def shuffled(values, seed):
    keys = list(values)
    return dict(zip(keys, np.random.default_rng(seed).permutation(list(values.values())).tolist(), strict=True))


def test_spreads_that_differ_by_more_than_three_use_welchs_test():
    values = {"resnet20": spread_of(0.1), "resnet56": shuffled(spread_of(0.5), 1), "resnet20-2": spread_of(0.11)}
    values["resnet56"] = {seed: value + 0.5 for seed, value in values["resnet56"].items()}
    fit = StudyFit(values, IMAGES)
    assert not fit.is_pooled
    contrast = fit.contrast(pair("resnet56", "resnet20"))
    samples = [list(values[model].values()) for model in ("resnet56", "resnet20")]
    expected = stats.ttest_ind(*samples, equal_var=False)
    assert contrast.p_value == pytest.approx(expected.pvalue)
    assert contrast.df == pytest.approx(expected.df)
    assert contrast.interval(0.05) == pytest.approx(tuple(expected.confidence_interval()))
    assert contrast.estimate == pytest.approx(fit.mean("resnet56") - fit.mean("resnet20"))


def test_ratio_of_spreads_up_to_three_is_pooled():
    values = {"resnet20": spread_of(0.1, 40), "resnet56": shuffled(spread_of(0.299, 40), 1)}
    assert StudyFit(values, IMAGES).is_pooled
    assert not StudyFit(values | {"resnet56": shuffled(spread_of(0.31, 40), 1)}, IMAGES).is_pooled


def test_ratio_of_spreads_by_chance_is_pooled():
    # of six models with three seeds each, the largest spread is often more than three times the smallest
    generator, welch = np.random.default_rng(0), 0
    for _ in range(100):
        drawn = 90 + 0.3 * generator.normal(size=(6, 3))
        values = {f"resnet{8 + 6 * row}": dict(enumerate(one.tolist())) for row, one in enumerate(drawn)}
        ratio = drawn.std(axis=1, ddof=1)
        welch += not StudyFit(values, IMAGES).is_pooled
        if ratio.max() <= 3 * ratio.min():
            assert StudyFit(values, IMAGES).is_pooled
    assert welch <= 10


def test_one_run_beside_unequal_spreads_is_not_tested():
    values = {"resnet20": spread_of(0.1), "resnet56": shuffled(spread_of(0.9), 1), "resnet20-2": {0: 91.0}}
    fit = StudyFit(values, IMAGES)
    assert not fit.is_pooled
    several = [pair("resnet20-2", "resnet56"), pair("resnet56", "resnet20")]
    assert [one.p_value is None for one in fit.contrasts(several)] == [True, False]


def test_correlation_is_that_of_the_estimates():
    fit = StudyFit(BALANCED, IMAGES)
    several = [pair("resnet20-2", "resnet56"), pair("resnet20-2", "resnet20"), pair("resnet56", "resnet20")]
    # differences of three independent means: they share one of two
    assert fit.correlation(several) == pytest.approx(np.array([[1, 0.5, -0.5], [0.5, 1, 0.5], [-0.5, 0.5, 1]]))


def test_correlation_of_welchs_contrasts_weighs_variances():
    values = {"resnet20": spread_of(0.1), "resnet56": shuffled(spread_of(0.5), 1), "resnet20-2": spread_of(0.1)}
    correlation = StudyFit(values, IMAGES).correlation([pair("resnet56", "resnet20"), pair("resnet56", "resnet20-2")])
    assert correlation[0, 1] == pytest.approx(0.25 / 0.26)  # the shared variance of both


def test_bartletts_test_is_scipys():
    generator = np.random.default_rng(3)
    samples = [generator.normal(size=n) * scale for n, scale in ((4, 1), (6, 4), (5, 2))]
    found = _bartlett_p_value(np.array([np.var(one, ddof=1) for one in samples]), np.array([3, 5, 4]))
    assert found == pytest.approx(stats.bartlett(*samples).pvalue)


def test_seeds_link_models_through_further_models_in_any_order():
    values = {"resnet20": {0: 89.0, 3: 89.2}, "resnet56": {0: 90.1, 2: 90.0}, "resnet20-2": {1: 91.0, 2: 91.2},
              "resnet110": {1: 90.5}}  # fmt: skip
    fit, backwards = StudyFit(values, IMAGES), StudyFit(dict(reversed(values.items())), IMAGES)
    assert fit.df == backwards.df == 0  # 7 runs, 4 models and 3 further seeds


VALUES = st.dictionaries(
    st.sampled_from(["resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4"]),
    st.dictionaries(st.integers(0, 4), st.integers(8900, 9300).map(lambda one: one / 100), min_size=1, max_size=5),
    min_size=2, max_size=5,
)  # fmt: skip


@given(VALUES, st.randoms())
@settings(deadline=None, max_examples=30)  # statsmodels is slow
def test_order_of_models_and_seeds_does_not_matter(values, random):
    fit, models = StudyFit(values, IMAGES), list(values)
    random.shuffle(models)
    mixed = StudyFit({model: dict(random.sample(list(values[model].items()), len(values[model]))) for model in models},
                      IMAGES)  # fmt: skip
    assert fit.can_test == mixed.can_test
    one, other = (found.contrast(pair(*sorted(values)[:2])) for found in (fit, mixed))
    assert numbers(one) == list(vars(other).values())


@given(VALUES, st.sampled_from([-60.0, 0.5, 5.0]))
@settings(deadline=None, max_examples=30)
def test_constant_added_to_all_accuracies_changes_no_difference(values, constant):
    moved = {model: {seed: value + constant for seed, value in runs.items()} for model, runs in values.items()}
    one, other = (StudyFit(found, IMAGES).contrast(pair(*sorted(values)[:2])) for found in (values, moved))
    assert numbers(one) == list(vars(other).values())


@given(VALUES)
@settings(deadline=None, max_examples=30)
def test_difference_of_adjusted_means_is_the_contrast(values):
    fit = StudyFit(values, IMAGES)
    wide, deep = sorted(values)[:2]
    contrast, other = fit.contrasts([pair(wide, deep), pair(deep, wide)])
    assert contrast.estimate == pytest.approx(fit.mean(wide) - fit.mean(deep), abs=1e-9)
    assert (other.estimate, other.p_value) == (pytest.approx(-contrast.estimate, abs=1e-9), contrast.p_value and
                                               pytest.approx(contrast.p_value))  # fmt: skip
