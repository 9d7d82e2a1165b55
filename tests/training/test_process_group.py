import json
import subprocess
import sys

import pytest

from harness.errors import InputError
from harness.results.timing import timed_on, timing_changes
from harness.training.process_failure import ProcessLostError
from harness.training.process_group import ProcessGroup
from tests.helpers.rank_threads import in_threads
from tests.helpers.torchrun_process import RANK_ONE_VARIABLES


def test_process_not_started_by_torchrun_is_rank_0_of_one():
    processes = ProcessGroup.from_environment({"WORLD_SIZE": "8"})  # some clusters set it for themselves
    assert (processes.rank, processes.world_size) == (0, 1)
    assert (processes.is_rank_zero, processes.is_distributed) == (True, False)
    processes.connect()
    assert (processes.broadcast("a"), processes.all_gather("a")) == ("a", ["a"])


def test_rank_and_world_size_are_read_from_torchruns_variables():
    processes = ProcessGroup.from_environment(RANK_ONE_VARIABLES)
    assert (processes.rank, processes.world_size, processes.local_rank) == (1, 2, 1)
    assert (processes.is_rank_zero, processes.is_distributed) == (False, True)


def test_one_process_started_by_torchrun_is_not_distributed():
    assert not ProcessGroup.from_environment(RANK_ONE_VARIABLES | {"RANK": "0", "WORLD_SIZE": "1"}).is_distributed


@pytest.mark.parametrize("wrong", [{"RANK": "2"}, {"RANK": "first"}, {"WORLD_SIZE": "-1"}])
def test_variables_without_a_valid_rank_are_refused(wrong):
    with pytest.raises(
        InputError, match="RANK=.*: RANK must be a whole number below WORLD_SIZE; start pytest with torchrun"
    ):
        ProcessGroup.from_environment(RANK_ONE_VARIABLES | wrong)


def test_importing_the_process_group_does_not_import_torch():
    modules = "harness.training.process_group, harness.training.torchrun, harness.plugin, harness.training.command"
    code = f"import sys; import {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_timing_names_the_number_of_processes_and_machines():
    one = {"cpu": "EPYC", "gpu": None, "threads": 1, "versions": {"torch": "2.15"}}
    two, four = one | {"processes": 2, "machines": 1}, one | {"processes": 4, "machines": 2}
    assert timed_on(one) == timed_on(one | {"processes": 1, "machines": 1}) == "EPYC, 1 thread, torch 2.15"
    assert timed_on(two) == "EPYC, 1 thread, 2 processes, torch 2.15"
    assert timing_changes(one, four) == ["1 process → 4 processes on 2 machines"]


def test_results_hold_the_number_of_processes_and_machines(tiny_result):
    content = json.loads(tiny_result.to_text())
    assert (content["environment"]["processes"], content["environment"]["machines"]) == (1, 1)


def test_collectives_return_every_ranks_value_on_every_rank():
    def exchange(processes):
        return processes.broadcast(processes.rank), processes.all_gather(processes.rank)

    assert in_threads(3, exchange) == [(0, [0, 1, 2])] * 3


def test_followers_execute_the_commands_of_rank_zero_in_order():
    def act(processes):
        for command in ("a", "b"):
            with processes.running_together(command):
                pass
        return "done"

    def part(processes):
        executed = []
        if processes.is_rank_zero:
            return processes.run_on_rank_zero(lambda: act(processes)), ["a", "b"]
        return processes.follow(executed.append), executed

    assert in_threads(3, part) == [("done", ["a", "b"])] * 3


def raised_on_rank_zero(error):
    """Return what rank 0, which raises the error, and another rank end with."""

    def act():
        raise error

    def part(processes):
        return processes.run_on_rank_zero(act) if processes.is_rank_zero else processes.follow(lambda _: None)

    return in_threads(2, part)


@pytest.mark.parametrize(("raised", "followed"), [(InputError("no room"), InputError), (ValueError("x"), RuntimeError)])
def test_an_error_on_rank_zero_is_raised_on_all_ranks(raised, followed):
    first, second = raised_on_rank_zero(raised)
    assert first is raised
    assert (type(second), str(second)) == (followed, str(raised))


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1), pytest.fail.Exception("Timeout")])
def test_a_stop_from_outside_on_rank_zero_ends_the_other_ranks(stop):
    first, second = raised_on_rank_zero(stop)
    assert first is stop
    assert isinstance(second, KeyboardInterrupt | ProcessLostError)


def test_input_error_of_one_rank_is_raised_on_all_and_names_it():
    def agree(processes):
        with processes.raising_together():
            if processes.rank == 1:
                raise InputError("no images")

    first, second = in_threads(2, agree)
    assert str(first).startswith("process 1 of 2 on ")
    assert str(first).endswith(": no images")
    assert str(second) == "no images"
