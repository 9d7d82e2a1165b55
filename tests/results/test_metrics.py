import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from harness.results.metrics import accuracy_percent, score


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


def test_class_never_predicted_counts_0_in_macro_f1():
    scores = scored([0, 0, 1, 1], [0, 0, 0, 0], 2)

    # Class 0: precision ½, recall 1, F1 ⅔. Class 1: nothing.
    assert scores.per_class[1].f1_percent == scores.per_class[1].precision_percent == 0
    assert scores.macro_f1_percent == pytest.approx(100 / 3)


def test_class_without_test_images_counts_0_in_macro_f1():
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
def test_scores_match_sklearn_are_finite_and_raise_no_warning(drawn):
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


def test_scores_convert_to_plain_json():
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
def test_accuracy_is_the_percentage_of_correct_images(correct, images, percent):
    assert accuracy_percent(correct, images) == pytest.approx(percent)
