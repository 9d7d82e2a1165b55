import math

import pytest

from harness.analysis.answer import Question, answer
from harness.analysis.comparison import Comparisons
from harness.analysis.power import Spread
from harness.analysis.trained_out import Untrained, drop_untrained
from harness.results.result import LearningCurve
from tests.analysis.synthetic_evidence import study

THREE = {"resnet20": [90.0, 90.3, 90.1], "resnet56": [91.0, 91.1, 91.4], "resnet20-2": [92.0, 92.3, 92.2]}
FLAT = tuple([80.0] * 90 + [90.0] * 10)
NAMES = [f"class {number}" for number in range(10)]


def of_curves(curves, accuracies=THREE, losses=None, classes=10, **changes):
    """Return a study whose models have these accuracies by epoch, with every seed or by seed."""

    def curve(model, seed):
        of_model = curves.get(model, FLAT)
        accuracy = of_model[seed] if isinstance(of_model, list) else of_model
        return None if accuracy is None else LearningCurve(accuracy, (losses or {}).get(model, 0.01))

    recalls = {model: [dict.fromkeys(NAMES[:classes], 90.0)] * len(values) for model, values in accuracies.items()}
    return study(accuracies, curve=curve, recalls=recalls, **changes)


def rising(points_per_epoch, epochs=100):
    """Return a curve that rises over the last tenth of its epochs alone."""
    tail = epochs // 10
    return tuple([80.0] * (epochs - tail) + [80.0 + points_per_epoch * k for k in range(tail)])


@pytest.mark.parametrize(("points_per_epoch", "is_left_out"), [(0.09, False), (0.11, True), (-0.5, False)])
def test_model_that_still_rises_is_not_trained_out(points_per_epoch, is_left_out):
    evidence, untrained = drop_untrained(of_curves({"resnet56": rising(points_per_epoch)}))
    reason = f"its accuracy still rises by {points_per_epoch:.2f} pp an epoch"
    assert untrained == ((Untrained("resnet56", reason),) if is_left_out else ())
    assert ("resnet56" in evidence.models) is not is_left_out
    assert {"resnet20", "resnet20-2"} <= set(evidence.models)


def test_only_the_last_tenth_of_the_epochs_counts():
    steep = tuple([float(k) for k in range(90)] + [89.0] * 10)
    assert drop_untrained(of_curves({"resnet56": steep}))[1] == ()


def test_rise_is_that_of_the_mean_over_seeds():
    up, down = rising(0.3), rising(-0.3)
    assert drop_untrained(of_curves({"resnet56": [up, down, FLAT]}))[1] == ()
    assert drop_untrained(of_curves({"resnet56": [up, up, FLAT]}))[1] != ()  # 0.2 pp an epoch


def test_model_of_one_epoch_is_not_trained_out():
    gone = drop_untrained(of_curves(dict.fromkeys(THREE, (40.0,))))[1]
    assert [one.model for one in gone] == [*THREE]
    assert {one.reason for one in gone} == {"one epoch cannot show that its accuracy has stopped rising"}


def test_rise_by_fewer_than_two_images_is_none():
    # 360 images: one is 0.28 pp, the last three of four epochs rise by one or by two of them
    one, two = ((80.0, 98.0, 98.0 + k * 100 / 720, 98.0 + k * 100 / 360) for k in (1, 2))
    assert drop_untrained(of_curves({"resnet56": one}, test_images=360))[1] == ()
    assert [gone.model for gone in drop_untrained(of_curves({"resnet56": two}, test_images=360))[1]] == ["resnet56"]


@pytest.mark.parametrize(("classes", "chance"), [(10, math.log(10)), (2, math.log(2))])
def test_final_loss_near_that_of_guessing_is_not_trained_out(classes, chance):
    for share, reasons in ((0.89, []), (0.91, ["its final training loss is near that of guessing"])):
        evidence = of_curves({}, losses={"resnet20-2": share * chance}, classes=classes)
        assert [one.reason for one in drop_untrained(evidence)[1]] == reasons


@pytest.mark.parametrize("curve", [None, (), (50.0, 90.0)])
def test_unknown_curves_leave_nothing_out(curve):
    # two epochs have a slope of one step: it counts
    gone = drop_untrained(of_curves({"resnet56": curve}))[1]
    assert [one.model for one in gone] == (["resnet56"] if curve and len(curve) == 2 else [])


def test_runs_of_unequal_length_are_compared_over_their_last_epochs():
    assert drop_untrained(of_curves({"resnet56": [FLAT, FLAT[-40:], rising(0.1)]}))[1] == ()


def test_model_off_the_axes_is_not_checked():
    accuracies = THREE | {"resnet110-8": [50.0, 51.0, 52.0]}
    evidence = of_curves({"resnet110-8": rising(1.0)}, accuracies, losses={"resnet110-8": 2.3})
    assert drop_untrained(evidence) == (evidence, ())


def test_models_off_the_axes_are_checked_for_the_grid_alone():
    accuracies = THREE | {"resnet110-8": [50.0, 51.0, 52.0]}
    evidence = of_curves({"resnet110-8": rising(1.0), "resnet56": rising(1.0)}, accuracies)
    kept, untrained = drop_untrained(evidence, are_on_axes=False)
    assert [one.model for one in untrained] == ["resnet110-8"]
    assert "resnet56" in kept.models


def test_models_without_an_axis_are_not_checked():
    evidence = of_curves({"resnet20": rising(1.0)}, {"resnet20": [90.0]})
    assert drop_untrained(evidence) == (evidence, ())


def answered(evidence):
    return answer(Comparisons(evidence), evidence, Question(Spread(0.3, False)))


def test_four_epochs_with_a_model_near_chance_give_no_headline():
    # as a digits run of four epochs: depth did not learn yet, width is far ahead
    accuracies = {"resnet8": [92.0, 93.1, 92.5], "resnet20": [20.0, 12.0, 15.0], "resnet8-2": [96.0, 96.4, 97.0]}
    settled = (91.0, 92.5, 92.5, 92.5)
    curves = {"resnet8": settled, "resnet20": (10.0, 10.0, 11.0, 15.7), "resnet8-2": settled}
    evidence = of_curves(curves, accuracies, losses={"resnet20": 2.2}, test_images=360, epochs=4)
    found = answered(evidence)
    assert found.headline == "No answer: models are not trained out."
    assert found.verdicts == ()
    assert found.cautions == (
        "resnet20 is not trained out and left out: its final training loss is near that of guessing; "
        "give more epochs or other learning rates.",
    )


def test_headline_rests_on_the_models_that_are_trained_out():
    accuracies = THREE | {"resnet110": [70.0, 71.0, 70.5], "resnet20-4": [93.0, 93.2, 93.1]}
    evidence = of_curves({"resnet110": rising(0.5)}, accuracies)
    comparisons, found = Comparisons(evidence), answered(evidence)
    assert comparisons.of("resnet20-4", "resnet110") is None
    assert [(one.model, one.other) for one in comparisons.counterparts] == [("resnet20-2", "resnet56")]
    assert "resnet110" not in found.headline
    assert found.cautions[0] == (
        "resnet110 is not trained out and left out: its accuracy still rises by 0.50 pp an epoch; give more epochs."
    )
    assert all("resnet110" not in one.deep.weights for one in found.verdicts)
