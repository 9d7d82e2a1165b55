import pytest
import torch

from harness.throughput import peak
from harness.throughput.peak import convolution_peak
from tests.helpers.tiny import CPU


def test_peak_is_the_fastest_of_several_convolutions(monkeypatch):
    speeds = iter([1e9, 3e9, 2e9])
    monkeypatch.setattr(peak, "_operations_per_second", lambda *_: next(speeds))
    assert convolution_peak.__wrapped__(CPU, "fp32") == 3e9


def test_operations_of_a_convolution_are_counted(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    assert peak._operations_per_second(CPU, "fp32", 2, 4, 8) == 2 * 2 * 4 * 4 * 9 * 8 * 8


@pytest.mark.parametrize(("precision", "computed_at"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_convolutions_run_at_the_precision_asked_for(precision, computed_at, monkeypatch):
    dtypes = []
    conv2d = peak.functional.conv2d

    def recorded(*given, **named):
        out = conv2d(*given, **named)
        dtypes.append(out.dtype)
        return out

    monkeypatch.setattr(peak.functional, "conv2d", recorded)
    assert peak._operations_per_second(CPU, precision, 2, 4, 8) > 0
    assert set(dtypes) == {computed_at}
