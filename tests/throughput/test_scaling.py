import json
import subprocess

import pytest

from harness.errors import InputError
from harness.throughput import scaling
from harness.throughput.scaling import AXES, Point, Scaling, Setting, measure_point, measure_scaling
from tests.helpers.tiny import CPU


def test_time_and_memory_are_fitted_along_the_axis():
    points = tuple(Point(x, 2.0 * x, 100 * x**2) for x in (1, 2, 4))
    one = Scaling("width", 256, "fp32", points)
    assert one.time_growth.exponent == pytest.approx(1)
    assert one.memory_growth.exponent == pytest.approx(2)
    assert one.name == "scaling-width"


@pytest.mark.parametrize("x", [10**30, 10**400])
def test_numbers_beyond_machine_integers_are_fitted_or_refused(x):
    points = (Point(1, 1.0, 1), Point(2, 2.0, 2), Point(x, 3.0, 3))
    try:
        assert Scaling("width", 256, "fp32", points).time_growth.exponent > 0
    except OverflowError:
        assert x == 10**400


def test_every_value_of_an_axis_is_measured_in_a_process_of_its_own(monkeypatch):
    asked = []

    def run(command, **_):
        asked.append(Setting(**json.loads(command[-1])))
        return subprocess.CompletedProcess(command, 0, json.dumps({"x": 0, "epoch_seconds": 1.5, "peak_bytes": 7}), "")

    monkeypatch.setattr(subprocess, "run", run)
    for axis, (values, _) in AXES.items():
        asked.clear()
        measured = measure_scaling(axis, CPU, "fp32")
        assert [point.x for point in measured.points] == list(values)
        assert len(set(asked)) == len(values)
    assert [one.batch_size for one in asked] == [32, 64, 128, 256]
    assert {one.model for one in asked} == {"resnet20"}


def test_a_point_that_fails_is_an_error_that_says_why(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\nRuntimeError: not enough memory")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(InputError, match="resnet20 in batches of 32 could not be measured: RuntimeError: not enough"):
        measure_scaling("batch", CPU, "fp32")


def test_a_point_is_seconds_and_bytes_of_a_real_training():
    point = measure_point(Setting("resnet8", 16, 32, "cpu", "fp32"))
    assert point.epoch_seconds > 0
    assert point.peak_bytes > 0


def test_a_point_can_be_measured_by_a_process_of_its_own():
    assert scaling._measure_apart(Setting("resnet8", 16, 32, "cpu", "fp32")).epoch_seconds > 0
