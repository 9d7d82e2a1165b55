"""The numbers of a small report, recomputed by a script that shares no code with the harness."""

import ast
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from harness.results.folder import ResultsFolder
from tests.analysis.budget_studies import MEASURED_USE, inference_times
from tests.report import recompute
from tests.report.studies import build_report, store_study

ACCURACIES = {
    "resnet20": (89.0, 89.3, 88.8),
    "resnet56": (90.0, None, 89.9),
    "resnet110": (89.6, 89.9, 90.0),
    "resnet20-2": (90.9, 90.6, 90.7),
    "resnet20-4": (90.1, 90.6, None),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A results folder of unequal seeds and the tables of its report."""
    place = tmp_path_factory.mktemp("recomputed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.report.build.study_figures", lambda *_: [])
        for seed in range(3):
            of_seed = {model: values[seed] for model, values in ACCURACIES.items() if values[seed] is not None}
            store_study(place / "results", seeds=(seed,), accuracies=of_seed)
        build_report([place / "results"], place)
    return place


def test_no_number_of_the_tables_differs_from_the_raw_files(written):
    checked = recompute.check_report(written / "results", written / "tables")
    assert checked.differing == []
    assert sum(checked.counts.values()) > 500
    assert {"cifar10", "cifar10-accuracy", "cifar10-differences", "cifar10-verdicts"} <= set(checked.counts)


def test_budgets_of_use_are_recomputed(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.report.build.study_figures", lambda *_: [])
    monkeypatch.setattr(recompute, "DRAWS", 100_000)
    monkeypatch.setattr(recompute, "MONTE_CARLO", 5e-3)
    folder = ResultsFolder(tmp_path / "results")
    for result in store_study(folder.root, accuracies={model: values[0] for model, values in ACCURACIES.items()}):
        folder.write_result(result.case, replace(result, inference=inference_times(result.model)))
    build_report([tmp_path / "results"], tmp_path)
    checked = recompute.check_report(tmp_path / "results", tmp_path / "tables")
    assert checked.differing == []
    verdicts = pd.read_csv(tmp_path / "tables/cifar10-verdicts.csv")
    assert list(verdicts["budget"]) == MEASURED_USE


@pytest.mark.parametrize(
    "changes", [{"case_changes": {"compiled": True}}, {"environment": {"switched_off": {"bf16": "wrong"}}}]
)
def test_times_of_mixed_accelerations_are_compared_by_neither(changes, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.report.build.study_figures", lambda *_: [])
    monkeypatch.setattr(recompute, "DRAWS", 100_000)
    monkeypatch.setattr(recompute, "MONTE_CARLO", 5e-3)
    store_study(tmp_path / "results", seeds=(0, 1))
    store_study(tmp_path / "results", seeds=(2,), **changes)
    build_report([tmp_path / "results"], tmp_path)
    assert recompute.check_report(tmp_path / "results", tmp_path / "tables").differing == []


@pytest.mark.parametrize(
    ("table", "column", "change"),
    [("accuracy", "accuracy_percent", 1e-4), ("differences", "p_holm", 1e-6), ("verdicts", "p_corrected", 0.01),
     ("pareto", "cost_value", 1.0), ("true-gain", "points_per_million_params_high", 1e-3)],
)  # fmt: skip
def test_a_changed_number_is_found(table, column, change, written, tmp_path, monkeypatch):
    monkeypatch.setattr(recompute, "DRAWS", 100_000)
    monkeypatch.setattr(recompute, "MONTE_CARLO", 5e-3)
    shutil.copytree(written / "tables", tmp_path / "tables")
    path = tmp_path / "tables" / f"cifar10-{table}.csv"
    frame = pd.read_csv(path)
    frame.loc[0, column] += change
    frame.to_csv(path, index=False)
    differing = recompute.check_report(written / "results", tmp_path / "tables").differing
    assert [line for line in differing if line.startswith(f"cifar10-{table} ") and column in line]


def test_the_script_shares_no_code_with_the_harness():
    tree = ast.parse(Path(recompute.__file__).read_text(encoding="utf-8"))
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert not [name for name in names if name.split(".")[0] in ("harness", "tests")]
