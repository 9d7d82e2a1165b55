import asyncio

import pytest

pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")

from harness.config.settings import read_settings
from harness.errors import InputError
from harness.study.engines.cluster.connection import Cluster, Share, reports_of

LARGE, SMALL, GPU = {"CPU": 16.0}, {"CPU": 4.0}, {"CPU": 8.0, "GPU": 2.0}


@pytest.fixture
def share(monkeypatch):
    """Computes a case's share by some options on a cluster of some nodes."""

    def compute(*nodes, is_own=False, **options):
        cluster = Cluster.__new__(Cluster)  # without a connection
        cluster.is_own = is_own
        monkeypatch.setattr(Cluster, "nodes", {str(number): node for number, node in enumerate(nodes)})
        return cluster.share(read_settings({"engine": "ray"} | options, {}))

    return compute


def test_a_case_gets_a_cpu_and_a_gpu_if_there_is_any(share):
    assert share(LARGE, SMALL) == Share(1, 1, 0.0)
    assert share(LARGE, GPU) == Share(1, 1, 1.0)
    assert share(LARGE, GPU, device="cpu") == Share(1, 1, 0.0)
    assert share(LARGE, GPU, cpus_per_case="3", gpus_per_case="0.5") == Share(3, 3, 0.5)
    assert share(LARGE, GPU, gpus_per_case="0") == Share(1, 1, 0.0)


def test_exclusive_asks_for_all_cpus_of_the_largest_node_with_the_gpus(share):
    assert share(LARGE, SMALL, exclusive=True) == Share(16, 16, 0.0)
    assert share(LARGE, SMALL, GPU, exclusive=True) == Share(8, 8, 1.0)
    assert share(LARGE, SMALL, exclusive=True, cpus_per_case="2") == Share(2, 16, 0.0)


def test_a_share_that_no_node_has_is_refused_with_what_there_is(share):
    with pytest.raises(InputError, match="a case needs 32 CPUs, this machine has 16 CPUs"):
        share(LARGE, is_own=True, cpus_per_case="32")
    with pytest.raises(InputError, match="--device cuda: Ray sees no GPU on this machine"):
        share(LARGE, is_own=True, device="cuda")
    with pytest.raises(InputError, match="--exclusive: no running node has the CPUs and GPUs that a case needs"):
        share(exclusive=True)


def test_a_remote_cluster_may_get_a_node_that_is_large_enough(share):
    assert share(LARGE, device="cuda") == Share(1, 1, 1.0)
    assert share(cpus_per_case="32") == Share(32, 32, 0.0)


@pytest.mark.parametrize(
    ("share_per_case", "node", "count"),
    [
        (Share(1, 1, 0.0), LARGE, 16),
        (Share(3, 3, 0.0), LARGE, 5),
        (Share(1, 1, 1.0), GPU, 2),
        (Share(1, 1, 0.5), GPU, 4),
        (Share(1, 1, 0.25), {"CPU": 2.0, "GPU": 1.0}, 2),
        (Share(1, 1, 1.0), LARGE, 0),
        (Share(8, 8, 0.0), SMALL, 0),
    ],
)
def test_the_cases_that_fit_on_a_node_at_once_are_counted(share_per_case, node, count):
    assert share_per_case.count_in(node) == count
    assert share_per_case.fits_in(node) is (count > 0)


def test_an_address_without_a_cluster_is_refused_at_once_with_a_remedy():
    with pytest.raises(
        InputError, match=r"--ray-address 127\.0\.0\.1:9: no cluster answers there [^$]*ray start --head"
    ):
        Cluster("127.0.0.1:9")


def test_reports_are_read_in_order():
    async def reference(report):
        return report

    async def task():
        for report in "abc":
            yield reference(report)

    async def read():
        return [report async for report in reports_of(task())]

    assert asyncio.run(read()) == ["a", "b", "c"]
