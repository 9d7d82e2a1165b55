"""Disagreement between models and between seeds, corrected for the number of errors."""

import numpy as np
import pytest

from harness.analysis.disagreement import disagreements, error_consistencies
from tests.analysis.predictions import answered, predicted, random_logits

LABELS = np.zeros(8, dtype=np.int64)
PAIR = [("resnet20-4", "resnet110")]


def test_disagreement_counts_different_classes_not_errors():
    one = answered("resnet20-4", [[0, 0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 1, 2]], LABELS)
    other = answered("resnet110", [[0, 0, 0, 0, 0, 0, 0, 2]], LABELS)
    (found,) = disagreements([one, other], PAIR)
    assert found.between.disagreement_percent == pytest.approx(100 * (2 / 8 + 1 / 8) / 2)
    assert found.within[0].disagreement_percent == pytest.approx(100 / 8)
    assert (found.within[1], found.between.pairs, found.seeds) == (None, 2, (2, 1))
    assert found.p_value is found.p_holm is found.excess is None  # one seed of the other


def test_error_consistency_is_1_for_the_same_and_0_for_independent_errors():
    generator = np.random.default_rng(0)
    one, independent = generator.random((2, 100_000)) < 0.9
    kappa = error_consistencies(np.array([one, one, independent]))
    assert kappa[0, 1] == 1
    assert kappa[0, 2] == pytest.approx(0, abs=0.02)


def test_more_errors_alone_do_not_make_errors_inconsistent():
    generator = np.random.default_rng(1)
    disagreement, consistency = [], []
    for share in (0.95, 0.7):
        one, two = generator.random((2, 100_000)) < share
        disagreement.append((one != two).mean())
        consistency.append(error_consistencies(np.array([one, two]))[0, 1])
    assert disagreement[1] > 3 * disagreement[0]
    assert consistency == pytest.approx([0, 0], abs=0.02)


def test_models_without_errors_have_no_consistency_and_no_test():
    perfect = [answered(model, np.zeros((3, 8), int), LABELS) for model in PAIR[0]]
    (found,) = disagreements(perfect, PAIR)
    assert found.between.error_consistency is found.p_value is None
    assert found.between.disagreement_percent == 0


def models(generator, seeds, own):
    labels = generator.integers(0, 4, 400)
    hard = generator.normal(size=400)
    return [
        predicted(model, random_logits(generator, labels, seeds=seeds, skill=1.5, own=own, hard=hard), labels)
        for model in ("resnet20-4", "resnet110")
    ]


def test_models_with_errors_of_their_own_are_told_from_seeds():
    (found,) = disagreements(models(np.random.default_rng(2), 4, 1.0), PAIR)
    assert found.excess > 0.1
    assert found.p_value == found.p_holm == found.least_p_value == pytest.approx(2 / 70)


def test_three_seeds_cannot_be_significant_and_the_result_says_so():
    (found,) = disagreements(models(np.random.default_rng(3), 3, 1.0), PAIR)
    assert found.p_value == found.least_p_value == pytest.approx(0.1)


def test_pairs_that_are_no_counterparts_are_not_tested():
    (found,) = disagreements(models(np.random.default_rng(4), 4, 1.0), [])
    assert found.p_value is None
    assert found.between.error_consistency is not None


def test_the_test_of_exchangeable_models_keeps_its_level():
    generator = np.random.default_rng(5)
    p_values = np.array([disagreements(models(generator, 4, 0.0), PAIR)[0].p_value for _ in range(200)])
    assert np.mean(p_values < 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean(p_values < 0.5) == pytest.approx(0.5, abs=0.1)
