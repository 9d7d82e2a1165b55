import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from harness.analysis.f1_bound import max_macro_f1_percent


@pytest.mark.parametrize(("accuracy", "bound"), [(93.59, 94.25), (89.50, 90.98), (100, 100)])
def test_bound_of_macro_f1_by_hand(accuracy, bound):
    assert round(max_macro_f1_percent(accuracy, 10), 2) == bound


@pytest.mark.parametrize("accuracy", [0, 10, 50, 75, 93.3, 100])
def test_bound_with_two_classes_is_the_accuracy(accuracy):
    assert max_macro_f1_percent(accuracy, 2) == pytest.approx(accuracy, abs=1e-3)


def test_low_accuracy_sacrifices_two_classes():
    # the other eight classes: 37.5 % correct, never predicted wrongly, so F1 = .75 / 1.375
    assert max_macro_f1_percent(30, 10) == pytest.approx(100 * 0.8 * 0.75 / 1.375, abs=1e-3)


@st.composite
def confusions(draw):
    """Return a confusion matrix of a balanced test set."""
    classes, images = draw(st.integers(2, 6)), draw(st.integers(1, 30))
    rows = []
    for k in range(classes):
        where = draw(
            st.lists(st.sampled_from([k, k, k, 0, draw(st.integers(0, classes - 1))]), min_size=images, max_size=images)
        )
        rows.append(np.bincount(where, minlength=classes))
    return np.array(rows)


@given(confusions())
@settings(deadline=None)
def test_no_prediction_of_a_balanced_test_set_exceeds_the_bound(confusion):
    classes = len(confusion)
    labels, predictions = (np.repeat(axis.ravel(), confusion.ravel()) for axis in np.indices(confusion.shape))
    macro_f1 = f1_score(labels, predictions, labels=range(classes), average="macro", zero_division=0)
    assert 100 * macro_f1 <= max_macro_f1_percent(100 * accuracy_score(labels, predictions), classes) + 1e-3


@pytest.mark.parametrize("classes", [5, 10, 43])
@pytest.mark.parametrize("missed", [0, 1, 5, 9])
def test_bound_is_reached_when_all_errors_are_predicted_as_one_class(classes, missed):
    labels = np.repeat(np.arange(classes), 100)
    predictions = np.where(np.tile(np.arange(100), classes) < missed, 0, labels)
    macro_f1 = f1_score(labels, predictions, average="macro", zero_division=0)
    bound = max_macro_f1_percent(100 * accuracy_score(labels, predictions), classes)
    assert bound == pytest.approx(100 * macro_f1)


@given(st.floats(0, 100), st.floats(0, 100), st.integers(2, 1000))
def test_bound_rises_with_accuracy_and_is_never_below_it(one, other, classes):
    low, high = (max_macro_f1_percent(accuracy, classes) for accuracy in sorted((one, other)))
    assert 0 <= low <= high + 1e-3
    assert high <= 100
    assert low >= min(one, other) - 1e-3


@pytest.mark.parametrize(("accuracy", "classes"), [(90, 1), (90, 0), (-0.1, 10), (100.1, 10), (float("nan"), 10)])
def test_invalid_accuracy_or_classes_are_refused(accuracy, classes):
    with pytest.raises(ValueError, match="two classes or more and an accuracy from 0 to 100"):
        max_macro_f1_percent(accuracy, classes)
