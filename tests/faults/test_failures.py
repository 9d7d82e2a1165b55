"""A failure is recorded and the next case runs unaffected; each fault is a real one."""

import os
import tempfile
from pathlib import Path

import pytest

from harness.results.folder import ResultsFolder
from tests.faults.processes import (
    run,
    train_diverging_then_tiny,
    train_losing_a_loader_then_tiny,
    train_tiny,
    train_tiny_while_the_disk_fills,
    train_tiny_with_room_for,
    train_with_little_memory_then_tiny,
    train_without_permission,
)
from tests.helpers.tiny import make_case
from tests.helpers.training import outcome


@pytest.mark.slow
def test_full_disk_is_reported_before_the_first_epoch(tiny_dataset, tmp_path):
    error, epochs, _ = run(train_tiny_with_room_for, 50_000, tmp_path)
    folder = ResultsFolder(tmp_path).folder(make_case(tiny_dataset))
    assert f"cannot write results to {folder} (File too large): free space or give another --results-dir" in error
    assert epochs == 0


@pytest.mark.slow
def test_disk_that_fills_up_during_training_loses_nothing(tiny_dataset, tmp_path):
    results, other, case = ResultsFolder(tmp_path), make_case(tiny_dataset, seed=1), make_case(tiny_dataset)
    run(_train_seed_1, tmp_path)
    before = outcome(other, results)
    told, epochs, _ = run(train_tiny_while_the_disk_fills, tmp_path)
    assert "(File too large): free space or give another --results-dir, then rerun the command to resume" in told
    assert epochs == 1
    assert outcome(other, results) == before
    assert run(train_tiny, tmp_path)[:2] == ("complete", 2)
    assert results.find(case).interrupted_after == (1,)
    run(train_tiny, tmp_path / "alone")
    assert outcome(case, results) == outcome(case, ResultsFolder(tmp_path / "alone"))


def _train_seed_1(root):
    return train_tiny(root, seed=1)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user without permission")
def test_read_only_folder_is_reported_before_the_first_epoch():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        error, epochs, _ = run(train_without_permission, Path(folder) / "results")
    assert "cannot write results to" in error
    assert "(Permission denied): give another --results-dir" in error
    assert epochs == 0


def test_lack_of_memory_is_recorded_with_a_remedy(tmp_path):
    (status, cause), following = run(train_with_little_memory_then_tiny, tmp_path, 400 * 2**20)
    assert status == "out_of_memory"
    assert "can't allocate memory" in cause
    assert "lower the recipe's batch_size" in cause
    assert following == "complete"


@pytest.mark.slow
def test_killed_loader_process_is_recorded(tmp_path):
    (status, cause), following = run(train_losing_a_loader_then_tiny, tmp_path)
    assert status == "failed"
    assert "DataLoader worker" in cause or "Connection" in cause  # depending on what it was doing
    assert following == "complete"


def test_nan_loss_is_recorded_and_not_retried(tmp_path):
    first, again, following = run(train_diverging_then_tiny, tmp_path)
    assert first[:2] == ("diverged", 1)
    assert again[:2] == ("diverged", 0)
    assert following[:2] == ("complete", 3)
