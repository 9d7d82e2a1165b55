import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analysis.evidence import published_evidence
from harness.paper.published import PUBLISHED, STUDY_MODELS
from harness.results.result import Attempt
from tests.analysis.synthetic_evidence import grouped, measured, study
from tests.helpers.synthetic import ENVIRONMENT, NOW, failed_result, synthetic_result

OTHER = ENVIRONMENT | {"cpu": "Intel Xeon"}


def resumed(**changes):
    """Return a result with the second half of its epochs trained on other hardware."""
    attempts = (Attempt(1, NOW, ENVIRONMENT), Attempt(150, NOW, OTHER))
    return synthetic_result(**changes, attempts=attempts)


def test_models_are_in_study_order_then_by_size():
    models = ["resnet32", "resnet20-8", "resnet8", "resnet20", "resnet110"]
    assert study({model: [90.0] for model in models}).models == [
        "resnet20", "resnet110", "resnet20-8", "resnet8", "resnet32"
    ]  # fmt: skip


def test_times_are_not_compared_across_hardware():
    (evidence,) = grouped(synthetic_result(), synthetic_result(model="resnet56", environment={"cpu": "Intel Xeon"}))
    assert evidence.hardware == ("AMD EPYC, 2 threads, torch 2.15.0", "Intel Xeon, 2 threads, torch 2.15.0")
    assert not evidence.has_comparable_times
    for measure in ("epoch_seconds", "total_seconds", "marginal_gain"):
        assert evidence.values("resnet20", measure) == {}
        assert evidence.mean("resnet20", measure) is None
    assert evidence.values("resnet20", "accuracy_percent") == {0: 90.0}
    assert evidence.values("resnet20", "macs") == {0: 40_550_000}


@pytest.mark.parametrize(
    ("changes", "condition"),
    [
        ({"case_changes": {"compiled": True}}, "compiled"),
        ({"environment": {"switched_off": {"capture": "it raised"}}}, "without capture"),
    ],
)
def test_times_are_compared_only_with_equal_accelerations(changes, condition):
    (evidence,) = grouped(synthetic_result(), synthetic_result(model="resnet56", **changes))
    alone = "AMD EPYC, 2 threads, torch 2.15.0"
    assert evidence.hardware == (alone, f"{alone}, {condition}")
    assert not evidence.has_comparable_times
    (alike,) = grouped(synthetic_result(**changes), synthetic_result(model="resnet56", **changes))
    assert alike.has_comparable_times


def test_run_resumed_on_other_hardware_has_no_times_and_keeps_others():
    (evidence,) = grouped(synthetic_result(), synthetic_result(model="resnet56"), resumed(model="resnet56", seed=1))
    assert evidence.has_comparable_times
    assert evidence.values("resnet56", "epoch_seconds") == {0: 10.0}
    assert evidence.values("resnet56", "accuracy_percent") == {0: 90.0, 1: 90.0}
    assert evidence.of("resnet56")[1].marginal_gain is None


def test_no_times_if_all_runs_were_resumed_on_other_hardware():
    (evidence,) = grouped(resumed(), resumed(model="resnet56"))
    assert not evidence.has_comparable_times
    assert len(evidence.hardware) == 2


def test_zero_seconds_do_not_count_as_times():
    (evidence,) = grouped(replace(synthetic_result(), epoch_seconds=(0.0,) * 300, total_seconds=0.0))
    assert evidence.values("resnet20", "total_seconds") == evidence.values("resnet20", "marginal_gain") == {}
    assert evidence.mean("resnet20", "epoch_seconds") is None


@pytest.mark.parametrize("dataset", ["cifar10", "fashionmnist", "gtsrb"])
def test_published_figures_are_one_run_per_model(dataset):
    evidence = published_evidence(dataset)
    assert evidence.models == list(STUDY_MODELS[dataset])
    assert evidence.epochs == {"cifar10": 300, "fashionmnist": 150, "gtsrb": 40}[dataset]
    assert evidence.test_images == {"cifar10": 10_000, "fashionmnist": 10_000, "gtsrb": 12_630}[dataset]
    assert (evidence.is_trained_as_published, evidence.has_comparable_times, evidence.hardware) == (True, True, ())
    for model in evidence.models:
        row, mean = PUBLISHED[dataset, model], evidence.mean(model, "accuracy_percent")
        assert (mean.mean, mean.low, mean.n) == (row.accuracy_percent, None, 1)
        assert evidence.mean(model, "marginal_gain").mean == pytest.approx(row.marginal_gain)
        assert evidence.of(model)[0].accuracy_beside_f1_percent == row.final_accuracy_percent


def test_mean_is_over_seeds():
    evidence = measured({"resnet20": [90.0, 91.0, 92.0]})
    mean = evidence.mean("resnet20", "accuracy_percent")
    assert (mean.mean, mean.n) == (pytest.approx(91), 3)
    assert mean.high == pytest.approx(91 + 4.302653 / math.sqrt(3), abs=1e-5)


def test_every_result_of_a_study_has_its_folder():
    results = [synthetic_result(), synthetic_result(finished_at="2026-11-22T12:00:00.000+00:00"), failed_result(seed=1)]
    (evidence,) = grouped(*results)
    assert len(evidence.results) == 3
    assert [evidence.folder_of(one) for one in results] == [Path("results") / one.case.folder_name for one in results]
