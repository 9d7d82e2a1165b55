import pytest

pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")

from dataclasses import replace

from harness.config.data_folder import default_data_dir
from harness.errors import InputError
from harness.study.engines.cluster.connection import Share
from harness.study.engines.cluster.node_pool import NodePool
from tests.study.engines.cluster.fake_cluster import NODE_A, NODE_B, FakeCluster


class NotingCluster(FakeCluster):
    """Keeps which nodes may run a task instead of running it."""

    def run(self, task, share, *, on=None, not_on=frozenset()):
        return on, not_on


@pytest.fixture
def pool(settings):
    return NodePool(NotingCluster("auto"), settings)


def test_nodes_that_lost_a_case_are_avoided_while_others_are_fit(pool):
    assert pool.run(None) == (None, frozenset())
    assert pool.run(None, avoid=[NODE_A]) == (None, {NODE_A})
    assert pool.run(None, avoid=[NODE_A, NODE_B]) == (None, frozenset())


def test_unfit_nodes_are_excluded_even_if_all_others_lost_the_case(pool):
    lines = []
    pool.exclude(NODE_A, "too old", lines.append)
    pool.exclude(NODE_A, "too old", lines.append)
    assert lines == ["node a gets no cases: too old"]
    assert pool.run(None) == (None, {NODE_A})
    assert pool.run(None, avoid=[NODE_B]) == (None, {NODE_A})
    assert pool.run(None, on=NODE_A) == (NODE_A, frozenset())


def test_excluding_the_last_fit_node_is_an_error_that_names_it(pool):
    pool.exclude(NODE_A, "too old", lambda _: None)
    with pytest.raises(InputError, match="no node of the cluster is fit for this case any more; node b: too small"):
        pool.exclude(NODE_B, "too small", lambda _: None)


def test_nodes_too_small_for_a_case_do_not_count(pool):
    pool.share = Share(2, 2, 0.0)
    pool.cluster.nodes = {NODE_A: {"CPU": 5.0}, NODE_B: {"CPU": 1.0}}
    assert pool.large_enough() == [NODE_A]
    assert pool.cases_at_once() == 2
    pool.cluster.nodes = {}
    assert (pool.large_enough(), pool.cases_at_once()) == ([], 1)


def test_nodes_get_their_own_device_and_default_data_folder(settings, tmp_path):
    pool = NodePool(FakeCluster("auto"), replace(settings, device="auto", data_dir=default_data_dir()))
    assert (pool.settings.device, pool.data_dir) == ("cpu", None)
    elsewhere = NodePool(FakeCluster("auto"), replace(settings, data_dir=tmp_path))
    assert elsewhere.data_dir == tmp_path


def test_auto_compiling_nothing_on_gpus_is_reported_once(settings, monkeypatch):
    lines = []
    NodePool(FakeCluster("auto"), settings).report_compiling(lines.append)
    monkeypatch.setattr(FakeCluster, "share", lambda *_: Share(1, 1, 0.5))
    NodePool(FakeCluster("auto"), replace(settings, compile="off")).report_compiling(lines.append)
    assert lines == []
    pool = NodePool(FakeCluster("auto"), settings)
    for _ in range(2):
        pool.report_compiling(lines.append)
    (line,) = lines
    assert line.startswith("--compile auto: networks are not compiled on a cluster")
    assert pool.settings.compile == "off"


def test_cases_with_a_gpu_get_it_as_cuda(settings, monkeypatch):
    monkeypatch.setattr(FakeCluster, "share", lambda *_: Share(1, 1, 0.5))
    assert NodePool(FakeCluster("auto"), replace(settings, device="auto")).settings.device == "cuda"
