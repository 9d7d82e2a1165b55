import numpy as np
import pytest

from harness.analysis.new_images import error_with_new_images
from tests.analysis.synthetic_evidence import study

PAIR = {"resnet20-2": 1.0, "resnet56": -1.0}


def predicted(outcomes):
    """Return a study from outcomes by model: (seeds, images) of booleans."""
    accuracies = {model: (100 * of_model.mean(axis=1)).tolist() for model, of_model in outcomes.items()}
    correct = {(model, seed): one for model, of_model in outcomes.items() for seed, one in enumerate(of_model)}
    return study(accuracies, correct=correct, test_images=outcomes["resnet56"].shape[1])


def test_error_over_seeds_and_images_by_hand():
    # wide minus deep on four images, five seeds: always 1, always 0, always 0, and 1 with two of the seeds
    wide = np.array([[1, 1, 0, 1], [1, 1, 0, 1], [1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]], bool)
    deep = np.array([[0, 1, 0, 0]] * 5, bool)
    differences = np.array([[1, 0, 0, 1]] * 2 + [[1, 0, 0, 0]] * 3) * 100
    over_seeds = np.var(differences.mean(axis=1), ddof=1) / 5  # 50, 50, 25, 25, 25: 187.5 / 5
    assert over_seeds == pytest.approx(37.5)
    over_images = np.var([100, 0, 0, 40], ddof=1) / 4
    flips = np.mean([0, 0, 0, 3000])  # of the last image: 100, 100, 0, 0, 0
    expected = np.sqrt(over_seeds + over_images - flips / (5 * 4))
    assert error_with_new_images(predicted({"resnet56": deep, "resnet20-2": wide}), PAIR) == pytest.approx(expected)


def test_error_is_that_of_simulated_new_images_and_seeds():
    # an image's difference is 2 (easy for wide) or 0, seeds flip a tenth of the images
    generator, n, images = np.random.default_rng(0), 6, 400

    def draw():
        helps = generator.random(images) < 0.05
        deep = (generator.random((n, images)) < 0.9) & ~helps
        wide = (generator.random((n, images)) < 0.9) | helps
        return {"resnet56": deep, "resnet20-2": wide}

    drawn = [draw() for _ in range(300)]
    true = np.std([100 * (one["resnet20-2"].mean() - one["resnet56"].mean()) for one in drawn])
    errors = [error_with_new_images(predicted(one), PAIR) for one in drawn[:60]]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(true, rel=0.15)


def test_error_is_never_below_that_over_seeds():
    generator = np.random.default_rng(1)
    outcomes = {model: generator.random((5, 50)) < 0.8 for model in ("resnet56", "resnet20-2")}  # images are alike
    by_seed = 100 * (outcomes["resnet20-2"].mean(axis=1) - outcomes["resnet56"].mean(axis=1))
    assert error_with_new_images(predicted(outcomes), PAIR) >= np.std(by_seed, ddof=1) / np.sqrt(5) - 1e-12


def test_error_needs_five_common_seeds():
    outcomes = {model: np.ones((5, 10), bool) for model in ("resnet56", "resnet20-2")}
    assert error_with_new_images(predicted(outcomes), PAIR) == 0
    outcomes["resnet56"] = outcomes["resnet56"][:4]
    assert error_with_new_images(predicted(outcomes), PAIR) is None


@pytest.mark.parametrize("missing", ["resnet56", "resnet20-2"])
def test_error_needs_every_models_predictions(missing):
    correct = {(model, seed): None if (model, seed) == (missing, 3) else np.ones(10, bool)
               for model in ("resnet56", "resnet20-2") for seed in range(5)}  # fmt: skip
    evidence = study({"resnet56": [90.0] * 5, "resnet20-2": [91.0] * 5}, correct=correct)
    assert error_with_new_images(evidence, PAIR) is None


def test_model_with_weight_0_is_not_read():
    correct = {("resnet56", seed): np.zeros(10, bool) for seed in range(5)}
    correct |= {("resnet20-2", seed): np.arange(10) < 5 + seed % 2 for seed in range(5)}
    correct |= {("resnet20", seed): None for seed in range(5)}
    evidence = study({"resnet20": [89.0] * 5, "resnet56": [90.0] * 5, "resnet20-2": [91.0] * 5}, correct=correct)
    assert error_with_new_images(evidence, PAIR | {"resnet20": 0.0}) == error_with_new_images(evidence, PAIR) > 0
