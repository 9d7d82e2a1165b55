from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.report.build import LoadedResults, WrittenReport, load_results_folders, write_report
from tests.helpers.synthetic import failed_result, outcome, store, synthetic_result

ACCURACIES = {"resnet20": 89.0, "resnet56": 90.0, "resnet110": 89.6, "resnet20-2": 90.9, "resnet20-4": 92.0}


@dataclass(frozen=True)
class Built:
    root: Path
    folder: Path
    loaded: LoadedResults
    report: WrittenReport


def fill(root, dataset="cifar10", seeds=(0, 1, 2), accuracies=ACCURACIES, **changes):
    """A study that nobody trained, kept under a results folder."""
    kept = []
    for place, (model, accuracy) in enumerate(accuracies.items()):
        for seed in seeds:
            predicted = outcome(dataset, accuracy + 0.1 * seed, 10 * place + seed)
            seconds = 10.0 + 5 * place + seed
            result = synthetic_result(dataset, model, seed, epoch_seconds=seconds, predicted=predicted, **changes)
            kept.append(store(root, result, predicted))
    return kept


def build(folders, report_dir, command="python -m harness report"):
    loaded = load_results_folders(folders)
    return Built(folders[0], report_dir, loaded, write_report(loaded, report_dir, command))


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A report of a study with a diverged result, and of smoke runs; not to be changed."""
    place = tmp_path_factory.mktemp("a report # of 100 %")
    root = place / "results"
    fill(root)
    store(root, failed_result(model="resnet20-8", seed=1))
    fill(root, seeds=(0,), accuracies={"resnet20": 50.0, "resnet56": 51.0}, mode="quick")
    return build([root], place / "report")
