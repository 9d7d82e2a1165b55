"""Cases that a process trains while another process reads them: seen by their lock, which reading never makes."""

import sys

import pytest

from harness.results.folder import ResultsFolder
from harness.results.training_now import is_in_training
from tests.helpers.synthetic import store, synthetic_result

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a lock is seen there only by writing to its file")
RESULT = synthetic_result("digits")


def test_lock_is_seen_and_survives_the_look(tmp_path):
    results = ResultsFolder(tmp_path)
    release = results.lock(RESULT.case)
    folder = results.folder(RESULT.case)
    assert is_in_training(folder)
    assert is_in_training(folder)
    assert results.lock(RESULT.case) is None
    release()
    assert not is_in_training(folder)
    assert results.lock(RESULT.case) is not None


def test_look_at_a_case_writes_nothing(tmp_path):
    stored = store(tmp_path, RESULT)
    folder = tmp_path / stored.case.folder_name
    before = sorted(folder.iterdir())
    assert not is_in_training(folder)
    assert not is_in_training(tmp_path / "absent")
    assert sorted(folder.iterdir()) == before


def test_unfinished_case_that_is_trained_now_is_listed_so(tmp_path):
    results = ResultsFolder(tmp_path)
    release = results.lock(RESULT.case)
    folder = results.folder(RESULT.case)
    (folder / "checkpoint-00001-1.safetensors").touch()
    (folder / "epochs.jsonl").write_text("{}\n{}\n")
    assert results.unfinished() == ([f"being trained now: {folder.name}, 2 epochs so far"], [])
    release()
    assert results.unfinished()[0] == [f"not finished: {folder.name}, 2 epochs so far; rerun the command to resume"]
