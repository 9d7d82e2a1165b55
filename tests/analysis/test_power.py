from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.analysis.power import (
    ASSUMED_SPREAD_POINTS,
    MAX_SEEDS,
    Spread,
    detectable_points,
    power_of,
    power_sentence,
    seed_spread,
    seed_spreads,
    seeds_needed,
    spread_key,
)
from tests.analysis.synthetic_evidence import measured, study

ASSUMED = Spread(0.3, False)


@pytest.mark.parametrize(("spread", "seeds"), [(0.2, [10, 4, 2]), (0.3, [20, 8, 3]), (0.4, [35, 13, 4])])
def test_seeds_of_six_models_and_two_pairs(spread, seeds):
    assert [seeds_needed(points, 6, 2, spread) for points in (0.3, 0.5, 1.0)] == seeds


@pytest.mark.parametrize(("points", "seeds", "models", "pairs"), [(1.0, 3, 6, 2), (0.5, 5, 6, 2), (4.9, 2, 2, 1)])
def test_power_is_the_share_of_simulated_tests(points, seeds, models, pairs):
    generator, df = np.random.default_rng(0), (models - 1) * (seeds - 1)
    estimates = points + 0.3 * np.sqrt(2 / seeds) * generator.normal(size=200_000)
    errors = 0.3 * np.sqrt(2 / seeds) * np.sqrt(generator.chisquare(df, size=200_000) / df)
    share = np.mean(estimates / errors > stats.t.isf(0.025 / pairs, df))
    assert power_of(points, seeds, models, pairs, 0.3) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(("models", "seeds"), [(6, 1), (2, 1), (1, 3)])
def test_nothing_is_detected_without_degrees_of_freedom(models, seeds):
    assert power_of(50.0, seeds, models, 1, 0.3) == 0
    assert detectable_points(seeds, models, 1, 0.3) is None


@given(st.integers(2, 30), st.integers(2, 8), st.integers(1, 3), st.sampled_from([1e-6, 0.05, 0.3, 3.0, 40.0]))
@settings(deadline=None, max_examples=25)
def test_detectable_difference_has_the_power_and_a_smaller_one_less(seeds, models, pairs, spread):
    points = detectable_points(seeds, models, pairs, spread)
    assert power_of(points + 2e-3, seeds, models, pairs, spread) >= 0.8
    assert power_of(points - 2e-3, seeds, models, pairs, spread) <= 0.8
    assert power_of(points, seeds + 1, models, pairs, spread) >= power_of(points, seeds, models, pairs, spread)


def test_seeds_needed_are_the_first_with_the_power():
    for points, spread in ((0.5, 0.3), (0.2, 0.4), (3.0, 0.3)):
        needed = seeds_needed(points, 6, 2, spread)
        assert power_of(points, needed, 6, 2, spread) >= 0.8
        assert needed == 2 or power_of(points, needed - 1, 6, 2, spread) < 0.8
    assert seeds_needed(0.01, 6, 2, 50.0) == MAX_SEEDS


def test_two_models_with_two_seeds_detect_little():
    # t(.975, 1) = 12.7: a difference of sixteen standard errors of 0.3 pp
    assert detectable_points(2, 2, 1, 0.3) == pytest.approx(4.89, abs=0.02)
    assert power_sentence(2, 2, 1, ASSUMED, None) == (
        "2 seeds can detect 4.9 pp; 0.5 pp takes 8: 6 more (80 % power, assumed spread between seeds 0.30 pp)."
    )


@pytest.mark.parametrize(
    ("seeds", "spread", "seconds", "sentence"),
    [
        (3, ASSUMED, 3600.0, "3 seeds can detect 0.87 pp; 0.5 pp takes 8: 5 more, about 5h00m here (80 % power, "),
        (1, ASSUMED, None, "One run each detects nothing; 0.5 pp takes 8: 7 more (80 % power, "),
        (3, Spread(0.1, True), 60.0, "3 seeds can detect 0.29 pp (80 % power, "),
        (3, Spread(60.0, True), 60.0, "3 seeds can detect 173 pp; 0.5 pp takes thousands (80 % power, "),
    ],
)
def test_power_sentence_says_what_seeds_detect_and_cost(seeds, spread, seconds, sentence):
    assert power_sentence(seeds, 6, 2, spread, seconds) == f"{sentence}{spread.text})."


def test_spread_says_whether_it_is_measured():
    assert ASSUMED.text == "assumed spread between seeds 0.30 pp"
    assert Spread(0.214, True).text == "measured spread between seeds 0.21 pp"


def test_spread_is_pooled_over_studies():
    # residuals of two models are half their seeds' differences: 0.1 and 0.4 pp apart, with df 1 and 2
    one = study({"resnet20": [90.0, 90.2], "resnet56": [91.0, 91.4]})
    two = study({"resnet20": [90.0, 90.4, 90.2], "resnet20-2": [91.0, 91.0, 91.0]})
    single = study({"resnet20": [90.0], "resnet56": [10.0]})
    squares = [np.var([-0.1, 0.1]) / 1 * 1, 0.5 * np.var([-0.2, 0.2, 0.0], ddof=1) * 2 / 2 * 1]
    assert seed_spread([one]) == Spread(pytest.approx(np.sqrt(squares[0])), True)
    pooled = np.sqrt((1 * squares[0] + 2 * squares[1]) / 3)
    assert seed_spread([one, two, single]) == Spread(pytest.approx(pooled), True)


def test_unlike_studies_have_spreads_of_their_own():
    one, two = study({"resnet20": [90.0, 90.2], "resnet56": [91.0, 91.4]}), study({"resnet20": [90.0]})
    other = study({"resnet20": [10.0, 90.0], "resnet56": [90.0, 10.0]})
    unlike = [replace(other, dataset="gtsrb"), replace(other, epochs=30), replace(other, mode="shortened")]
    tuned = replace(other, untuned=one)
    found = seed_spreads([one, two, *unlike, tuned])
    assert found[spread_key(one)] == seed_spread([one])
    assert len(found) == 4
    small = measured({"resnet20": [80.0, 90.0]}, case_changes={"train_fraction": 0.1})
    assert spread_key(small) == ("cifar10", "full", small.epochs, 0.1)


def test_spread_of_unequal_designs_is_the_residual_of_the_fit():
    generator = np.random.default_rng(0)
    models = {f"resnet{depth}": 60 for depth in (20, 56, 110)} | {"resnet20-2": 30, "resnet20-4": 1}
    drawn = {model: (90 + 0.3 * generator.normal(size=n)).tolist() for model, n in models.items()}
    assert seed_spread([study(drawn)]).points == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("found", [[], [study({"resnet20": [90.0], "resnet56": [91.0]})], [study({})]])
def test_spread_is_assumed_without_several_seeds(found):
    assert seed_spread(found) == Spread(ASSUMED_SPREAD_POINTS, False) == ASSUMED
