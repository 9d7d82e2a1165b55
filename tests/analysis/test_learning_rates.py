"""The choice of a learning rate: by held-out images alone, ties, divergence, missing trials, the range's edge."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.learning_rates import ModelTrials, Trial, trial_of, tried_rates
from tests.analysis.tuned import RATES, TRIAL_SEEDS, diverged_at, run_at, trial_at


def model_trials(accuracies, seeds=TRIAL_SEEDS, chosen=None):
    """Return a model's trials; ``accuracies``: of each seed by rate, None if it diverged."""
    outcomes = [
        Trial(rate, seed, value, 10)
        for rate, values in accuracies.items()
        for seed, value in zip(seeds, values, strict=False)
    ]
    return ModelTrials("resnet8", 0.05, tried_rates(outcomes, sorted(accuracies)), seeds, chosen)


def test_the_highest_mean_over_seeds_is_best():
    assert model_trials({0.02: (90, 90, 90), 0.05: (99, 80, 80), 0.1: (91, 91, 91)}).best == 0.1


def test_of_equal_means_the_smallest_rate_is_best():
    found = model_trials({0.02: (80, 90, 91), 0.05: (91, 90, 80), 0.1: (90.1, 90.1, 80.8)})
    assert found.best == 0.02


def test_a_diverged_trial_counts_as_a_guess():
    found = model_trials({0.02: (30, 30, 30), 0.1: (None, 60, None)})
    assert found.tried[1].accuracies == {TRIAL_SEEDS[0]: 10.0, TRIAL_SEEDS[1]: 60, TRIAL_SEEDS[2]: 10.0}
    assert (found.tried[1].diverged, found.best) == (2, 0.02)


def test_if_all_trials_diverged_the_smallest_rate_is_best():
    assert model_trials({0.02: (None,) * 3, 0.1: (None,) * 3}).best == 0.02


def test_a_rate_with_missing_trials_is_not_chosen():
    assert model_trials({0.02: (60, 60, 60), 0.1: (99, 99)}).best == 0.02
    assert model_trials({0.02: (60, 60), 0.1: (99,)}).best is None
    assert model_trials({0.02: (), 0.1: ()}).best is None


@pytest.mark.parametrize(("chosen", "edge"), [(0.02, "lowest"), (0.05, None), (0.1, "highest"), (None, None)])
def test_a_rate_at_the_end_of_the_range_is_flagged(chosen, edge):
    assert model_trials(dict.fromkeys(RATES, (90, 90, 90)), chosen=chosen).edge == edge


@given(st.lists(st.tuples(*[st.floats(0, 100) | st.none()] * 3), min_size=2, max_size=6))
def test_the_best_rate_has_a_mean_that_no_other_exceeds(values):
    found = model_trials(dict(zip((0.01 * 2**place for place in range(6)), values, strict=False)))
    means = {one.rate: one.mean.mean for one in found.tried}
    assert means[found.best] >= max(means.values()) - 1e-5
    assert not any(rate < found.best and round(mean, 6) > round(means[found.best], 6) for rate, mean in means.items())


def test_an_outcome_is_the_last_accuracy_on_held_out_images():
    result = trial_at("resnet8", TRIAL_SEEDS[0], 0.02, test_accuracy=99.0)
    assert trial_of(result, (50.0, 61.5)) == Trial(0.02, TRIAL_SEEDS[0], 61.5, 10)
    assert trial_of(diverged_at("resnet8", TRIAL_SEEDS[0], 0.02), ()) == Trial(0.02, TRIAL_SEEDS[0], None)


def test_a_trial_without_held_out_images_has_no_outcome():
    assert trial_of(run_at("resnet8", TRIAL_SEEDS[0], 0.02), (50.0, 61.5)) is None
    assert trial_of(trial_at("resnet8", TRIAL_SEEDS[0], 0.02), ()) is None
    failed = replace(diverged_at("resnet8", TRIAL_SEEDS[0], 0.02), status="out_of_memory")
    assert trial_of(failed, (50.0,)) is None


@pytest.mark.parametrize("are_disjoint", [True, False])
def test_seeds_apart_keep_reported_accuracies_unbiased(are_disjoint):
    """Rates that are equal in truth: the chosen one's accuracy on the seeds that chose it is too high by 0.5 pp."""
    random, gains = np.random.default_rng(0), []
    for _ in range(1000):
        noise = random.normal(90, 1, (len(RATES), 3))
        best = model_trials(dict(zip(RATES, map(tuple, noise), strict=True))).best
        reported = random.normal(90, 1, 3) if are_disjoint else noise[RATES.index(best)]
        gains.append(reported.mean() - 90)
    assert np.mean(gains) == pytest.approx(0.0 if are_disjoint else 0.85 / 3**0.5, abs=0.05)
