"""Ensembles of seeds against one larger model, with an error over seeds."""

from itertools import combinations

import numpy as np
import pytest
from scipy.special import softmax

from tests.analysis.predictions import answered, half_logits, predicted
from tests.analysis.simulated_topics import count_covered, ensembles_against, predicted_pair
from tests.helpers.marks import slow_first


def test_accuracy_is_the_mean_over_all_ensembles_of_the_size():
    small, large, _ = predicted_pair(np.random.default_rng(0), 4)
    found = {one.size: one for one in ensembles_against(small, large)}
    probabilities = softmax(np.stack([run.read_logits() for run in small.runs]).astype(np.float32), axis=2)
    triples = list(combinations(range(4), 3))
    expected = np.mean(
        [np.mean(probabilities[list(one)].mean(axis=0).argmax(axis=1) == small.labels) for one in triples]
    )
    assert found[3].ensemble_percent == pytest.approx(100 * expected)
    assert found[3].other_percent == pytest.approx(100 * large.is_correct.mean())
    assert (found[3].ensembles, found[4].ensembles, found[3].seeds) == (4, 1, (4, 4))


def test_size_is_the_largest_affordable_and_one_that_leaves_a_seed_out():
    small, large, _ = predicted_pair(np.random.default_rng(0), 3)
    assert [(one.model, one.size, one.other) for one in ensembles_against(small, large)] == [
        ("resnet20", 2, "resnet20-2"), ("resnet20", 3, "resnet20-2"),
    ]  # fmt: skip
    dear = {"resnet20": (1, 1e6), "resnet20-2": (1, 1.9e6)}
    assert ensembles_against(small, large, sizes=dear) == []
    exact = {"resnet20": (1, 1e6), "resnet20-2": (3, 2e6)}
    (found,) = ensembles_against(small, large, sizes=exact)
    assert (found.size, found.cost_shares["macs"]) == (2, 1.0)
    assert found.cost_shares["params"] == pytest.approx(2 / 3)
    assert (
        ensembles_against(small, large, sizes={"resnet20": (1, 1e6), "resnet20-2": (1, 99e6)}) == []
    )  # all seeds are far cheaper


def test_intervals_are_wider_at_the_level_of_a_look():
    small, large, _ = predicted_pair(np.random.default_rng(0), 3)
    one, _ = ensembles_against(small, large)
    strict, _ = ensembles_against(small, large, alpha=0.0221)
    assert (one.difference.confidence, strict.difference.confidence) == (0.95, pytest.approx(1 - 0.0221))
    assert strict.difference.low < one.difference.low


def test_an_ensemble_of_every_seed_has_no_interval_and_no_test():
    small, large, _ = predicted_pair(np.random.default_rng(0), 3)
    pair, triple = ensembles_against(small, large)
    assert pair.difference.low < pair.difference.mean < pair.difference.high
    assert pair.p_holm == pair.p_value
    assert (triple.difference.low, triple.p_value, triple.p_holm) == (None, None, None)


def test_one_seed_of_the_larger_model_has_no_interval():
    small, large, _ = predicted_pair(np.random.default_rng(0), 3)
    single = answered("resnet20-2", large.predictions[:1], large.labels)
    assert all(one.p_value is None for one in ensembles_against(small, single))


def test_models_without_logits_have_no_ensembles():
    small, large, _ = predicted_pair(np.random.default_rng(0), 3)
    assert ensembles_against(answered("resnet20", small.predictions, small.labels), large) == []


def test_networks_that_agree_on_everything_have_no_interval():
    labels = np.array([0, 1, 2, 3])
    same = np.stack([5 * np.eye(4)] * 3)
    found = ensembles_against(predicted("resnet20", same, labels), predicted("resnet20-2", same, labels))
    assert [one.p_value for one in found] == [None, None]
    assert np.array_equal(half_logits(5 * np.eye(4)).argmax(axis=1), labels)


@pytest.mark.parametrize("seeds", [3, 5])
def test_interval_covers_the_true_difference(seeds):
    assert count_covered(seeds, 0, 60)["covered"] >= 54


@pytest.mark.parametrize("seeds", slow_first(3, 5))
def test_interval_covers_the_true_difference_in_many_studies(seeds):
    assert count_covered(seeds, 0, 1_000)["covered"] >= 937
