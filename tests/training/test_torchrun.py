import os
import signal
import sys

import pytest
import torch

from harness.config.settings import read_settings
from harness.data import registry
from harness.errors import InputError
from harness.results.folder import ResultsFolder
from harness.study.own_network import find_network
from harness.training.command import this_command
from harness.training.process_group import ProcessGroup
from harness.training.torchrun import distributed_settings, own_device, require_image_per_process, require_same_values
from tests.helpers.own_bench import write_own_bench
from tests.helpers.rank_threads import in_threads, train_in_threads
from tests.helpers.tiny import TINY_RECIPE
from tests.helpers.torchrun_process import (
    RANK_ONE_VARIABLES,
    ranks_of,
    result_of,
    run,
    start,
    wait_for_epochs,
    weights_of,
)

EXPERIMENT = """
import dataclasses
import pytest
from harness.config.recipes import DIGITS

RECIPE = dataclasses.replace(DIGITS, name="short", epochs=5, milestones=(3,), batch_size=128)

@pytest.mark.experiment("digits", models=["resnet8"], recipe=RECIPE)
def test_digits(trained):
    assert trained.is_complete
"""
FAULTS = """
import os
import time
import torch
from harness.training.trainers import fast
from harness.training.trainers.fast import FastTrainer

fault, rank, step, steps = os.environ.get("FAULT"), os.environ["RANK"], FastTrainer.step, []

def faulty(self, batch, labels):
    steps.append(1)
    if fault == "memory" and rank == "1" and len(steps) == 5:
        raise torch.OutOfMemoryError("tried to allocate 8 EiB")
    time.sleep(0.1 if fault == "slow" else 0)
    step(self, batch, labels)

FastTrainer.step = faulty
if fault == "images" and rank == "1":
    from harness.data import registry
    load = registry.load
    def other(*arguments, **options):
        import dataclasses
        return dataclasses.replace(load(*arguments, **options), fingerprint="0" * 64)
    registry.load = other
"""


BUDGET = {"full_training": True, "budget": "2h"}


@pytest.mark.parametrize(
    "option", [{"pipeline": "reference"}, {"compile": "on"}, {"device": "cuda:1"}, {"cases_per_device": "2"}, BUDGET]
)
def test_options_that_require_a_single_process_are_refused(option):
    given_settings = read_settings(option, environment={})
    assert distributed_settings(given_settings, ProcessGroup()) is given_settings
    with pytest.raises(
        InputError,
        match=r"--(pipeline reference|compile on|device cuda:1|cases-per-device 2|budget) requires a single process",
    ):
        distributed_settings(given_settings, ProcessGroup(0, 2))


def test_compilation_is_off_with_several_processes():
    assert distributed_settings(read_settings({}, environment={}), ProcessGroup(0, 2)).compile == "off"


def test_shards_need_several_processes():
    given_settings = read_settings({"fsdp": True}, environment={})
    with pytest.raises(InputError, match="--fsdp requires several processes"):
        distributed_settings(given_settings, ProcessGroup())
    assert distributed_settings(given_settings, ProcessGroup(0, 2)).fsdp


def test_each_rank_has_the_gpu_of_its_local_rank():
    assert own_device(torch.device("cuda", 0), ProcessGroup(5, 8, 1, 4)) == "cuda:1"
    assert own_device(torch.device("cuda", 2), ProcessGroup()) == "cuda:2"
    assert own_device(torch.device("cpu"), ProcessGroup(1, 2, 1, 2)) == "cpu"


def test_a_batch_needs_an_image_for_every_process():
    require_image_per_process(TINY_RECIPE, "tiny", ProcessGroup(0, TINY_RECIPE.batch_size))
    with pytest.raises(
        InputError, match="tiny: a batch of 8 images cannot be divided over 9 processes: start at most 8"
    ):
        require_image_per_process(TINY_RECIPE, "tiny", ProcessGroup(0, 9))


def test_the_recorded_command_names_torchrun(monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["/venv/bin/python", "-u", "-m", "pytest", "bench"])
    for name, value in (RANK_ONE_VARIABLES | {"WORLD_SIZE": "4"}).items():
        monkeypatch.setenv(name, value)
    assert this_command() == "torchrun --nnodes 2 --nproc-per-node 2 -m pytest bench"


def test_a_process_with_other_images_is_named():
    values = [{"digits resnet20 seed 0": "abc"}, {"digits resnet20 seed 0": "abd"}]
    for error in in_threads(2, lambda processes: require_same_values(values[processes.rank], processes)):
        assert isinstance(error, InputError)
        assert "process 1 of 2" in str(error)
        assert "digits resnet20 seed 0" in str(error)
    assert in_threads(2, lambda processes: require_same_values(values[0], processes)) == [None, None]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "test_digits.py").write_text(EXPERIMENT)
    (tmp_path / "conftest.py").write_text(FAULTS)
    return tmp_path


def undisturbed(case, folder):
    """Train the case in two threads without interruption: a sum of two numbers has no order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        results = ResultsFolder(folder / "undisturbed")
        return train_in_threads(2, case, registry.load("digits", folder), results)[0]
    finally:
        torch.set_num_threads(threads)


def run_out_of_memory(folder):
    status, output = run(folder, fault="memory")
    assert status != 0
    assert result_of(folder).status == "out_of_memory", output
    assert "tried to allocate 8 EiB" in result_of(folder).cause
    assert "data-parallel training has stopped: process 1 of 2" in output
    assert "written: " in output


def stop_after_two_epochs(folder):
    process = start(folder, fault="slow")
    wait_for_epochs(folder, 2)
    process.send_signal(signal.SIGTERM)
    output = process.communicate(timeout=60)[0]
    assert process.returncode != 0
    assert "interrupted: digits resnet8 seed 0" in output, output


def kill_rank_one_after_three_epochs(folder):
    process = start(folder, fault="slow")
    wait_for_epochs(folder, 3)
    os.kill(ranks_of(process)["1"], signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode != 0


@pytest.mark.slow
def test_torchrun_resumes_after_every_failure_bit_identically(folder):
    run_out_of_memory(folder)
    stop_after_two_epochs(folder)
    kill_rank_one_after_three_epochs(folder)
    status, output = run(folder, "--benchmark-autosave", "--junitxml", "junit.xml")
    assert status == 0, output
    for once in ("test session starts", "training on 2 processes", "1 passed", "index.html"):
        assert output.count(once) == 1, output
    assert len(list(folder.glob(".benchmarks/*/*.json"))) == 1
    result = result_of(folder)
    assert (result.status, result.epochs, len(result.attempts)) == ("complete", 5, 4)
    assert result.environment["processes"] == 2
    assert result.attempts[0].command.startswith("torchrun --nproc-per-node 2 -m pytest -p harness.plugin")
    assert result.changes_between_attempts == ()
    expected = undisturbed(result.case, folder)
    assert (expected.accuracy_percent, expected.confusion) == (result.accuracy_percent, result.confusion)
    weights, others = weights_of(folder), weights_of(folder, "undisturbed")
    assert all(torch.equal(weights[name], others[name]) for name in others)


@pytest.mark.release  # as the study above; own families are killed on a shared device and on a cluster too
def test_own_family_killed_under_torchrun_is_bit_identical(folder, monkeypatch):
    monkeypatch.setenv("IMPORTS", str(folder / "imports"))
    (folder / "test_digits.py").unlink()
    write_own_bench(folder, epochs=4, batch_size=128, models="NET(2, 1.5)")
    kill_rank_one_after_three_epochs(folder)
    status, output = run(folder)
    assert status == 0, output
    result = result_of(folder)
    assert (result.status, result.environment["processes"]) == ("complete", 2)
    assert len(result.attempts) == 2
    find_network(result)
    undisturbed(result.case, folder)
    weights, others = weights_of(folder), weights_of(folder, "undisturbed")
    assert all(torch.equal(weights[name], others[name]) for name in others)


@pytest.mark.slow
def test_a_process_with_other_images_ends_torchrun_with_one_error(folder):
    status, output = run(folder, fault="images")
    assert status != 0
    assert output.count("ERROR: ") == 1, output
    assert "differs from process 0 in digits resnet8 seed 0" in output
    assert not list(folder.glob("results/*/result.json"))


def test_the_command_line_refuses_several_processes(monkeypatch, capsys):
    from harness.__main__ import main

    for name, value in RANK_ONE_VARIABLES.items():
        monkeypatch.setenv(name, value)
    assert main(["models"]) == 0
    monkeypatch.setenv("RANK", "0")
    assert main(["models"]) == 2
    assert "without torchrun" in capsys.readouterr().err
