import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from harness.errors import InputError
from harness.throughput import scaling
from harness.throughput.measurements import Point
from harness.throughput.scaling import AXES, ScalingCase, cases_along, measure_point, measure_scaling
from tests.helpers.disturbances import QUIET, busy, use_meter
from tests.helpers.marks import slow_first
from tests.helpers.tiny import CPU
from tests.throughput import own_process


def test_every_value_of_an_axis_has_a_setting_of_its_own():
    for axis, (values, _) in AXES.items():
        settings = cases_along(axis, CPU, "fp32")
        assert [value for value, _ in settings] == list(values)
        assert len({setting for _, setting in settings}) == len(values)
    batch = [setting for _, setting in cases_along("batch", CPU, "fp32")]
    assert [one.batch_size for one in batch] == [32, 64, 128, 256]
    assert {one.model for one in batch} == {"resnet20"}


@pytest.mark.release  # a real point in another process is a test below
def test_each_point_is_measured_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setitem(AXES, "width", ((1, 2, 4), AXES["width"][1]))
    monkeypatch.setattr(scaling, "measure_point", own_process.report_process)
    notified = []
    measured = measure_scaling("width", CPU, "fp32", notify=notified.append)
    assert [point.x for point in measured.points] == [1, 2, 4]
    processes = {point.peak_bytes for point in measured.points}
    assert len(processes) == 3
    assert os.getpid() not in processes
    assert notified == ["width 1", "width 2", "width 4"]


@pytest.mark.parametrize(
    ("measure", "cause"),
    slow_first(
        (own_process.be_killed, "its process was killed"), (own_process.fail, "RuntimeError: not enough memory")
    ),
    ids=["is killed", "fails"],
)
def test_a_point_that_fails_is_an_error_that_names_point_and_cause(measure, cause, monkeypatch):
    monkeypatch.setattr(scaling, "measure_point", measure)
    with pytest.raises(InputError, match=f"^resnet20 in batches of 32 could not be measured: {cause}$"):
        measure_scaling("batch", CPU, "fp32")


def measure_with(measured, monkeypatch):
    """Measure the axis of widths 1, 2 and 4 with these points in turn; return the scaling and the notifications."""
    monkeypatch.setitem(AXES, "width", ((1, 2, 4), AXES["width"][1]))
    left, notified = list(measured), []
    monkeypatch.setattr(scaling, "_measure_in", lambda *_: left.pop(0))
    return measure_scaling("width", CPU, "fp32", notify=notified.append), notified


def test_a_disturbed_point_is_measured_again(monkeypatch):
    points = [Point(0, 1.0, 10, QUIET), Point(0, 9.0, 10, busy(1.1)), Point(0, 2.0, 10, QUIET), Point(0, 3.0, 10)]
    measured, notified = measure_with(points, monkeypatch)
    assert [point.epoch_seconds for point in measured.points] == [1.0, 2.0, 3.0]
    assert notified[2] == "width 2 disturbed (other processes used 1.1 cores): measured again"
    assert measured.disturbed is None


def test_a_point_that_remains_disturbed_is_marked(monkeypatch):
    points = [Point(0, 1.0, 10, QUIET), *[Point(0, 9.0, 10, busy(0.9))] * 4, Point(0, 3.0, 10, QUIET)]
    measured, _ = measure_with(points, monkeypatch)
    assert str(measured.disturbed) == "1 of 3 points (other processes used 0.9 cores)"
    assert [point.x for point in measured.points] == [1, 2, 4]


@pytest.mark.parametrize(
    ("readings", "expected"),
    [((busy(), QUIET, QUIET), (2.0, QUIET)), ((busy(0.4), busy(0.5), busy(0.6)), (1.0, busy(0.4)))],
    ids=["one disturbed", "all disturbed"],
)
def test_a_points_time_is_that_of_its_fastest_undisturbed_epoch(readings, expected, monkeypatch):
    use_meter(monkeypatch, *readings)
    seconds = iter([1.0, 3.0, 2.0])
    monkeypatch.setattr(scaling, "_epoch_seconds", lambda *_: next(seconds))
    point = measure_point(ScalingCase("resnet8", 16, 16, "cpu", "fp32"))
    assert (point.epoch_seconds, point.disturbance) == expected


def test_a_point_has_seconds_and_bytes_of_a_real_training():
    point = measure_point(ScalingCase("resnet8", 16, 32, "cpu", "fp32"))
    assert point.epoch_seconds > 0
    assert point.peak_bytes > 0


@pytest.mark.slow
def test_a_real_point_can_be_measured_in_another_process():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        point = scaling._measure_in(processes, ScalingCase("resnet8", 16, 32, "cpu", "fp32"))
    assert min(point.epoch_seconds, point.peak_bytes) > 0
