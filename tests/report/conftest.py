import pytest

from tests.helpers.synthetic import failed_result, store
from tests.report.studies import build_report, store_study


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The report of a study with a diverged result and of smoke runs; tests must not change it."""
    place = tmp_path_factory.mktemp("a report # of 100 %")
    root = place / "results"
    store_study(root)
    store(root, failed_result(model="resnet20-8", seed=1))
    store_study(root, seeds=(0,), accuracies={"resnet20": 50.0, "resnet56": 51.0}, mode="quick")
    return build_report([root], place / "report")


@pytest.fixture
def no_figures(monkeypatch):
    """A report without figures, whose drawing takes nearly all of its time."""
    monkeypatch.setattr("harness.report.build.study_figures", lambda *_: [])
