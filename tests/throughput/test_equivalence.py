from dataclasses import replace

import pytest

from harness.errors import InputError
from harness.throughput import equivalence
from harness.throughput.equivalence import compare_accuracies
from tests.helpers.tiny import CPU, make_case


def test_both_pipelines_train_each_seed_from_scratch(tiny_dataset, results, monkeypatch):
    trained, notified = [], []

    def train(case, *_, rerun):
        assert rerun
        trained.append(case)
        accuracy_percent = 90.0 + case.seed + (case.pipeline == "fast") / 2
        return replace(result, case=case, accuracy_percent=accuracy_percent)

    result = equivalence.train(make_case(tiny_dataset), tiny_dataset, results, CPU)
    monkeypatch.setattr(equivalence, "train", train)
    case = make_case(tiny_dataset, precision="bf16", compiled=True)
    measured = compare_accuracies(case, tiny_dataset, (3, 5), results, CPU, notify=notified.append)
    reference = replace(case, pipeline="reference", precision="fp32", compiled=False)
    assert trained == [replace(one, seed=seed) for seed in (3, 5) for one in (case, reference)]
    assert (measured.fast_accuracy_percent, measured.reference_accuracy_percent) == ((93.5, 95.5), (93.0, 95.0))
    assert (measured.seeds, measured.precision) == ((3, 5), "bf16")
    assert (measured.train_images, measured.test_images) == (30, 12)
    assert notified[-1] == "seed 5 (2 of 2), reference pipeline"


def test_an_incomplete_training_is_named(tiny_dataset, results, tiny_result, monkeypatch):
    failed = replace(tiny_result, status="failed", cause="no space left", accuracy_percent=None)
    monkeypatch.setattr(equivalence, "train", lambda *_, **__: failed)
    with pytest.raises(InputError, match=r"on the fast pipeline did not complete: failed \(no space left\)"):
        compare_accuracies(make_case(tiny_dataset), tiny_dataset, (0,), results, CPU)
