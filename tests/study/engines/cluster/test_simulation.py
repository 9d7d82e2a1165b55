"""Whole runs on a simulated cluster, with real faults: ``tox -e slow -- -m scale``."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

import psutil
import pytest

from harness.results.folder import ResultsFolder
from tests.helpers.pytest_process import REPOSITORY, Run
from tests.helpers.training import outcome

pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
from tests.study.engines.cluster.simulation import SimulatedCluster, wait_until

pytestmark = [
    pytest.mark.scale,
    # Ray's own, at its import and at the end of its processes.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:ray"),
]

BENCH = """
from dataclasses import replace
import pytest
from harness.config.recipes import DIGITS
RECIPE = replace(DIGITS, epochs={epochs}, milestones=(), batch_size=32)
@pytest.mark.experiment({dataset!r}, models={models!r}, recipe=RECIPE)
def test_sweep(trained, epoch_records):
    assert trained.is_complete
    assert [record.epoch for record in epoch_records] == list(range(1, {epochs} + 1))
"""


@pytest.fixture
def cluster(tmp_path_factory):
    cluster = SimulatedCluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


@pytest.fixture
def two_nodes(cluster):
    cluster.add("north")
    cluster.add("south")
    return cluster


@pytest.fixture
def folder(tmp_path):
    def make(name, epochs, models=("resnet8", "resnet8-2"), dataset="digits"):
        place = tmp_path / name
        place.mkdir()
        (place / "test_sweep.py").write_text(BENCH.format(epochs=epochs, models=list(models), dataset=dataset))
        return place

    return make


def run_on(cluster, place, *arguments):
    return Run(place, "--engine", "ray", "--ray-address", cluster.address, *arguments)


def results_in(place):
    read, problems = ResultsFolder(place / "results").read_all()
    assert problems == []
    return {f"{result.model}-seed{result.seed}": result for result in read}


def outcomes(place):
    results = ResultsFolder(place / "results")
    return {name: outcome(result.case, results) for name, result in results_in(place).items()}


def workers():
    """The ids of processes below this one that run a task."""
    below = {one.pid for one in psutil.Process().children(recursive=True)}
    listing = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    ids = [int(line.split()[0]) for line in listing.splitlines() if "ray::run_task" in line]
    return [one for one in ids if one in below]


def test_a_killed_node_changes_no_outcome(two_nodes, folder):
    alone, spread = folder("alone", epochs=12), folder("spread", epochs=12)
    assert Run(alone, "--seeds", "0,1").end()[0] == pytest.ExitCode.OK
    run = run_on(two_nodes, spread, "--seeds", "0,1")
    run.wait_for_cases(2, epochs=2)  # one on each node
    two_nodes.kill("south")
    code, said = run.end()
    assert code == pytest.ExitCode.OK, said
    assert "its worker on node south" in said
    assert "was lost (NodeDiedError): resuming from its last report" in said
    assert "workers of 1 case were lost: 1 time on south" in said
    assert outcomes(spread) == outcomes(alone)
    results = results_in(spread).values()
    assert sorted(len(result.attempts) for result in results) == [1, 1, 1, 2]
    (resumed,) = (result for result in results if len(result.attempts) == 2)
    assert resumed.interrupted_after[0] > 0
    assert [attempt.environment["node"].split()[0] for attempt in resumed.attempts] == ["south", "north"]
    assert {result.environment["threads"] for result in results} == {1}
    assert len(list((spread / "results").glob("*/result.json"))) == 4


def test_a_killed_worker_is_retried_and_failures_are_recorded(two_nodes, folder):
    models = ("resnet8", "resnet8-2", "resnet14", "resnet14-2", "resnet20", "resnet8-3")
    place = folder("run", epochs=4, models=models)
    two_nodes.inject("kill", "resnet8-seed0")
    two_nodes.inject("diverge", "resnet8-2-seed0")
    two_nodes.inject("memory", "resnet14-seed0")
    two_nodes.inject("bug", "resnet14-2-seed0")
    two_nodes.inject("always-kill", "resnet8-3-seed0")
    code, said = run_on(two_nodes, place).end()
    assert code == pytest.ExitCode.TESTS_FAILED
    results = results_in(place)
    assert {name: result.status for name, result in results.items()} == {
        "resnet8-seed0": "complete",
        "resnet8-2-seed0": "diverged",
        "resnet14-seed0": "out_of_memory",
        "resnet14-2-seed0": "failed",
        "resnet20-seed0": "complete",
    }
    assert results["resnet8-seed0"].interrupted_after in ((1,), (2,))  # the last report may have died with the worker
    assert [len(results[f"{name}-seed0"].attempts) for name in models[1:5]] == [1, 1, 1, 1]
    assert "injected" in results["resnet14-seed0"].cause
    assert results["resnet14-seed0"].epochs == 2
    assert "ZeroDivisionError: a bug" in said
    assert "digits resnet8-3 seed 0: its worker was lost 3 times in a row without a further epoch" in said
    assert "2 failed, 2 passed, 2 errors" in said


def test_ctrl_c_stops_outstanding_cases_and_shows_finished_ones(two_nodes, folder):
    place = folder("run", epochs=20)
    command = ("--seeds", "0,1")
    run = run_on(two_nodes, place, *command)
    wait_until(lambda: len(list((place / "results").glob("*/result.json"))) == 2)
    time.sleep(1)  # else the signal comes between two tests, where no case is interrupted
    code, said = run.end(signal.SIGINT)
    assert code == pytest.ExitCode.INTERRUPTED
    assert "interrupted: digits resnet8" in said
    assert said.count("\nresnet8 s") >= 2  # in the table
    assert "not finished: digits-resnet8" in said
    wait_until(lambda: not workers())
    done = results_in(place)
    code, said = run_on(two_nodes, place, *command).end()
    assert code == pytest.ExitCode.OK, said
    again = results_in(place)
    assert len(again) == 4
    assert all(again[name].finished_at == result.finished_at for name, result in done.items())
    assert any(result.interrupted_after and result.interrupted_after[0] > 0 for result in again.values())


def test_nodes_with_other_or_no_code_are_named_and_get_no_cases(cluster, folder, tmp_path):
    other, none = tmp_path / "other", tmp_path / "none"
    shutil.copytree(REPOSITORY / "harness", other / "harness")
    (other / "harness/text.py").write_text((other / "harness/text.py").read_text() + "\n# changed\n")
    (none / "harness").mkdir(parents=True)
    (none / "harness/__init__.py").write_text("raise ModuleNotFoundError('nothing of it is there')")
    cluster.add("north")
    cluster.add("older", PYTHONPATH=str(other))
    cluster.add("bare", PYTHONPATH=str(none))
    place = folder("run", epochs=2)
    code, said = run_on(cluster, place).end()
    assert code == pytest.ExitCode.OK, said
    assert "node older" in said
    assert "gets no cases: it has another version of the code, " in said
    assert "node bare" in said
    assert "wider-or-deeper cannot be imported by" in said
    assert "(nothing of it is there): install it" in said
    assert {result.environment["node"].split()[0] for result in results_in(place).values()} == {"north"}


def test_a_node_without_the_data_is_named(cluster, folder, tmp_path):
    nowhere = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    cluster.add("south", XDG_CACHE_HOME=str(tmp_path / "cache"), **nowhere)
    code, said = run_on(cluster, folder("run", 2, dataset="gtsrb", models=["resnet8"])).end()
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "no node of the cluster is fit for these cases" in said
    assert f"dataset gtsrb is not in {tmp_path / 'cache'}" in said
    assert "node south" in said


@pytest.mark.release  # the options of a task have quick tests in test_connection.py
def test_exclusive_cases_have_all_threads_and_are_not_co_scheduled(folder):
    place = folder("run", epochs=2)
    with tempfile.TemporaryDirectory(prefix="wod-") as machine:  # a short name: Ray's sockets lie in it
        code, said = Run(place, "--engine", "ray", "--exclusive", variables={"TMPDIR": machine}).end()
    assert code == pytest.ExitCode.OK, said
    results = results_in(place).values()
    assert {result.environment["threads"] for result in results} == {os.cpu_count()}
    assert {result.environment["co_scheduled"] for result in results} == {False}


@pytest.mark.release  # as cases that share a machine, in tests/hardware/test_co_scheduling.py
def test_cases_that_share_a_node_are_marked_co_scheduled(two_nodes, folder):
    place = folder("run", epochs=10, models=["resnet8"])
    code, said = run_on(two_nodes, place, "--seeds", "0,1").end()
    assert code == pytest.ExitCode.OK, said
    assert {result.environment["co_scheduled"] for result in results_in(place).values()} == {True}
    assert "co-scheduled" in said


@pytest.mark.release  # as two runs on one machine, in tests/faults/test_processes.py
def test_two_runs_with_one_results_folder_train_each_case_once(two_nodes, folder):
    place = folder("run", epochs=15)
    first = run_on(two_nodes, place, "--seeds", "0,1")
    first.wait_for_epochs(2)
    second_place = folder("second", epochs=15)
    second = run_on(two_nodes, second_place, "--seeds", "0,1", "--results-dir", str(place / "results"))
    assert first.end()[0] == pytest.ExitCode.OK
    code, said = second.end()
    assert code == pytest.ExitCode.OK, said
    assert {len(result.attempts) for result in results_in(place).values()} == {1}


def test_an_address_without_a_cluster_is_named(folder):
    code, said = Run(folder("run", 2), "--engine", "ray", "--ray-address", "127.0.0.1:9").end()
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--ray-address 127.0.0.1:9: no cluster answers there" in said
    assert "Traceback" not in said


def test_more_cpus_than_the_machine_has_are_named(folder):
    code, said = Run(folder("run", 2), "--engine", "ray", "--cpus-per-case", "4096").end()
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "a case needs 4096 CPUs, this machine has" in said
