"""The number of cases that a GPU has room for, from its free memory and an estimate of each case's peak."""

from dataclasses import replace

import pytest
import torch

from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS
from harness.study.engines.shared_device import capacity
from harness.study.engines.shared_device.capacity import case_bytes, cases_that_fit, mps_notice
from harness.study.machine import Machine

GPU = torch.device("cuda")
GIB = 2**30


@pytest.fixture
def settings(make_settings):
    return make_settings(full_training=True)


@pytest.fixture
def machine(settings):
    return Machine(settings)


@pytest.fixture
def plan(settings):
    return lambda model, recipe=DIGITS: plan_experiment(settings, "digits", model, 0, recipe)


def test_the_estimate_grows_with_batch_and_width(machine, plan):
    base = case_bytes(machine, plan("resnet8"))
    of_batch = case_bytes(machine, plan("resnet8", replace(DIGITS, batch_size=2 * DIGITS.batch_size))) - base
    images = 1797 * 64
    weights = 5 * machine.weight_bytes(plan("resnet8"))  # backward needs them too
    assert of_batch == pytest.approx(base - GIB - images - weights, rel=0.01)  # activations double, nothing else does
    assert case_bytes(machine, plan("resnet8-4")) - GIB > 3 * (base - GIB)


@pytest.mark.parametrize(
    ("free", "cores", "expected"), [(100 * GIB, 16, 4), (100 * GIB, 2, 2), (4 * GIB, 16, 2), (1 * GIB, 16, 1)]
)
def test_cases_are_bounded_by_memory_cores_and_a_limit(free, cores, expected, machine, plan, monkeypatch):
    monkeypatch.setattr(machine, "device", GPU)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 200 * GIB))
    monkeypatch.setattr(capacity.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(capacity, "case_bytes", lambda machine, one: int(1.5 * GIB))
    assert cases_that_fit(machine, [plan("resnet8")]) == expected


def test_a_network_that_cannot_be_estimated_trains_alone(machine, plan, monkeypatch):
    def fail(*_):
        raise RuntimeError("Tensor.item() cannot be called on meta tensors")

    monkeypatch.setattr(machine, "device", GPU)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100 * GIB, 200 * GIB))
    monkeypatch.setattr(capacity, "case_bytes", fail)
    assert cases_that_fit(machine, [plan("resnet8")]) == 1


def test_without_a_gpu_auto_is_one_case(machine, plan):
    assert cases_that_fit(machine, [plan("resnet8")]) == 1


def test_processes_without_mps_are_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path / "none"))
    assert "take turns on the GPU unless NVIDIA's MPS runs" in mps_notice(GPU)
    assert mps_notice(torch.device("cpu")) is None
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    assert mps_notice(GPU) is None
