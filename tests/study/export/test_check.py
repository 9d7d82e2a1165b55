from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="needs onnxruntime: python -m pip install -e '.[onnx]'")
from harness.errors import DamagedError, InputError
from harness.study.export.check import affordable_images, check_export, compare
from harness.study.export.files import Export
from harness.study.stored_network import network_of
from tests.helpers.tiny import make_dataset

# Three images of two classes; torch's logits of the second are nearly equal.
LOGITS = np.array([[0.0, 8.0], [3.0, 2.8], [5.0, -1.0]], np.float32)
RECORDED = np.array([1, 0, 0])


def test_equal_predictions_and_logits_pass():
    check = compare("fp32", RECORDED, LOGITS, LOGITS, 10)
    assert check.is_passed
    assert (check.images, check.test_images, check.equal, check.rounding, check.different) == (3, 10, 3, 0, 0)
    assert (check.greatest_logit, check.greatest_logit_difference) == (8.0, 0.0)


@pytest.mark.parametrize(("precision", "rounding"), [("bf16", 1), ("tf32", 0), ("fp32", 0)])
def test_a_near_tie_may_differ_only_within_the_trainings_precision(precision, rounding):
    check = compare(precision, np.array([1, 1, 0]), LOGITS, LOGITS, 3)
    assert (check.equal, check.rounding, check.different) == (2, rounding, 1 - rounding)
    assert check.is_passed == bool(rounding)


def test_a_clear_prediction_may_not_differ_whatever_the_precision():
    check = compare("bf16", np.array([0, 0, 0]), LOGITS, LOGITS, 3)
    assert (check.rounding, check.different) == (0, 1)
    assert not check.is_passed


def test_a_prediction_that_torch_does_not_make_is_not_rounding():
    found = LOGITS.copy()
    found[0] = LOGITS[0, ::-1]
    check = compare("bf16", RECORDED, found, LOGITS, 3)
    assert (check.equal, check.rounding, check.different) == (2, 0, 1)


@pytest.mark.parametrize("added", [0.01, np.nan])
def test_other_logits_fail_even_if_every_prediction_is_equal(added):
    check = compare("bf16", RECORDED, LOGITS + np.float32(added), LOGITS, 3)
    assert not check.has_torchs_logits
    assert not check.is_passed


def test_large_networks_are_checked_on_fewer_images():
    assert affordable_images(SimpleNamespace(macs=4 * 10**7)) == 25_000
    assert affordable_images(SimpleNamespace(macs=4 * 10**12)) == 100


@pytest.fixture
def unopened(tiny_result, tiny_folder, tmp_path):
    """An export whose files are not there: nothing may run before the inputs are checked."""
    return Export(tiny_result, network_of(tiny_result, tiny_folder), tmp_path, {})


def test_other_images_and_damaged_predictions_are_refused(unopened, tiny_folder, tiny_dataset):
    with pytest.raises(InputError, match="was trained on other images"):
        check_export(unopened, tiny_folder, make_dataset(seed=1))
    damaged = replace(unopened.result, files=unopened.result.files | {"predictions.npz": "0" * 64})
    with pytest.raises(DamagedError, match=r"predictions\.npz is damaged"):
        check_export(replace(unopened, result=damaged), tiny_folder, tiny_dataset)
