import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from harness.errors import InputError
from harness.throughput import scaling
from harness.throughput.scaling import AXES, ScalingCase, measure_point, measure_scaling, settings_along
from tests.helpers.tiny import CPU
from tests.throughput import own_process


def test_every_value_of_an_axis_has_a_setting_of_its_own():
    for axis, (values, _) in AXES.items():
        settings = settings_along(axis, CPU, "fp32")
        assert [value for value, _ in settings] == list(values)
        assert len({setting for _, setting in settings}) == len(values)
    batch = [setting for _, setting in settings_along("batch", CPU, "fp32")]
    assert [one.batch_size for one in batch] == [32, 64, 128, 256]
    assert {one.model for one in batch} == {"resnet20"}


@pytest.mark.slow
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
    [(own_process.fail, "RuntimeError: not enough memory"), (own_process.be_killed, "its process was killed")],
    ids=["fails", "is killed"],
)
def test_a_point_that_fails_is_an_error_that_names_point_and_cause(measure, cause, monkeypatch):
    monkeypatch.setattr(scaling, "measure_point", measure)
    with pytest.raises(InputError, match=f"^resnet20 in batches of 32 could not be measured: {cause}$"):
        measure_scaling("batch", CPU, "fp32")


def test_a_point_has_seconds_and_bytes_of_a_real_training():
    point = measure_point(ScalingCase("resnet8", 16, 32, "cpu", "fp32"))
    assert point.epoch_seconds > 0
    assert point.peak_bytes > 0


@pytest.mark.slow
def test_a_real_point_can_be_measured_in_another_process():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        point = scaling._measure_in(processes, ScalingCase("resnet8", 16, 32, "cpu", "fp32"))
    assert min(point.epoch_seconds, point.peak_bytes) > 0
