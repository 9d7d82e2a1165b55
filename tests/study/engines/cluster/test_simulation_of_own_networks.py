"""A user's own family on a simulated cluster, none of whose nodes has its files: ``tox -e slow -- -m scale``."""

import pytest

from harness.results.folder import ResultsFolder
from tests.helpers.own_bench import write_own_bench
from tests.helpers.pytest_process import Run
from tests.helpers.training import outcome

pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
from tests.study.engines.cluster.simulation import SimulatedCluster

pytestmark = [
    pytest.mark.scale,
    # Ray's own, at its import and at the end of its processes.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:ray"),
]


@pytest.fixture
def cluster(tmp_path_factory):
    cluster = SimulatedCluster(tmp_path_factory.mktemp("cluster"))
    cluster.add("north")
    yield cluster
    cluster.close()


def outcomes(place):
    results = ResultsFolder(place / "results")
    read, problems = results.read_all()
    assert problems == []
    return {result.case.identity: outcome(result.case, results) for result in read}


def test_own_family_resumes_after_a_killed_worker_bit_identically(cluster, tmp_path):
    alone, spread = write_own_bench(tmp_path / "alone"), write_own_bench(tmp_path / "spread")
    imports = tmp_path / "imports"
    variables = {"IMPORTS": str(imports)}
    arguments = ["--import-mode=importlib", "test_own.py"]
    code, said = Run(alone, *arguments, variables=variables).end()
    assert code == pytest.ExitCode.OK, said
    imports.unlink()
    cluster.inject("kill", "mynet2-0.5-seed0")
    run = Run(spread, "--engine", "ray", "--ray-address", cluster.address, *arguments, variables=variables)
    code, said = run.end()
    assert code == pytest.ExitCode.OK, said
    assert "resuming from its last report" in said
    assert outcomes(spread) == outcomes(alone)
    assert imports.read_text().split() == [str(run.process.pid)]  # no node has imported the user's file
