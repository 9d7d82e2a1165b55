import pytest
import torch

from harness.throughput import peak
from harness.throughput.peak import Peak, convolution_peak
from tests.helpers.disturbances import QUIET, busy, use_meter
from tests.helpers.tiny import CPU


def use_speeds(monkeypatch, *speeds):
    """Let each sweep over the convolutions have the next of the speeds as its fastest; return the sweeps left."""
    left = [speed / factor for speed in speeds for factor in (2, 1, 4)]
    monkeypatch.setattr(peak, "_operations_per_second", lambda *_: left.pop(0))
    return left


def peaks(*, at_least=0.0, times=1):
    return [convolution_peak(CPU, "fp32", at_least=at_least).flops_per_second for _ in range(times)]


def test_peak_is_the_fastest_of_several_convolutions(monkeypatch):
    use_speeds(monkeypatch, 3e9)
    assert peaks() == [3e9]


def test_an_undisturbed_peak_is_measured_once_in_a_process(monkeypatch):
    use_speeds(monkeypatch, 3e9, 4e9)
    assert peaks(at_least=2e9, times=2) == [3e9, 3e9]


def test_a_disturbed_peak_is_measured_again_bounded(monkeypatch):
    use_meter(monkeypatch, busy())
    left = use_speeds(monkeypatch, *[1e9] * 4, 5e9)
    notified = []
    measured = convolution_peak(CPU, "fp32", notify=notified.append)
    assert measured == Peak(1e9, busy())
    assert (len(left), len(notified)) == (3, 4)
    assert notified[0] == "convolution peak disturbed (other processes used 1.0 cores): measured again"


def test_a_disturbed_peak_is_not_kept_for_the_session(monkeypatch):
    use_meter(monkeypatch, *[busy()] * 4, QUIET)
    use_speeds(monkeypatch, *[1e9] * 4, 3e9, 5e9)
    assert peaks(times=3) == [1e9, 3e9, 3e9]


def test_a_peak_below_a_reached_speed_is_measured_again(monkeypatch):
    use_speeds(monkeypatch, 3e9, 4e9, 2e9)
    assert [*peaks(), *peaks(at_least=3.5e9), *peaks(at_least=5e9)] == [3e9, 4e9, 4e9]


def test_an_undisturbed_peak_is_preferred_to_a_disturbed_one(monkeypatch):
    use_meter(monkeypatch, QUIET, busy())
    use_speeds(monkeypatch, 3e9, *[4e9] * 4)
    peaks()
    assert convolution_peak(CPU, "fp32", at_least=3.5e9) == Peak(3e9, QUIET)


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
