import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Stored, gather, published_evidence
from harness.paper.published import PUBLISHED, STUDY
from harness.results.result import Attempt
from tests.analysis.synthetic_evidence import measured, stored, study
from tests.helpers.synthetic import ENVIRONMENT, NOW, failed_result, outcome, synthetic_result

OTHER = ENVIRONMENT | {"cpu": "Intel Xeon"}


def gathered(*results):
    return group_into_studies([stored(result) for result in results])


def resumed(**changes):
    """A result of which half the epochs were trained on other hardware."""
    attempts = (Attempt(1, NOW, ENVIRONMENT), Attempt(150, NOW, OTHER))
    return synthetic_result(**changes, attempts=attempts)


def test_results_that_differ_in_model_and_seed_alone_are_one_study():
    (evidence,) = gathered(*(synthetic_result(model=model, seed=seed) for model in ("resnet20", "resnet56")
                             for seed in (3, 0)))  # fmt: skip
    assert (evidence.dataset, evidence.title, evidence.file_name) == ("cifar10", "CIFAR-10", "cifar10")
    assert (evidence.models, evidence.seeds) == (["resnet20", "resnet56"], [0, 3])
    assert list(evidence.of("resnet20")) == [0, 3]
    assert evidence.is_comparable
    assert evidence.of("resnet110") == {}


def test_models_stand_in_the_studys_order_and_others_behind_by_size():
    models = ["resnet32", "resnet20-8", "resnet8", "resnet20", "resnet110"]
    assert study({model: [90.0] for model in models}).models == [
        "resnet20", "resnet110", "resnet20-8", "resnet8", "resnet32"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{"mode": "shortened"}, {"mode": "quick"}]
    + [{"case_changes": one} for one in (
        {"pipeline": "reference"}, {"precision": "bf16"}, {"device_kind": "cuda"}, {"val_split": 0.1},
        {"shortcut": "B"}, {"data_fingerprint": "1" * 64},
    )],
)  # fmt: skip
def test_results_that_differ_in_what_decides_accuracy_are_studies_of_their_own(changes):
    found = gathered(synthetic_result(), synthetic_result(model="resnet56", **changes))
    assert sorted(one.models for one in found) == [["resnet20"], ["resnet56"]]
    assert len({one.file_name for one in found}) == 2


def test_studies_stand_in_order_full_ones_first():
    found = gathered(
        *(synthetic_result(dataset, mode=mode) for mode in ("quick", "full") for dataset in ("digits", "cifar10"))
    )
    assert [(one.dataset, one.mode) for one in found] == [
        ("cifar10", "full"), ("cifar10", "quick"), ("digits", "full"), ("digits", "quick")
    ]  # fmt: skip
    assert [one.file_name for one in found] == ["cifar10", "cifar10-smoke", "digits", "digits-smoke"]
    assert [one.is_comparable for one in found] == [True, False, True, False]


def test_results_of_several_folders_are_studies_of_their_own():
    found = group_into_studies([stored(synthetic_result(), root) for root in ("here", "there")])
    assert [one.title for one in found] == ["CIFAR-10 · here", "CIFAR-10 · there"]
    assert found[0].subject == found[1].subject


def of_folder(path, **changes):
    result = synthetic_result("digits")
    return replace(result, dataset=path, case=replace(result.case, dataset=path, **changes))


def test_a_users_folder_is_a_study_under_its_name():
    (evidence,) = gathered(of_folder("folder:/x/photos"))
    assert (evidence.title, evidence.file_name) == ("folder:/x/photos", "folder-photos")
    assert not evidence.is_comparable


@pytest.mark.parametrize(
    "paths",
    [
        ("folder:/x/photos", "folder:/y/photos"),
        ("folder:/x/my photos", "folder:/x/my-photos"),
        ("folder:/x/Photos", "folder:/x/photos"),
        ("folder:/x/a b/photos", "folder:/x/a-b/photos"),
    ],
)
def test_users_folders_of_like_names_have_files_of_their_own(paths):
    found = gathered(*map(of_folder, paths))
    assert [one.title for one in found] == list(paths)
    assert len({one.file_name.casefold() for one in found}) == 2
    assert all(set(one.file_name) & set("/: ") == set() for one in found)


def test_a_full_study_and_a_smoke_run_never_share_files():
    smoke = of_folder("folder:/x/photos", mode="quick")
    found = gathered(of_folder("folder:/x/photos-smoke"), replace(smoke, mode="quick"))
    assert len({one.file_name for one in found}) == 2


def test_names_of_files_are_not_longer_than_file_systems_allow():
    found = gathered(*(of_folder(f"folder:/{letter * 200}/photos") for letter in "ab"))
    assert len({one.file_name for one in found}) == 2
    assert all(len(one.file_name) <= 120 for one in found)


def test_of_one_model_and_seed_the_latest_result_counts():
    old = synthetic_result(accuracy_percent=89.0, finished_at="2026-11-22T12:00:00.000+00:00")
    new = synthetic_result(accuracy_percent=91.0, case_changes={"compiled": True})
    for results in ((old, new), (new, old)):
        (evidence,) = gathered(*results)
        assert [run.accuracy_percent for run in evidence.runs] == [91.0]
        assert evidence.superseded == (old,)


@pytest.mark.parametrize("status", ["diverged", "out_of_memory", "failed"])
def test_results_that_did_not_complete_are_no_evidence(status):
    failed = failed_result(status, seed=1)
    (evidence,) = gathered(synthetic_result(), failed, failed_result(status, model="resnet110"))
    assert (evidence.models, evidence.seeds) == (["resnet20"], [0])
    assert len(evidence.incomplete) == 2
    assert len(evidence.results) == 3
    assert list(evidence.values("resnet20", "accuracy_percent")) == [0]


def test_where_nothing_completed_there_is_a_study_without_runs():
    (evidence,) = gathered(failed_result())
    assert (evidence.runs, evidence.models, evidence.axes, evidence.classes) == ((), [], None, [])
    assert not evidence.is_comparable
    assert evidence.mean("resnet20", "accuracy_percent") is None


def test_a_runs_figures_are_its_results():
    result = synthetic_result(accuracy_percent=91.5, epoch_seconds=2.0)
    (run,) = gathered(result)[0].runs
    assert (run.accuracy_percent, run.params, run.macs) == (91.5, 269_722, 40_550_000)
    assert (run.epoch_seconds, run.total_seconds) == (2, 600)
    assert run.marginal_gain == pytest.approx(91.5 / 600)
    assert len(run.recall_percent) == 10
    assert sum(run.recall_percent.values()) / 10 == pytest.approx(91.5)


def test_whether_each_image_was_right_is_read_of_its_predictions():
    labels, predictions = outcome("cifar10", 90.0, 0)
    (evidence,) = group_into_studies([stored(synthetic_result(), predicted=(labels, predictions))])
    assert evidence.runs[0].read_correct().mean() == pytest.approx(0.9)
    assert gathered(synthetic_result())[0].runs[0].read_correct() is None


def test_times_are_refused_where_hardware_differs():
    (evidence,) = gathered(synthetic_result(), synthetic_result(model="resnet56", environment={"cpu": "Intel Xeon"}))
    assert evidence.hardware == ("AMD EPYC, 2 threads, torch 2.15.0", "Intel Xeon, 2 threads, torch 2.15.0")
    assert not evidence.has_comparable_times
    for measure in ("epoch_seconds", "total_seconds", "marginal_gain"):
        assert evidence.values("resnet20", measure) == {}
        assert evidence.mean("resnet20", measure) is None
    assert evidence.values("resnet20", "accuracy_percent") == {0: 90.0}
    assert evidence.values("resnet20", "macs") == {0: 40_550_000}


def test_a_run_resumed_on_other_hardware_has_no_times_and_takes_no_others():
    (evidence,) = gathered(synthetic_result(), synthetic_result(model="resnet56"), resumed(model="resnet56", seed=1))
    assert evidence.has_comparable_times
    assert evidence.values("resnet56", "epoch_seconds") == {0: 10.0}
    assert evidence.values("resnet56", "accuracy_percent") == {0: 90.0, 1: 90.0}
    assert evidence.of("resnet56")[1].marginal_gain is None


def test_where_all_runs_were_resumed_on_other_hardware_no_times_are_compared():
    (evidence,) = gathered(resumed(), resumed(model="resnet56"))
    assert not evidence.has_comparable_times
    assert len(evidence.hardware) == 2


def test_zero_seconds_are_no_times():
    (evidence,) = gathered(replace(synthetic_result(), epoch_seconds=(0.0,) * 300, total_seconds=0.0))
    assert evidence.values("resnet20", "total_seconds") == evidence.values("resnet20", "marginal_gain") == {}
    assert evidence.mean("resnet20", "epoch_seconds") is None


@pytest.mark.parametrize("dataset", ["cifar10", "fashionmnist", "gtsrb"])
def test_published_figures_are_evidence_of_one_run_a_model(dataset):
    evidence = published_evidence(dataset)
    assert evidence.models == list(STUDY[dataset])
    assert evidence.epochs == {"cifar10": 300, "fashionmnist": 150, "gtsrb": 40}[dataset]
    assert evidence.test_images == {"cifar10": 10_000, "fashionmnist": 10_000, "gtsrb": 12_630}[dataset]
    assert (evidence.is_comparable, evidence.has_comparable_times, evidence.hardware) == (True, True, ())
    for model in evidence.models:
        row, mean = PUBLISHED[dataset, model], evidence.mean(model, "accuracy_percent")
        assert (mean.mean, mean.low, mean.n) == (row.accuracy_percent, None, 1)
        assert evidence.mean(model, "marginal_gain").mean == pytest.approx(row.marginal_gain)
        assert evidence.of(model)[0].accuracy_beside_f1_percent == row.final_accuracy_percent


def test_a_mean_is_over_seeds():
    evidence = measured({"resnet20": [90.0, 91.0, 92.0]})
    mean = evidence.mean("resnet20", "accuracy_percent")
    assert (mean.mean, mean.n) == (pytest.approx(91), 3)
    assert mean.high == pytest.approx(91 + 4.302653 / math.sqrt(3), abs=1e-5)


def test_predictions_are_read_once_however_many_models_are_compared():
    reads = []
    accuracies = {"resnet20": 89.0, "resnet32": 89.5, "resnet56": 90.0, "resnet20-2": 91.0}
    kept = []
    for model, accuracy in accuracies.items():
        predicted = outcome("cifar10", accuracy, 0)
        result = synthetic_result(model=model, predicted=predicted)
        read = lambda model=model, predicted=predicted: reads.append(model) or predicted  # noqa: E731
        kept.append(StoredResult(result, Path("results"), read, lambda: None))
    (evidence,) = group_into_studies(kept)
    assert len(Comparisons(evidence).all) == 6
    assert sorted(reads) == sorted(accuracies)


def test_a_results_folder_is_known_of_every_result_of_a_study():
    results = [synthetic_result(), synthetic_result(finished_at="2026-11-22T12:00:00.000+00:00"), failed_result(seed=1)]
    (evidence,) = group_into_studies([stored(one) for one in results])
    assert len(evidence.results) == 3
    assert [evidence.folder_of(one) for one in results] == [Path("results") / one.case.folder_name for one in results]
