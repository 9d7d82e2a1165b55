import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from harness.metrics import accuracy_percent, marginal_gain, most_macro_f1_percent, score
from harness.published import PUBLISHED

# Facts about the study: accuracy / (seconds per epoch × epochs), to four significant digits.
MARGINAL_GAINS = {
    ("cifar10", "resnet20"): 0.03152,
    ("cifar10", "resnet56"): 0.02096,
    ("cifar10", "resnet110"): 0.01264,
    ("cifar10", "resnet20-2"): 0.03185,
    ("cifar10", "resnet20-4"): 0.01234,
    ("cifar10", "resnet20-8"): 0.00402,
    ("fashionmnist", "resnet20"): 0.07705,
    ("fashionmnist", "resnet56"): 0.04214,
    ("fashionmnist", "resnet110"): 0.02469,
    ("fashionmnist", "resnet20-2"): 0.06861,
    ("fashionmnist", "resnet20-4"): 0.04067,
    ("fashionmnist", "resnet20-8"): 0.01595,
    ("gtsrb", "resnet24"): 0.01144,
    ("gtsrb", "resnet50"): 0.01054,
    ("gtsrb", "resnet101"): 0.00753,
    ("gtsrb", "resnet24-2"): 0.00531,
    ("gtsrb", "resnet24-4"): 0.00184,
}
EPOCHS = {"cifar10": 300, "fashionmnist": 150, "gtsrb": 40}


def names(count):
    return tuple(f"class {k}" for k in range(count))


def scored(labels, predictions, classes):
    return score(np.array(labels), np.array(predictions), names(classes))


def test_three_classes_by_hand():
    scores = scored([0, 0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 2, 2, 0], 3)

    assert scores.confusion == ((3, 1, 0), (0, 1, 1), (1, 0, 1))
    assert scores.accuracy_percent == 62.5
    assert [s.precision_percent for s in scores.per_class] == pytest.approx([75, 50, 50])
    assert [s.recall_percent for s in scores.per_class] == pytest.approx([75, 50, 50])
    assert [s.f1_percent for s in scores.per_class] == pytest.approx([75, 50, 50])
    assert scores.macro_f1_percent == pytest.approx(175 / 3)
    assert [(s.class_name, s.images) for s in scores.per_class] == [("class 0", 4), ("class 1", 2), ("class 2", 2)]


def test_confusion_has_true_classes_in_rows_and_predicted_in_columns():
    assert scored([0, 0, 1], [1, 1, 1], 2).confusion == ((0, 2), (0, 1))


def test_precision_and_recall_are_not_exchanged():
    first, second = scored([0, 0, 1], [0, 1, 1], 2).per_class

    assert (first.precision_percent, first.recall_percent) == (100, 50)
    assert (second.precision_percent, second.recall_percent) == (50, 100)
    assert first.f1_percent == second.f1_percent == pytest.approx(200 / 3)


def test_a_class_never_predicted_counts_0_in_macro_f1():
    scores = scored([0, 0, 1, 1], [0, 0, 0, 0], 2)

    # Class 0: precision ½, recall 1, F1 ⅔. Class 1: nothing.
    assert scores.per_class[1].f1_percent == scores.per_class[1].precision_percent == 0
    assert scores.macro_f1_percent == pytest.approx(100 / 3)


def test_a_class_without_test_images_counts_0_in_macro_f1():
    scores = scored([0, 1], [0, 1], 4)

    assert scores.accuracy_percent == 100
    assert scores.macro_f1_percent == 50
    assert [s.images for s in scores.per_class] == [1, 1, 0, 0]
    assert len(scores.confusion) == len(scores.confusion[3]) == 4


def test_everything_wrong_is_0():
    scores = scored([0, 1], [1, 0], 2)

    assert (scores.accuracy_percent, scores.macro_f1_percent) == (0, 0)


def test_43_classes_are_averaged_over_43():
    labels = np.arange(43)

    assert score(labels, labels, names(43)).macro_f1_percent == pytest.approx(100)
    assert score(labels, np.zeros(43, dtype=int), names(43)).macro_f1_percent == pytest.approx(100 * (2 / 44) / 43)


@given(
    st.integers(2, 12).flatmap(
        lambda n: st.tuples(
            st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), min_size=1, max_size=60)
        )
    )
)
@settings(deadline=None)
def test_scores_are_sklearns_and_finite_and_warn_of_nothing(drawn):
    classes, pairs = drawn
    labels, predictions = (np.array(column) for column in zip(*pairs, strict=True))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score(labels, predictions, names(classes))

    expected = f1_score(labels, predictions, labels=range(classes), average="macro", zero_division=0)
    assert scores.macro_f1_percent == pytest.approx(100 * expected)
    assert scores.accuracy_percent == pytest.approx(100 * accuracy_score(labels, predictions))
    assert sum(map(sum, scores.confusion)) == len(pairs)
    assert [sum(row) for row in scores.confusion] == [s.images for s in scores.per_class]
    assert sum(scores.confusion[k][k] for k in range(classes)) == round(scores.accuracy_percent * len(pairs) / 100)
    assert all(math.isfinite(s.f1_percent) for s in scores.per_class)


def test_scores_become_plain_json():
    import json

    content = json.loads(json.dumps(scored([0, 1, 1], [0, 1, 0], 2).to_json(), allow_nan=False))

    assert content["confusion"] == [[1, 0], [1, 1]]
    assert content["per_class"][0] == {
        "class_name": "class 0",
        "precision_percent": 50.0,
        "recall_percent": 100.0,
        "f1_percent": pytest.approx(200 / 3),
        "images": 1,
    }


@pytest.mark.parametrize(
    ("correct", "images", "percent"), [(0, 10, 0), (10, 10, 100), (8890, 10_000, 88.9), (1, 8, 12.5)]
)
def test_accuracy_is_the_percentage_of_images_right(correct, images, percent):
    assert accuracy_percent(correct, images) == pytest.approx(percent)


@pytest.mark.parametrize(("dataset", "model"), MARGINAL_GAINS)
def test_marginal_gain_of_the_papers_tables_is_as_recomputed(dataset, model):
    row = PUBLISHED[dataset, model]

    gain = marginal_gain(row.accuracy_percent, row.epoch_seconds * EPOCHS[dataset])

    assert round(gain, 5) == MARGINAL_GAINS[dataset, model]


def test_marginal_gain_is_percent_per_second():
    assert marginal_gain(90.0, 1800.0) == 0.05


@pytest.mark.parametrize(("accuracy", "bound"), [(93.59, 94.25), (89.50, 90.98), (100, 100)])
def test_what_an_accuracy_allows_of_macro_f1_by_hand(accuracy, bound):
    assert round(most_macro_f1_percent(accuracy, 10), 2) == bound


@pytest.mark.parametrize("accuracy", [0, 10, 50, 75, 93.3, 100])
def test_of_two_classes_macro_f1_is_at_most_accuracy(accuracy):
    assert most_macro_f1_percent(accuracy, 2) == pytest.approx(accuracy, abs=1e-3)


def test_where_accuracy_is_low_two_classes_are_given_up():
    # of each of the eight others 37.5 % are right and none is wrongly predicted: F1 .75 / 1.375
    assert most_macro_f1_percent(30, 10) == pytest.approx(100 * 0.8 * 0.75 / 1.375, abs=1e-3)


@st.composite
def confusions(draw):
    """A confusion matrix of a test set with as many images of every class."""
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
    assert 100 * macro_f1 <= most_macro_f1_percent(100 * accuracy_score(labels, predictions), classes) + 1e-3


@pytest.mark.parametrize("classes", [5, 10, 43])
@pytest.mark.parametrize("missed", [0, 1, 5, 9])
def test_the_bound_is_reached_where_every_class_but_one_is_taken_for_that_one_as_often(classes, missed):
    labels = np.repeat(np.arange(classes), 100)
    predictions = np.where(np.tile(np.arange(100), classes) < missed, 0, labels)
    macro_f1 = f1_score(labels, predictions, average="macro", zero_division=0)
    bound = most_macro_f1_percent(100 * accuracy_score(labels, predictions), classes)
    assert bound == pytest.approx(100 * macro_f1)


@given(st.floats(0, 100), st.floats(0, 100), st.integers(2, 1000))
def test_the_bound_rises_with_accuracy_and_is_never_below_it(one, other, classes):
    low, high = (most_macro_f1_percent(accuracy, classes) for accuracy in sorted((one, other)))
    assert 0 <= low <= high + 1e-3
    assert high <= 100
    assert low >= min(one, other) - 1e-3


@pytest.mark.parametrize(("accuracy", "classes"), [(90, 1), (90, 0), (-0.1, 10), (100.1, 10), (float("nan"), 10)])
def test_what_has_no_bound_is_refused(accuracy, classes):
    with pytest.raises(ValueError, match="two classes or more and an accuracy from 0 to 100"):
        most_macro_f1_percent(accuracy, classes)
