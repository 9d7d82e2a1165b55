"""Expected calibration error with its bias, and Brier score."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from harness.analysis.calibration_error import calibration, model_calibrations
from tests.analysis.predictions import answered, predicted, random_logits


def calibrated(generator, images, classes=5):
    """Return probabilities, and labels drawn from them."""
    probabilities = generator.dirichlet(np.full(classes, 0.3), images)
    labels = (probabilities.cumsum(axis=1) < generator.random((images, 1))).sum(axis=1)
    return probabilities, np.minimum(labels, classes - 1)


def test_known_probabilities_have_the_error_computed_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    found = calibration(probabilities, np.array([0, 1, 0, 1]))
    # bins of 1/15: 0.9 twice, one right; 0.6 and 0.7 alone, both right
    assert found.ece_percent == pytest.approx(100 * (abs(1.8 - 1) + 0.4 + 0.3) / 4)
    assert found.overconfidence_points == pytest.approx(100 * (0.9 + 0.9 + 0.6 + 0.7 - 3) / 4)
    assert found.brier == pytest.approx(2 * (0.1**2 + 0.9**2 + 0.4**2 + 0.3**2) / 4)


def test_brier_score_is_that_of_scikit_learn():
    probabilities, labels = calibrated(np.random.default_rng(0), 300)
    assert calibration(probabilities, labels).brier == pytest.approx(
        sum(brier_score_loss(labels == k, probabilities[:, k]) for k in range(5))
    )


@pytest.mark.parametrize("images", [50, 500])
def test_chance_is_the_mean_error_of_calibrated_networks(images):
    generator = np.random.default_rng(1)
    found = [calibration(*calibrated(generator, images)) for _ in range(400)]
    chance = np.mean([one.chance_percent for one in found])
    assert np.mean([one.ece_percent for one in found]) == pytest.approx(chance, rel=0.05)
    assert chance > 1


def test_confidence_of_one_is_in_the_last_bin_and_has_no_chance_error():
    found = calibration(np.array([[1.0, 0.0]] * 9), np.zeros(9, int))
    assert (found.ece_percent, found.chance_percent, found.brier) == (0, 0, 0)


def test_models_have_means_over_seeds_and_none_without_logits():
    generator = np.random.default_rng(2)
    labels = generator.integers(0, 4, 300)
    one = predicted("resnet20", random_logits(generator, labels, seeds=3, skill=2.0), labels)
    without = answered("resnet56", one.predictions, labels)
    (found,) = model_calibrations([one, without])
    values = [calibration(probabilities, labels).ece_percent for probabilities in one.probabilities]
    assert (found.model, found.ece_percent.n) == ("resnet20", 3)
    assert found.ece_percent.mean == pytest.approx(np.mean(values))
