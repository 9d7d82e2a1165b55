"""The first code that runs on a node: the node's own harness runs the task, or the reason is reported."""

import pickle
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
import ray

from harness.errors import InputError
from harness.study.engines.cluster import bootstrap
from harness.training.code_version import source_version

NODE = "a" * 8


class Task:
    """A task that reports two words, or refuses."""

    def __init__(self, reason=None):
        self.reason = reason

    def run(self, node_id):
        if self.reason:
            raise InputError(self.reason)
        yield from ("one", "two")


@pytest.fixture(autouse=True)
def a_node(monkeypatch):
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: NODE))


def test_the_same_code_runs_the_task_and_yields_its_reports():
    assert list(bootstrap.run_task(source_version(), pickle.dumps(Task()))) == ["one", "two"]


def test_an_unfit_node_yields_its_id_and_the_reason():
    assert list(bootstrap.run_task(source_version(), pickle.dumps(Task("no data")))) == [(NODE, "no data")]


def test_another_version_of_the_code_is_named_and_runs_nothing():
    ((node_id, reason),) = bootstrap.run_task("0" * 12, b"never read")
    assert node_id == NODE
    assert reason == f"it has another version of the code, {source_version()}, not 000000000000: install the same"


def test_a_node_without_the_harness_names_the_interpreter(monkeypatch):
    monkeypatch.setitem(sys.modules, "harness.training.code_version", None)
    ((node_id, reason),) = bootstrap.run_task(source_version(), b"never read")
    assert node_id == NODE
    assert reason.startswith(f"wider-or-deeper cannot be imported by {sys.executable} there (")
    assert reason.endswith("): install it")
