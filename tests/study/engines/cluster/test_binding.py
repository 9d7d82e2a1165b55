"""Experiments bound on every node before any of them is trained."""

from dataclasses import replace

import pytest

pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
from ray import exceptions

from harness.errors import InputError
from harness.study.engines.cluster import binding, worker
from tests.study.engines.cluster.fake_cluster import NODE_A, NODE_B


@pytest.fixture
def bind_by(monkeypatch):
    """Replaces how nodes bind: by a function of the node's letter and of what binds as usual."""
    usual = worker.Preparation.run

    def replaced(bind):
        monkeypatch.setattr(
            worker.Preparation, "run", lambda self, node_id: bind(node_id[0], lambda: usual(self, node_id))
        )

    return replaced


def with_other_images(one):
    return replace(one, bound=tuple(replace(b, case=replace(b.case, data_fingerprint="f" * 64)) for b in one.bound))


def test_a_node_that_binds_other_cases_than_most_gets_none(engine, experiment, bind_by):
    bind_by(lambda node, usual: (with_other_images(one) if node == "b" else one for one in usual()))
    engine._cluster.nodes["c" * 8] = {"CPU": 2.0}
    lines = []
    engine.prepare([experiment], lines.append)
    (line,) = (line for line in lines if "gets no cases" in line)
    assert line.startswith("node b gets no cases: digits resnet8 seed 0 would be another case there: other images")
    assert list(engine._nodes.unfit) == [NODE_B]


def test_without_a_fit_node_the_reasons_of_all_are_named(engine, experiment, bind_by):
    def lacks(node, usual):
        raise InputError(f"{node} has no data")
        yield

    bind_by(lacks)
    with pytest.raises(InputError, match=r"no node of the cluster is fit[^$]*node a: a has no data\nnode b: b has"):
        engine.prepare([experiment], lambda _: None)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "MemoryError"),
        (ValueError("first line\nlast line"), "last line"),
        (exceptions.NodeDiedError("gone"), "it was lost (NodeDiedError)"),
    ],
)
def test_a_node_that_fails_is_named_with_the_last_line_of_its_error(engine, experiment, bind_by, error, reason):
    def fails_on_a(node, usual):
        if node == "a":
            raise error
        yield from usual()

    bind_by(fails_on_a)
    lines = []
    engine.prepare([experiment], lines.append)
    assert f"node a gets no cases: {reason}" in lines


def test_notices_of_the_chosen_node_are_reported(engine, experiment, bind_by):
    bind_by(lambda node, usual: (replace(one, notices=(f"from {node}",)) for one in usual()))
    lines = []
    engine.prepare([experiment], lines.append)
    assert lines == ["from a"]


def test_a_cluster_of_several_machines_says_where_it_prepares(engine, experiment):
    engine._cluster.is_own = False
    lines = []
    engine.prepare([experiment], lines.append)
    assert lines[0] == "2 nodes of the cluster: locating, downloading and verifying the data there"


def test_without_a_node_a_waiting_task_shows_the_demand(engine, experiment, monkeypatch):
    nodes, lines, demands = engine._cluster.nodes, [], []
    engine._cluster.nodes = {}
    run = engine._cluster.run

    def note(task, share, *, on=None, **where):
        if on is None:
            demands.append(task)
        return run(task, share, on=NODE_A)

    def start_nodes(_):
        engine._cluster.nodes = nodes

    monkeypatch.setattr(engine._cluster, "run", note)
    monkeypatch.setattr(binding.time, "sleep", start_nodes)
    engine.prepare([experiment], lines.append)
    assert lines[0] == "waiting for a node with 1 CPU: a cluster has none"
    assert [task.experiments for task in demands] == [()]
    assert len(engine._cluster.cancelled) == 1
