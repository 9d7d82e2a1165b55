import pytest
import torch

from harness.training import compile_gain
from harness.training.compile_gain import known_gain, remember_gain
from tests.helpers.tiny import CPU

pytestmark = pytest.mark.usefixtures("no_known_gain")


def test_a_gain_is_remembered_for_its_device_precision_and_torch(monkeypatch):
    assert known_gain(CPU, "fp32") is None
    remember_gain(CPU, "fp32", 1.25)
    known_gain.cache_clear()  # as in another process
    assert known_gain(CPU, "fp32") == 1.25
    assert known_gain(torch.device("mps"), "fp32") is None
    assert known_gain(CPU, "bf16") is None
    known_gain.cache_clear()
    monkeypatch.setattr(torch, "__version__", "99.0")
    assert known_gain(CPU, "fp32") is None


@pytest.mark.parametrize("remark", ["much", "nan", "inf", ["1.2"]])
def test_a_gain_that_is_no_number_is_unknown(remark):
    compile_gain._GAINS.add(compile_gain._key(CPU, "fp32"), remark)
    assert known_gain(CPU, "fp32") is None


def test_a_measurement_in_another_process_does_not_change_this_one(monkeypatch):
    assert known_gain(CPU, "fp32") is None
    compile_gain._GAINS.add(compile_gain._key(CPU, "fp32"), "1.250")
    assert known_gain(CPU, "fp32") is None
