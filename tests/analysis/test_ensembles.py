"""Ensembles of seeds against one larger model, with an error over seeds."""

from itertools import combinations

import numpy as np
import pytest
from scipy.special import softmax

from harness.analysis.ensembles import compare_ensembles, ensembles_of
from tests.analysis.predictions import answered, half_logits, predicted, random_logits
from tests.analysis.synthetic_evidence import study

SIZES = {"resnet20": (270_000, 40e6), "resnet20-2": (1_070_000, 161e6)}


def evidence(seeds, sizes=SIZES):
    return study(dict.fromkeys(sizes, [90.0] * seeds), sizes=sizes)


def simulated(generator, seeds, images=300):
    """Return the predictions of both models, and the accuracy of a pair of resnet20 with endless seeds."""
    labels, hard = generator.integers(0, 4, images), generator.normal(size=images)
    common = {"hard": hard, "own_of_model": generator.normal(size=images)}
    small = random_logits(generator, labels, seeds=seeds + 40, skill=0.8, noise=1.2, **common)
    large = random_logits(generator, labels, seeds=seeds + 40, skill=1.2, noise=0.2, hard=hard)
    truth = pairs_percent(small[seeds:], labels) - 100 * np.mean(large[seeds:].argmax(axis=2) == labels)
    return predicted("resnet20", small[:seeds], labels), predicted("resnet20-2", large[:seeds], labels), truth


def pairs_percent(logits, labels):
    probabilities = softmax(logits, axis=2)
    pairs = list(combinations(range(len(logits)), 2))[::7]
    return 100 * np.mean([(probabilities[a] + probabilities[b]).argmax(axis=1) == labels for a, b in pairs])


def compared(*models, **options):
    return compare_ensembles(evidence(len(models[0].seeds), **options), ensembles_of(models), models)


def test_accuracy_is_the_mean_over_all_ensembles_of_the_size():
    small, large, _ = simulated(np.random.default_rng(0), 4)
    found = {one.size: one for one in compared(small, large)}
    probabilities = softmax(np.stack([run.read_logits() for run in small.runs]).astype(np.float32), axis=2)
    triples = list(combinations(range(4), 3))
    expected = np.mean(
        [np.mean(probabilities[list(one)].mean(axis=0).argmax(axis=1) == small.labels) for one in triples]
    )
    assert found[3].ensemble_percent == pytest.approx(100 * expected)
    assert found[3].other_percent == pytest.approx(100 * large.is_correct.mean())
    assert (found[3].ensembles, found[4].ensembles, found[3].seeds) == (4, 1, (4, 4))


def test_size_is_the_largest_affordable_and_one_that_leaves_a_seed_out():
    small, large, _ = simulated(np.random.default_rng(0), 3)
    assert [(one.model, one.size, one.other) for one in compared(small, large)] == [
        ("resnet20", 2, "resnet20-2"), ("resnet20", 3, "resnet20-2"),
    ]  # fmt: skip
    dear = {"resnet20": (1, 1e6), "resnet20-2": (1, 1.9e6)}
    assert compared(small, large, sizes=dear) == []
    exact = {"resnet20": (1, 1e6), "resnet20-2": (3, 2e6)}
    (found,) = compared(small, large, sizes=exact)
    assert (found.size, found.cost_shares["macs"]) == (2, 1.0)
    assert found.cost_shares["params"] == pytest.approx(2 / 3)
    assert (
        compared(small, large, sizes={"resnet20": (1, 1e6), "resnet20-2": (1, 99e6)}) == []
    )  # all seeds are far cheaper


def test_intervals_are_wider_at_the_level_of_a_look():
    small, large, _ = simulated(np.random.default_rng(0), 3)
    (one, _), models = compared(small, large), (small, large)
    strict, _ = compare_ensembles(evidence(3), ensembles_of(models), models, 0.0221)
    assert (one.difference.confidence, strict.difference.confidence) == (0.95, pytest.approx(1 - 0.0221))
    assert strict.difference.low < one.difference.low


def test_an_ensemble_of_every_seed_has_no_interval_and_no_test():
    small, large, _ = simulated(np.random.default_rng(0), 3)
    pair, triple = compared(small, large)
    assert pair.difference.low < pair.difference.mean < pair.difference.high
    assert pair.p_holm == pair.p_value
    assert (triple.difference.low, triple.p_value, triple.p_holm) == (None, None, None)


def test_one_seed_of_the_larger_model_has_no_interval():
    small, large, _ = simulated(np.random.default_rng(0), 3)
    single = answered("resnet20-2", large.predictions[:1], large.labels)
    assert all(one.p_value is None for one in compared(small, single))


def test_models_without_logits_have_no_ensembles():
    small, large, _ = simulated(np.random.default_rng(0), 3)
    assert compared(answered("resnet20", small.predictions, small.labels), large) == []


def test_networks_that_agree_on_everything_have_no_interval():
    labels = np.array([0, 1, 2, 3])
    same = np.stack([5 * np.eye(4)] * 3)
    found = compared(predicted("resnet20", same, labels), predicted("resnet20-2", same, labels))
    assert [one.p_value for one in found] == [None, None]
    assert np.array_equal(half_logits(5 * np.eye(4)).argmax(axis=1), labels)


def coverage(seeds, studies, seed):
    generator = np.random.default_rng(seed)
    inside = []
    for _ in range(studies):
        small, large, truth = simulated(generator, seeds)
        exact = {"resnet20": (1, 1e6), "resnet20-2": (3, 2e6)}
        (found,) = compared(small, large, sizes=exact)
        inside.append(found.difference.contains(truth))
    return np.mean(inside)


@pytest.mark.parametrize("seeds", [3, 5])
def test_interval_covers_the_true_difference(seeds):
    assert coverage(seeds, 60, 1) >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / 60)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
def test_interval_covers_the_true_difference_in_many_studies(seeds):
    assert coverage(seeds, 1_000, 2) >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / 1_000)
