import pytest

pytest.importorskip("ray", reason="needs Ray: pip install 'wider-or-deeper[ray]'")

from harness.config.settings import read_settings
from harness.errors import InputError
from harness.study.engines.cluster.connection import Cluster, Share

LARGE, SMALL, GPU = {"CPU": 16.0}, {"CPU": 4.0}, {"CPU": 8.0, "GPU": 2.0}


@pytest.fixture
def share(monkeypatch):
    """What a case asks for by some options on a cluster of some nodes."""

    def asked(*nodes, is_own=False, **options):
        cluster = Cluster.__new__(Cluster)  # without a connection
        cluster.is_own = is_own
        monkeypatch.setattr(Cluster, "nodes", {str(number): node for number, node in enumerate(nodes)})
        return cluster.share(read_settings({"engine": "ray"} | options, {}))

    return asked


def test_a_case_asks_for_a_cpu_and_for_a_gpu_where_there_is_any(share):
    assert share(LARGE, SMALL) == Share(1, 1, 0.0)
    assert share(LARGE, GPU) == Share(1, 1, 1.0)
    assert share(LARGE, GPU, device="cpu") == Share(1, 1, 0.0)
    assert share(LARGE, GPU, cpus_per_case="3", gpus_per_case="0.5") == Share(3, 3, 0.5)
    assert share(LARGE, GPU, gpus_per_case="0") == Share(1, 1, 0.0)


def test_a_node_of_its_own_is_one_of_the_largest_that_will_do(share):
    assert share(LARGE, SMALL, exclusive=True) == Share(16, 16, 0.0)
    assert share(LARGE, SMALL, GPU, exclusive=True) == Share(8, 8, 1.0)
    assert share(LARGE, SMALL, exclusive=True, cpus_per_case="2") == Share(2, 16, 0.0)


def test_what_cannot_be_had_is_refused(share):
    with pytest.raises(InputError, match="a case asks for 32 CPUs, this machine has 16 CPUs"):
        share(LARGE, is_own=True, cpus_per_case="32")
    with pytest.raises(InputError, match="--device cuda: this machine has no GPU that Ray can see"):
        share(LARGE, is_own=True, device="cuda")
    with pytest.raises(InputError, match="--exclusive: no node is up"):
        share(exclusive=True)


def test_on_a_cluster_a_gpu_may_still_come(share):
    assert share(LARGE, device="cuda") == Share(1, 1, 1.0)
    assert share(cpus_per_case="32") == Share(32, 32, 0.0)


@pytest.mark.parametrize(
    ("asked", "node", "times"),
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
def test_how_many_cases_a_node_can_have_at_once(asked, node, times):
    assert asked.times_in(node) == times
    assert asked.fits(node) is (times > 0)
