from dataclasses import replace

import numpy as np
import pytest

from harness.hardware.co_scheduling import CoSchedulingMonitor
from harness.results.metrics import score
from harness.results.reading import parse_result
from harness.results.result import EpochRecord
from harness.training.context import TrainingContext
from harness.training.history import History
from harness.training.job import CaseImages, TrainingJob
from harness.training.result_builder import Ending, FinalScores, build_result
from tests.helpers.tiny import CPU, make_case

RECORDS = [
    EpochRecord(1, 0.1, 2.0, 30.0, 1.9, 60.0, 1.0, 4.0, 0.5, 0.25, 6.0),
    EpochRecord(2, 0.1, 1.0, 40.0, 1.5, 50.0, 2.0, 3.0, 0.5, 0.75, 6.5),
]


@pytest.fixture
def job(tiny_dataset, results):
    context = TrainingContext(dataset_verified=True, machine_name="node7", command="pytest bench")
    return TrainingJob(make_case(tiny_dataset, val_split=0.3), tiny_dataset, results, CPU, context)


@pytest.fixture
def history(job):
    """Two epochs, of which the second was trained by a second attempt."""
    history = History(job, CoSchedulingMonitor())
    (attempt,) = history.attempts
    first = replace(attempt, started_at="2026-01-01", wall_seconds=9.0, peak_memory_bytes=500, compile_seconds=1.5)
    second = replace(attempt, first_epoch=2, wall_seconds=8.0, peak_memory_bytes=400, compile_seconds=0.5)
    second = replace(second, peak_reserved_bytes=900)  # the first is of an earlier version, which recorded none
    history.records, history.attempts = RECORDS, [first, second]
    return history


@pytest.fixture
def scores(tiny_dataset):
    labels = tiny_dataset.test.labels.numpy()
    return FinalScores(score(labels, np.where(labels == 2, 1, labels), tiny_dataset.spec.class_names), 75.0, 1)


def build(job, history, ending):
    return build_result(job, CaseImages.of(job), history, ending, {"epochs.jsonl": "0" * 64})


def test_complete_result_is_valid_and_read_back_equal(job, history, scores):
    result = build(job, history, Ending("complete", scores=scores))
    assert parse_result(result.to_text()) == result
    assert result.is_complete
    assert result.cause is None


def test_times_are_sums_over_epochs_and_attempts(job, history, scores):
    result = build(job, history, Ending("complete", scores=scores))
    assert (result.epochs, result.epoch_seconds, result.total_seconds) == (2, (6.0, 6.5), 12.5)
    assert (result.train_seconds, result.eval_seconds, result.checkpoint_seconds) == (10.0, 1.0, 1.0)
    assert (result.wall_seconds, result.compile_seconds, result.peak_memory_bytes) == (17.0, 2.0, 500)
    assert result.peak_reserved_bytes == 900
    assert result.images_per_second == pytest.approx(2 * 21 / 10)
    assert (result.started_at, result.interrupted_after) == ("2026-01-01", (1,))
    assert result.finished_at > result.attempts[1].started_at


def test_measures_are_the_scores_of_the_test_images(job, history, scores):
    result = build(job, history, Ending("complete", scores=scores))
    assert result.accuracy_percent == pytest.approx(100 * 2 / 3)
    assert result.macro_f1_percent == scores.final.macro_f1_percent
    assert result.marginal_gain == result.accuracy_percent / 12.5
    assert (result.best_accuracy_percent, result.best_epoch) == (75.0, 1)
    assert result.confusion == ((4, 0, 0), (0, 4, 0), (0, 4, 0))


def test_context_and_images_are_recorded(job, history, scores):
    result = build(job, history, Ending("complete", scores=scores))
    assert (result.train_images, result.evaluation_images, result.test_images) == (21, 9, 12)
    assert (result.dataset_verified, result.environment["node"]) == (True, "node7")
    assert result.attempts[-1].command == "pytest bench"
    assert result.files == {"epochs.jsonl": "0" * 64}


def test_result_without_an_epoch_has_its_cause_and_no_measures(job, history):
    history.records, history.attempts = [], history.attempts[:1]
    result = build(job, history, Ending("failed", "RuntimeError: the GPU fell out"))
    assert parse_result(result.to_text()) == result
    assert (result.status, result.cause) == ("failed", "RuntimeError: the GPU fell out")
    measures = (result.accuracy_percent, result.best_accuracy_percent, result.best_epoch, result.macro_f1_percent)
    assert measures == (None,) * 4
    assert (result.epochs, result.marginal_gain, result.images_per_second) == (0, None, None)
    assert (result.per_class, result.confusion) == ((), ())
