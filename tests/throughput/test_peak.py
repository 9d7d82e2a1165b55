import itertools
import math

import pytest
import torch

from harness.throughput import peak
from harness.throughput.peak import Peak, Shape, convolution_peak, operations_per_second
from tests.helpers.disturbances import QUIET, busy, use_meter
from tests.helpers.tiny import CPU


def use_speeds(monkeypatch, *speeds):
    """Let each search find the next of the speeds as its fastest; return the searches left."""
    left = list(speeds)
    monkeypatch.setattr(peak, "_search", lambda *_: left.pop(0))
    return left


def peaks(*, at_least=0.0, times=1):
    return [convolution_peak(CPU, "fp32", at_least=at_least).flops_per_second for _ in range(times)]


@pytest.fixture
def timed(monkeypatch):
    """The shapes whose speed was asked for, with the number of timings; 1e9 × a shape's batch is its speed."""
    found = []

    def fake(device, precision, shape, timings, ends=math.inf):
        found.append((shape, timings))
        return 1e9 * shape.batch + (timings > peak._LOOKS)

    monkeypatch.setattr(peak, "operations_per_second", fake)
    return found


def test_peak_is_the_fastest_of_several_convolutions_timed_longer(timed):
    shapes = peak._SEARCHES["cpu"].shapes()
    assert peaks() == [128e9 + 1]
    looks, finals = timed[: len(shapes)], timed[len(shapes) :]
    assert [shape for shape, _ in looks] == shapes
    assert {shape.batch for shape, _ in finals} == {128}
    assert len(finals) == 4


@pytest.mark.parametrize("kind", ["cpu", "cuda", "mps"])
def test_a_search_tries_many_shapes_of_bounded_work(kind):
    search = peak._SEARCHES[kind]
    shapes = search.shapes()
    assert len(shapes) > 10
    assert {shape.kernel for shape in shapes} == {1, 3}
    middle = math.sqrt(math.prod(search.operations))
    distances = [max(shape.operations / middle, middle / shape.operations) for shape in shapes]
    assert distances == pytest.approx(sorted(distances))
    assert max(4 * shape.batch * shape.channels * shape.side**2 for shape in shapes) < 2**30  # bytes of float32


def test_the_search_on_a_cpu_has_small_maps():
    assert Shape(128, 64, 8, 3) in peak._SEARCHES["cpu"].shapes()


def test_a_search_ends_with_its_time(timed, monkeypatch):
    seconds = itertools.count(0.0, 2.0)
    monkeypatch.setattr(peak.time, "perf_counter", lambda: next(seconds))
    peak._search(CPU, "fp32")
    assert len(timed) == 3 + 2  # looks until 2, 4 and 6 seconds of five, then finalists for more than two


def test_timings_end_with_their_time_after_the_first(monkeypatch):
    seconds, calls = itertools.count(), []
    monkeypatch.setattr(peak.time, "perf_counter", lambda: next(seconds))
    monkeypatch.setattr(peak.functional, "conv2d", lambda *_, **__: calls.append(1))
    operations_per_second(CPU, "fp32", Shape(2, 4, 8, 3), 20, ends=5.0)
    assert len(calls) == 4  # started at 0 (the warm-up), 2, 4 and 6 seconds
    operations_per_second(CPU, "fp32", Shape(2, 4, 8, 3), 20, ends=0.0)
    assert len(calls) == 4 + 2


def test_each_precision_has_a_peak_of_its_own(monkeypatch):
    monkeypatch.setattr(peak, "_search", lambda _, precision: {"fp32": 3e9, "bf16": 5e9}[precision])
    found = [convolution_peak(CPU, precision).flops_per_second for precision in ("fp32", "bf16", "fp32")]
    assert found == [3e9, 5e9, 3e9]


def test_an_undisturbed_peak_is_measured_once_in_a_process(monkeypatch):
    use_speeds(monkeypatch, 3e9, 4e9)
    assert peaks(at_least=2e9, times=2) == [3e9, 3e9]


def test_a_disturbed_peak_is_measured_again_bounded(monkeypatch):
    use_meter(monkeypatch, busy())
    left = use_speeds(monkeypatch, *[1e9] * 4, 5e9)
    notified = []
    measured = convolution_peak(CPU, "fp32", notify=notified.append)
    assert measured == Peak(1e9, busy())
    assert (len(left), len(notified)) == (1, 4)
    assert notified[0] == "fp32 convolution peak disturbed (other processes used 1.0 cores): measured again"


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
    now = itertools.count()
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    assert operations_per_second(CPU, "fp32", Shape(2, 4, 8, 3), 5) == 2 * 2 * 4 * 4 * 9 * 8 * 8
    assert operations_per_second(CPU, "fp32", Shape(2, 4, 8, 1), 5) == 2 * 2 * 4 * 4 * 8 * 8


@pytest.mark.parametrize(("precision", "computed_at"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_a_timed_convolution_gets_inputs_of_its_precision(precision, computed_at, monkeypatch):
    dtypes, conv2d = [], peak.functional.conv2d

    def recorded(images, weight, **named):
        assert not torch.is_autocast_enabled("cpu")
        dtypes.extend([images.dtype, weight.dtype])
        return conv2d(images, weight, **named)

    monkeypatch.setattr(peak.functional, "conv2d", recorded)
    assert operations_per_second(CPU, precision, Shape(2, 4, 8, 3), 2) > 0
    assert dtypes == [computed_at] * 2 * 3
