import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn

from harness.config.settings import read_settings
from harness.data import registry
from harness.errors import InputError
from harness.hardware.stopwatch import Stopwatch
from harness.results.folder import ResultsFolder
from harness.results.result import read_result, timed_on, timing_changes
from harness.training.callback import TrainingCallback
from harness.training.command import this_command
from harness.training.context import TrainingContext
from harness.training.process_group import ProcessGroup, distributed_settings, require_image_per_process
from harness.training.train import train
from harness.training.trainers import fast
from harness.training.trainers.data_parallel import DataParallelTrainer, Follower, shard
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.sync_batch_norm import SynchronisedBatchNorm, synchronise_batch_norm
from tests.helpers import REPOSITORY
from tests.helpers.rank_threads import in_threads
from tests.helpers.tiny import CPU, TINY_RECIPE, TINY_SPEC, make_case, make_dataset

TORCHRUN = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
TORCHRUN |= {"MASTER_ADDR": "here", "MASTER_PORT": "1"}


# --- who is who ---


def test_a_process_that_torchrun_did_not_start_is_the_first_of_one():
    processes = ProcessGroup.from_environment({"WORLD_SIZE": "8"})  # as some clusters set it for themselves
    assert (processes.rank, processes.world_size, processes.is_rank_zero, processes.is_distributed) == (
        0,
        1,
        True,
        False,
    )
    processes.connect()
    assert (processes.broadcast("a"), processes.all_gather("a")) == ("a", ["a"])


def test_torchruns_variables_say_which_process_it_is():
    processes = ProcessGroup.from_environment(TORCHRUN)
    assert (
        processes.rank,
        processes.world_size,
        processes.local_rank,
        processes.is_rank_zero,
        processes.is_distributed,
    ) == (1, 2, 1, False, True)


def test_one_process_that_torchrun_started_is_on_its_own():
    assert not ProcessGroup.from_environment(TORCHRUN | {"RANK": "0", "WORLD_SIZE": "1"}).is_distributed


@pytest.mark.parametrize("wrong", [{"RANK": "2"}, {"RANK": "first"}, {"WORLD_SIZE": "-1"}])
def test_variables_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError, match="torchrun"):
        ProcessGroup.from_environment(TORCHRUN | wrong)


def test_meeting_the_others_does_not_begin_before_training():
    modules = "harness.training.process_group, harness.plugin, harness.training.command"
    code = f"import sys; import {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("option", [{"pipeline": "reference"}, {"compile": "on"}, {"device": "cuda:1"}])
def test_what_one_process_alone_can_do_is_refused(option):
    given_settings = read_settings(option, environment={})
    assert distributed_settings(given_settings, ProcessGroup()) is given_settings
    with pytest.raises(InputError, match=r"--(pipeline reference|compile on|device cuda:1) is for one process"):
        distributed_settings(given_settings, ProcessGroup(0, 2))


def test_nothing_is_compiled_by_several_processes():
    assert distributed_settings(read_settings({}, environment={}), ProcessGroup(0, 2)).compile == "off"


def test_a_batch_has_an_image_for_every_process():
    require_image_per_process(TINY_RECIPE, "tiny", ProcessGroup(0, TINY_RECIPE.batch_size))
    with pytest.raises(InputError, match="tiny: a batch of 8 cannot be divided over 9 processes"):
        require_image_per_process(TINY_RECIPE, "tiny", ProcessGroup(0, 9))


def test_times_of_several_processes_are_told_apart():
    one = {"cpu": "EPYC", "gpu": None, "threads": 1, "versions": {"torch": "2.15"}}
    two, four = one | {"processes": 2, "machines": 1}, one | {"processes": 4, "machines": 2}
    assert timed_on(one) == timed_on(one | {"processes": 1, "machines": 1}) == "EPYC, 1 thread, torch 2.15"
    assert timed_on(two) == "EPYC, 1 thread, 2 processes, torch 2.15"
    assert timing_changes(one, four) == ["1 process → 4 processes on 2 machines"]


def test_the_command_is_kept_as_it_was_typed(monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["/venv/bin/python", "-u", "-m", "pytest", "bench"])
    for name, value in (TORCHRUN | {"WORLD_SIZE": "4"}).items():
        monkeypatch.setenv(name, value)
    assert this_command() == "torchrun --nnodes 2 --nproc-per-node 2 -m pytest bench"


@given(st.integers(0, 50), st.integers(0, 300), st.integers(1, 9))
def test_every_position_is_one_processs(start, count, size):
    shares = [list(shard(start, start + count, ProcessGroup(rank, size))) for rank in range(size)]
    assert list(itertools.chain(*shares)) == list(range(start, start + count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


# --- the same computation ---


@settings(deadline=None, max_examples=25)
@given(
    sizes=st.lists(st.integers(0, 4), min_size=2, max_size=3).filter(lambda sizes: sum(sizes) > 0),
    mean=st.sampled_from([0.0, 100.0]),
    seed=st.integers(0, 99),
)
def test_batch_norm_over_processes_is_that_of_one(sizes, mean, seed):
    torch.manual_seed(seed)
    x, gradient = (torch.randn(sum(sizes), 3, 2, 5, dtype=torch.float64) for _ in range(2))
    x = (x + mean).contiguous(memory_format=torch.channels_last)
    whole = nn.BatchNorm2d(3, dtype=torch.float64)
    nn.init.uniform_(whole.weight)
    nn.init.uniform_(whole.bias)
    state = {name: value.clone() for name, value in whole.state_dict().items()}
    everything = x.clone().requires_grad_()
    expected = whole(everything)
    expected.backward(gradient)

    def part(processes):
        module = nn.BatchNorm2d(3, dtype=torch.float64)
        module.load_state_dict(state)
        network = synchronise_batch_norm(nn.Sequential(module), CPU, processes)
        own = x.split(sizes)[processes.rank].clone().requires_grad_()
        out = network(own)
        out.backward(gradient.split(sizes)[processes.rank])
        return network, own.grad, out.detach()

    parts = in_threads(len(sizes), part)
    torch.testing.assert_close(torch.cat([out for _, _, out in parts]), expected.detach())
    torch.testing.assert_close(torch.cat([by_x for _, by_x, _ in parts]), everything.grad)
    for name in ("weight", "bias"):
        torch.testing.assert_close(sum(getattr(n[0], name).grad for n, _, _ in parts), getattr(whole, name).grad)
    for network, _, _ in parts:
        assert network.state_dict().keys() == {f"0.{name}" for name in state}
        for name, value in network[0].state_dict().items():
            torch.testing.assert_close(value, whole.state_dict()[name])


def test_batch_norm_over_processes_evaluates_as_any():
    whole = nn.BatchNorm2d(2)
    whole.running_mean.fill_(3)
    module = SynchronisedBatchNorm.of(whole.eval(), ProcessGroup(0, 2))
    x = torch.randn(1, 2, 2, 2)
    assert torch.equal(module(x), whole(x))


def test_batch_norm_over_processes_learns_at_bfloat16_too():
    def part(processes):
        module = synchronise_batch_norm(nn.Sequential(nn.BatchNorm2d(2)), CPU, processes)
        with torch.autocast("cpu", torch.bfloat16):
            out = module(torch.arange(16.0).view(2, 2, 2, 2).bfloat16())
            out.float().square().sum().backward()
        return out.dtype, module[0].weight.grad.isfinite().all().item()

    assert in_threads(2, part) == [(torch.bfloat16, True)] * 2


@pytest.fixture
def in_double(monkeypatch):
    """Networks and their inputs in double precision, in which sums in another order differ by nothing to speak of."""
    load, initial = FastTrainer._load, fast.initial_network

    def loaded(self, *arguments):
        inputs, labels = load(self, *arguments)
        return inputs.double(), labels

    monkeypatch.setattr(FastTrainer, "_load", loaded)
    monkeypatch.setattr(fast, "initial_network", lambda *arguments: initial(*arguments).double())


# 30 images: whole batches and one of 6; 25: a last batch of one, which leaves all processes but one without any.
@pytest.mark.parametrize(("images", "size"), [(30, 2), (30, 4), (25, 2), (25, 3)])
def test_an_epoch_of_several_processes_is_that_of_one(images, size, in_double):
    dataset = make_dataset(train_images=images)
    case = make_case(dataset)
    alone = FastTrainer(case, TINY_SPEC, CPU)
    expected = [alone.train_epoch(dataset.train, epoch, Stopwatch(CPU)) for epoch in range(3)]

    def part(processes):
        trainer = DataParallelTrainer(case, TINY_SPEC, CPU, processes)
        outcomes = [trainer.train_epoch(dataset.train, epoch, Stopwatch(CPU)) for epoch in range(3)]
        return outcomes, trainer.weights(), trainer.momentum()

    for outcomes, weights, momentum in in_threads(size, part):
        assert np.allclose(outcomes, expected, rtol=1e-9, atol=0)
        for name, value in alone.weights().items():
            torch.testing.assert_close(weights[name], value, rtol=1e-7, atol=1e-10)
        for name, value in alone.momentum().items():
            torch.testing.assert_close(momentum[name], value, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("count", [1, 13])
def test_every_image_is_evaluated_once_and_in_its_order(count):
    dataset = make_dataset(test_images=count)
    case = make_case(dataset)
    expected = FastTrainer(case, TINY_SPEC, CPU).evaluate(dataset.test)
    for found in in_threads(
        3, lambda processes: DataParallelTrainer(case, TINY_SPEC, CPU, processes).evaluate(dataset.test)
    ):
        assert found.loss == pytest.approx(expected.loss, rel=1e-5)
        assert found.accuracy_percent == expected.accuracy_percent
        assert found.predictions.tolist() == expected.predictions.tolist()


# --- the same record ---


class Stopping(TrainingCallback):
    def __init__(self, after):
        self.after, self.epochs = after, 0

    def on_epoch(self, case, record):
        self.epochs += 1

    def should_stop(self):
        return self.epochs == self.after


def train_together(size, case, dataset, results, callback=None):
    """A case trained by threads that pass for processes: what each came to."""

    def part(processes):
        if processes.is_rank_zero:
            return processes.run_on_rank_zero(
                lambda: train(
                    case,
                    dataset,
                    results,
                    CPU,
                    context=TrainingContext(callback=callback or TrainingCallback(), processes=processes),
                )
            )
        return processes.follow(Follower(case, dataset, CPU, processes).execute)

    return in_threads(size, part)


@pytest.mark.parametrize("val_split", [0.0, 0.3])
def test_a_case_trained_together_comes_to_the_same_for_all_and_is_recorded_once(val_split, tiny_dataset, results):
    case = make_case(tiny_dataset, val_split=val_split)
    outcomes = train_together(2, case, tiny_dataset, results)
    assert [outcome.status for outcome in outcomes] == ["complete", "complete"]
    assert outcomes[0] == outcomes[1] == results.find(case)
    assert outcomes[0].environment["processes"] == 2
    assert len(results.read_epochs(case)) == 3
    assert train_together(2, case, tiny_dataset, results) == outcomes  # finished
    assert train(case, tiny_dataset, results, CPU) == outcomes[0]


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 2)])
def test_any_number_of_processes_goes_on_with_what_another_began(before, after, tiny_dataset, results, tmp_path):
    case = make_case(tiny_dataset)
    undisturbed = train_together(after, case, tiny_dataset, ResultsFolder(tmp_path / "undisturbed"))[0]
    with_one = before == 1
    if with_one:
        with pytest.raises(KeyboardInterrupt):
            train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=Stopping(1)))
    else:
        stopped = train_together(before, case, tiny_dataset, results, Stopping(1))
        assert all(isinstance(one, KeyboardInterrupt) for one in stopped)
    result = train_together(after, case, tiny_dataset, results)[0]
    assert (result.status, result.epochs, result.interrupted_after) == ("complete", 3, (1,))
    changes = [change for change in result.changes_between_attempts if "process" in change]  # not of threads
    assert changes == ([] if before == after else [f"{several(before)} → {several(after)}"])
    assert result.accuracy_percent == pytest.approx(undisturbed.accuracy_percent, abs=0 if before == after else 10)
    if before == after:
        first, second = (load_file(results_of / "weights.safetensors") for results_of in (
            results.folder(case), tmp_path / "undisturbed" / case.folder_name))  # fmt: skip
        assert all(torch.equal(first[name], second[name]) for name in first)


def several(count):
    return "1 process" if count == 1 else f"{count} processes"


def test_divergence_is_everybodys(tiny_dataset, results):
    case = make_case(tiny_dataset, recipe=replace(TINY_RECIPE, learning_rate=1e30))
    assert [one.status for one in train_together(2, case, tiny_dataset, results)] == ["diverged"] * 2


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize(
    ("error", "status"), [(torch.OutOfMemoryError("8 EiB"), "out_of_memory"), (RuntimeError("fell out"), "failed")]
)
def test_a_failure_of_one_is_recorded_and_nobody_waits_for_it(
    failing, error, status, tiny_dataset, results, monkeypatch
):
    step, steps = DataParallelTrainer.step, []

    def fail(self, batch, labels):
        if self._processes.rank == failing:
            steps.append(1)
            if len(steps) == 6:
                raise error
        step(self, batch, labels)

    monkeypatch.setattr(DataParallelTrainer, "step", fail)
    case = make_case(tiny_dataset)
    outcomes = train_together(3, case, tiny_dataset, results)
    assert results.find(case).status == status
    assert f"process {failing} of 3" in results.find(case).cause or failing == 0
    assert str(error) in results.find(case).cause
    assert all(isinstance(one, Exception) for one in outcomes[1:])
    monkeypatch.undo()
    assert train_together(3, case, tiny_dataset, results)[0].is_complete
    assert results.find(case).interrupted_after == (1,)


def test_what_the_first_is_refused_all_are(tiny_dataset, results, monkeypatch):
    def refuse(*_):
        raise InputError("no room")

    monkeypatch.setattr(results, "write_epochs", refuse)
    outcomes = train_together(2, make_case(tiny_dataset), tiny_dataset, results)
    assert [(type(one), str(one)) for one in outcomes] == [(InputError, "no room")] * 2


def test_a_refusal_by_one_process_is_all_processes_refusal_and_names_it():
    def agree(processes):
        with processes.raising_together():
            if processes.rank == 1:
                raise InputError("no images")

    first, second = in_threads(2, agree)
    assert str(first).startswith("process 1 of 2 on ")
    assert str(first).endswith(": no images")
    assert str(second) == "no images"


def test_processes_that_have_other_images_are_named():
    values = [{"digits resnet20 seed 0": "abc"}, {"digits resnet20 seed 0": "abd"}]
    for error in in_threads(2, lambda processes: processes.require_same_values(values[processes.rank])):
        assert isinstance(error, InputError)
        assert "process 1 of 2" in str(error)
        assert "digits resnet20 seed 0" in str(error)
    assert in_threads(2, lambda processes: processes.require_same_values(values[0])) == [None, None]


# --- real processes ---

EXPERIMENT = """
import dataclasses
import pytest
from harness.config.recipes import DIGITS

RECIPE = dataclasses.replace(DIGITS, name="short", epochs=5, milestones=(3,), batch_size=512)

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


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "test_digits.py").write_text(EXPERIMENT)
    (tmp_path / "conftest.py").write_text(FAULTS)
    return tmp_path


def start(folder, *options, fault=None):
    """``torchrun -m pytest`` of two processes in the folder, warnings as errors."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "pytest"]
    command += ["-p", "harness.plugin", "-W", "error", "--full-training", *options]
    environment = os.environ | {"FAULT": fault or "", "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
    environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), environment.get("PYTHONPATH", "")])
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def run(folder, *options, fault=None):
    process = start(folder, *options, fault=fault)
    output = process.communicate(timeout=100)[0]
    return process.returncode, output


def result_of(folder, results="results"):
    (path,) = (folder / results).glob("*/result.json")
    return read_result(path)


def weights_of(folder, results="results"):
    (path,) = (folder / results).glob("*/weights.safetensors")
    return load_file(path)


def wait_for_epochs(folder, count):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if sum(path.read_bytes().count(b"\n") for path in folder.glob("results/*/epochs.jsonl")) >= count:
            return
        time.sleep(0.02)
    raise AssertionError("no epoch came")


def workers(process):
    """The processes that a torchrun started, by rank."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if status[1] == str(process.pid):
            found |= {variable[5:].decode(): int(entry.name) for variable in environment if variable[:5] == b"RANK="}
    return found


def undisturbed(case, folder):
    """What threads that pass for two processes come to with the case: of two numbers, any sum is the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        results = ResultsFolder(folder / "undisturbed")
        return train_together(2, case, registry.load("digits", folder), results)[0]
    finally:
        torch.set_num_threads(threads)


def test_torchrun_trains_a_case_with_one_record_and_one_voice_and_survives_whatever_stops_it(folder):
    status, output = run(folder, fault="memory")
    assert status != 0
    assert result_of(folder).status == "out_of_memory", output
    assert "tried to allocate 8 EiB" in result_of(folder).cause
    assert "data-parallel training has stopped: process 1 of 2" in output
    assert "written: " in output

    asked_to_stop = start(folder, fault="slow")
    wait_for_epochs(folder, 2)
    asked_to_stop.send_signal(signal.SIGTERM)
    output = asked_to_stop.communicate(timeout=60)[0]
    assert asked_to_stop.returncode != 0
    assert "interrupted: digits resnet8 seed 0" in output, output

    killed = start(folder, fault="slow")
    wait_for_epochs(folder, 3)
    os.kill(workers(killed)["1"], signal.SIGKILL)
    killed.communicate(timeout=60)
    assert killed.returncode != 0

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


def test_what_cannot_be_trained_together_is_refused_in_a_line(folder):
    status, output = run(folder, fault="images")
    assert status != 0
    assert output.count("ERROR: ") == 1, output
    assert "does not have what process 0 has: digits resnet8 seed 0" in output
    assert not list(folder.glob("results/*/result.json"))


def test_measurements_and_the_command_line_are_for_one_process(monkeypatch, capsys):
    from harness.__main__ import main

    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    assert main(["models"]) == 0
    monkeypatch.setenv("RANK", "0")
    assert main(["models"]) == 2
    assert "without torchrun" in capsys.readouterr().err


def test_results_say_how_many_processes_as_whole_numbers(tiny_result):
    content = json.loads(tiny_result.to_text())
    assert (content["environment"]["processes"], content["environment"]["machines"]) == (1, 1)
