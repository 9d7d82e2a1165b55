import math

import numpy as np
import pytest

from harness.analysis.power import Spread
from harness.analysis.single_run import chances_of_difference
from harness.analysis.wording import percent_text
from tests.analysis.synthetic_evidence import study

ASSUMED = Spread(0.3, False)
PAIR = {"resnet20-4": 1.0, "resnet110": -1.0}
ONE_RUN = study({"resnet110": [92.0], "resnet20-4": [92.77]})


def two_sided(z):
    return math.erfc(z / math.sqrt(2))


def test_chance_without_predictions_is_that_of_the_spread():
    # 0.77 pp is 2.72 standard deviations of a difference of two runs with a spread of 0.2 pp, 1.36 with 0.4
    chances = chances_of_difference(ONE_RUN, PAIR, 0.77, ASSUMED)
    assert chances == pytest.approx((two_sided(0.77 / 0.2 / math.sqrt(2)), two_sided(0.77 / 0.4 / math.sqrt(2))))
    assert percent_text(chances) == "0.6 to 17 %"


def test_measured_spread_gives_one_chance():
    (chance,) = chances_of_difference(ONE_RUN, PAIR, -0.6, Spread(0.3, True))
    assert chance == pytest.approx(two_sided(math.sqrt(2)))


def test_images_that_the_models_disagree_on_widen_the_chance():
    right = np.ones(10_000, bool)
    wrong_of_one, wrong_of_other = right.copy(), right.copy()
    wrong_of_one[:300], wrong_of_other[200:600] = False, False  # they disagree on 200 + 300 images
    evidence = study({"resnet110": [97.0], "resnet20-4": [96.0]},
                     correct={("resnet110", 0): wrong_of_one, ("resnet20-4", 0): wrong_of_other})  # fmt: skip
    (chance,) = chances_of_difference(evidence, PAIR, 1.0, Spread(0.3, True))
    assert chance == pytest.approx(two_sided(1 / math.sqrt(2 * 0.3**2 + 100**2 * 500 / 10_000**2)))


def test_chance_of_a_weighted_difference_counts_its_weights():
    weights = {"resnet20-4": 1.0, "resnet56": -0.5, "resnet110": -0.5}
    evidence = study({"resnet56": [91.0], "resnet110": [92.0], "resnet20-4": [92.77]})
    (chance,) = chances_of_difference(evidence, weights, 0.6, Spread(0.3, True))
    assert chance == pytest.approx(two_sided(0.6 / (0.3 * math.sqrt(1.5))))


def test_no_difference_is_certain_to_be_reached():
    assert chances_of_difference(ONE_RUN, PAIR, 0.0, ASSUMED) == (1, 1)
