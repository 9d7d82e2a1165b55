"""Studies of synthetic results: stored in results folders, as evidence, and as written reports."""

from dataclasses import dataclass
from pathlib import Path

from harness.analysis.stored_result import StoredResult
from harness.analysis.studies import group_into_studies
from harness.report.build import WrittenReport, write_report
from harness.report.loading import LoadedResults, load_results_folders
from tests.helpers.synthetic import outcome, store, synthetic_result

ACCURACIES = {"resnet20": 89.0, "resnet56": 90.0, "resnet110": 89.6, "resnet20-2": 90.9, "resnet20-4": 92.0}
TWO_MODELS = {"resnet20": 89.0, "resnet56": 90.0}


@dataclass(frozen=True)
class Built:
    root: Path
    folder: Path
    loaded: LoadedResults
    report: WrittenReport


def store_study(root, dataset="cifar10", seeds=(0, 1, 2), accuracies=ACCURACIES, **changes):
    """Store a study of synthetic results under a results folder and return them."""
    kept = []
    for place, (model, accuracy) in enumerate(accuracies.items()):
        for seed in seeds:
            predicted = outcome(dataset, accuracy + 0.1 * seed, 10 * place + seed)
            seconds = 10.0 + 5 * place + seed
            result = synthetic_result(dataset, model, seed, epoch_seconds=seconds, predicted=predicted, **changes)
            kept.append(store(root, result, predicted))
    return kept


def build_report(folders, report_dir, command="python -m harness report"):
    """Load results folders and write their report."""
    loaded = load_results_folders(folders)
    return Built(folders[0], report_dir, loaded, write_report(loaded, report_dir, command))


def evidence_of(*results):
    """Return the one study that the results make, without predictions and curves."""
    (evidence,) = group_into_studies(
        [StoredResult(one, Path("results"), lambda: None, lambda: None) for one in results]
    )
    return evidence
