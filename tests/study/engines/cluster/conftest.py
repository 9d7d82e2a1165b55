"""Fixtures of the Ray engine's tests; Ray is imported only where it is needed, for it is an extra."""

import pytest

from harness.config.experiment import plan_experiment
from harness.config.settings import read_settings
from harness.results.folder import ResultsFolder


@pytest.fixture
def settings(tmp_path):
    folders = {"results_dir": str(tmp_path / "r"), "report_dir": str(tmp_path / "p")}
    return read_settings({"engine": "ray", "device": "cpu", "precision": "fp32", "full_training": True} | folders, {})


@pytest.fixture
def make_engine(settings, monkeypatch):
    """Makes a Ray engine on a fake cluster of two nodes, where every epoch's report brings its checkpoint."""
    from harness.study.engines.cluster import case_runner, engine, worker
    from tests.study.engines.cluster.fake_cluster import FakeCluster

    monkeypatch.setattr(engine, "Cluster", FakeCluster)
    monkeypatch.setattr(worker, "node_name", lambda node_id: f"node {node_id[:1]}")
    monkeypatch.setattr(case_runner, "_LOCK_SECONDS", 0.01)
    monkeypatch.setattr(worker, "_REPORTING_SHARE", 1e9)
    engines = []

    def make(root=settings.results_dir):
        engines.append(engine.RayEngine(settings, ResultsFolder(root)))
        return engines[-1]

    yield make
    for one in engines:
        one.close()


@pytest.fixture
def engine(make_engine):
    return make_engine()


@pytest.fixture
def experiment(settings):
    from tests.study.engines.cluster.fake_cluster import RECIPE

    return plan_experiment(settings, "digits", "resnet8", 0, RECIPE)
