import json
import math
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import DamagedError, InputError
from harness.foreign_files import sha256_of
from harness.results.folder import ResultsFolder
from tests.helpers.tiny import make_case
from tests.results.records import RECORD


@pytest.fixture
def kept(tiny_result, tiny_folder, results):
    """The path of a copy of a complete case's folder."""
    folder = results.folder(tiny_result.case)
    shutil.copytree(tiny_folder.folder(tiny_result.case), folder)
    return folder


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def test_complete_case_is_found(kept, tiny_result, results):
    assert results.find(tiny_result.case) == tiny_result
    assert results.is_finished(tiny_result.case)


def test_case_without_a_result_is_not_found(tiny_dataset, results):
    assert results.find(make_case(tiny_dataset)) is None
    assert not results.is_finished(make_case(tiny_dataset))


@pytest.mark.parametrize(
    "name", ["result.json", "epochs.jsonl", "predictions.npz", "logits.npy", "weights.safetensors"]
)
@pytest.mark.parametrize("damage", ["gone", "empty", "torn", "a flipped bit", "garbage"])
def test_case_with_a_damaged_file_is_refused_and_the_file_named(damage, name, kept, tiny_result, results):
    path = kept / name
    match damage:
        case "gone":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "torn":
            path.write_bytes(path.read_bytes()[:-20])
        case "a flipped bit":
            flip_a_bit(path)
        case "garbage":
            path.write_bytes(random.Random(0).randbytes(1000))
    if (name, damage) == ("result.json", "gone"):
        assert results.find(tiny_result.case) is None
    else:
        with pytest.raises(DamagedError) as error:
            results.find(tiny_result.case)
        assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "name", ["result.json", "epochs.jsonl", "predictions.npz", "logits.npy", "weights.safetensors"]
)
def test_unreadable_file_is_not_reported_as_damaged(name, kept, tiny_result, results):
    (kept / name).unlink()
    (kept / name).symlink_to("/proc/self/mem")  # can be opened, but not read
    with pytest.raises(InputError, match=f"{name} cannot be read: Input/output error") as error:
        results.find(tiny_result.case)
    assert not isinstance(error.value, DamagedError)


def test_pipe_instead_of_a_result_is_refused_without_blocking(kept, tiny_result, results):
    (kept / "result.json").unlink()
    os.mkfifo(kept / "result.json")
    with pytest.raises(DamagedError, match="it is a pipe, not a file"):
        results.find(tiny_result.case)
    assert len(results.read_all()[1]) == 1


def test_files_of_a_case_are_quarantined_together(kept, tiny_result, results):
    results.quarantine(tiny_result.case)
    assert sorted(path.name for path in kept.iterdir()) == [
        ".lock", "epochs.jsonl.refused", "logits.npy.refused", "predictions.npz.refused",
        "result.json.refused", "weights.safetensors.refused",
    ]  # fmt: skip


def test_result_of_another_case_is_refused(tiny_result, tiny_dataset, results):
    other = make_case(tiny_dataset, seed=5)
    results.folder(other).mkdir(parents=True)
    results.write_result(other, tiny_result)
    with pytest.raises(DamagedError, match="is of another case: digits resnet8 seed 0"):
        results.find(other)


@pytest.mark.parametrize("name", ["epochs.jsonl", "predictions.npz", "weights.safetensors"])
def test_result_without_the_sha256_of_a_file_is_refused(name, kept, tiny_result, results):
    vouched = {other: sha256 for other, sha256 in tiny_result.files.items() if other != name}
    results.write_result(tiny_result.case, replace(tiny_result, files=vouched))
    with pytest.raises(DamagedError, match=f"has no SHA-256 of {name}"):
        results.find(tiny_result.case)


def test_result_with_the_sha256_of_a_file_elsewhere_is_refused(kept, tiny_result, results):
    (kept.parent / "outside").write_text("")
    forged = {**tiny_result.files, "../outside": sha256_of(kept.parent / "outside", 2**20)}
    results.write_result(tiny_result.case, replace(tiny_result, files=forged))
    with pytest.raises(DamagedError, match="outside"):
        results.find(tiny_result.case)


def test_folder_instead_of_epochs_is_named_in_the_unfinished_case(kept, tiny_result, results):
    (kept / "checkpoint-00001-1.safetensors").touch()
    (kept / "result.json").unlink()
    (kept / "epochs.jsonl").unlink()
    (kept / "epochs.jsonl").mkdir()
    line = f"not finished: {kept.name}, its epochs.jsonl cannot be read: it is a folder, not a file"
    assert results.unfinished() == ([line], [])


def test_clearing_a_case_keeps_its_checkpoints(kept, tiny_result, results):
    (kept / "checkpoint-00001-1.safetensors").touch()
    (kept / ".writing-00000000000000000000000000000123").touch()
    results.clear(tiny_result.case)
    assert sorted(path.name for path in kept.iterdir()) == [".lock", "checkpoint-00001-1.safetensors"]


def test_clearing_a_case_removes_its_result_first(kept, tiny_result, results, monkeypatch):
    removed = []
    monkeypatch.setattr(Path, "unlink", lambda path, **_: removed.append(path.name))
    results.clear(tiny_result.case)
    assert removed[0] == "result.json"
    assert len(removed) == 5


def test_failed_write_keeps_the_old_file(kept, tiny_result, results, monkeypatch):
    case, before = tiny_result.case, {path.name: path.read_bytes() for path in kept.iterdir()}

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    for write in (
        lambda: results.write_epochs(case, []),
        lambda: results.write_predictions(case, np.array([0]), np.array([1])),
        lambda: results.write_weights(case, b"new"),
        lambda: results.write_result(case, replace(tiny_result, accuracy_percent=0.0)),
    ):
        with pytest.raises(InputError, match="cannot write results to .* \\(No space left on device\\): free space"):
            write()
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before
    with pytest.raises(InputError, match="No space left on device"):
        results.append_epoch(case, RECORD)


def test_epochs_are_appended_and_replaced(tiny_dataset, results):
    case = make_case(tiny_dataset)
    results.folder(case).mkdir(parents=True)
    records = [replace(RECORD, epoch_seconds=0.1 + 0.2), replace(RECORD, epoch=2, train_loss=math.nan)]
    for record in records:
        results.append_epoch(case, record)
    first, second = results.read_epochs(case)
    assert first == records[0]
    assert math.isnan(second.train_loss)
    lines = (results.folder(case) / "epochs.jsonl").read_text().splitlines()
    assert json.loads(lines[1])["train_loss"] is None
    results.write_epochs(case, records[:1])
    assert results.read_epochs(case) == records[:1]


def test_predictions_are_stored_with_the_labels(tiny_dataset, results):
    case = make_case(tiny_dataset)
    results.folder(case).mkdir(parents=True)
    results.write_predictions(case, np.array([0, 1]), np.array([1, 1]))
    with np.load(results.folder(case) / "predictions.npz") as kept:
        assert kept["labels"].tolist() == [0, 1]
        assert kept["predictions"].tolist() == [1, 1]


def test_files_of_a_result_are_checked_when_read(kept, tiny_result, results):
    labels, predictions = results.read_predictions(tiny_result)
    assert 100 * np.mean(labels == predictions) == pytest.approx(tiny_result.accuracy_percent)
    assert results.read_curve(tiny_result).accuracy_percent[-1] == pytest.approx(tiny_result.accuracy_percent)
    assert results.weights_path(tiny_result) == kept / "weights.safetensors"
    for name, read in (
        ("predictions.npz", results.read_predictions),
        ("epochs.jsonl", results.read_curve),
        ("weights.safetensors", results.weights_path),
    ):
        (kept / name).write_bytes((kept / name).read_bytes() + b"x")
        with pytest.raises(DamagedError, match=rf"{name} is damaged"):
            read(tiny_result)
        with pytest.raises(DamagedError, match=f"has no SHA-256 of {name}"):
            read(replace(tiny_result, files={}))


def test_learning_curve_is_that_of_the_epoch_records(kept, tiny_result, results):
    records = results.read_epochs(tiny_result.case)
    curve = results.read_curve(tiny_result)
    assert curve.accuracy_percent == tuple(record.evaluation_accuracy_percent for record in records)
    assert (len(curve.accuracy_percent), curve.final_train_loss) == (tiny_result.epochs, records[-1].train_loss)


def test_unreadable_results_are_named_and_the_others_read(kept, tiny_result, results):
    broken = results.root / "broken"
    broken.mkdir()
    (broken / "result.json").write_text('{"schema_version": 1')
    read, problems = results.read_all()
    assert read == [tiny_result]
    assert len(problems) == 1
    assert str(broken / "result.json") in problems[0]


def test_copy_of_a_case_folder_is_named_and_not_counted(kept, tiny_result, results):
    shutil.copytree(kept, results.root / "backup")
    read, problems = results.read_all()
    assert read == [tiny_result]
    assert len(problems) == 1
    assert "backup/result.json is a copy: the folder of its case is digits-resnet8-seed0-full-" in problems[0]


def test_unfinished_case_is_listed_with_its_epochs(kept, tiny_result, tiny_dataset, results):
    assert results.unfinished() == ([], [])
    other = make_case(tiny_dataset, seed=5)
    results.folder(other).mkdir()
    (results.folder(other) / "checkpoint-00001-1.safetensors").touch()
    results.append_epoch(other, RECORD)
    (kept / "checkpoint-00003-1.safetensors").touch()  # finished, but killed before this was removed
    ((line,), _) = results.unfinished()
    assert line.startswith(f"not finished: {other.folder_name}, 1 epoch so far")


def test_results_folder_that_is_a_file_is_named_in_the_error(tiny_dataset, tmp_path):
    (tmp_path / "taken").write_text("")
    locked = ResultsFolder(tmp_path / "taken").locked(make_case(tiny_dataset))
    with pytest.raises(InputError, match="taken.*another --results-dir"), locked:
        pass


def test_files_from_another_machine_are_adopted(tiny_result, tiny_folder, results):
    case = tiny_result.case
    files = {path.name: memoryview(path.read_bytes()) for path in tiny_folder.folder(case).glob("[!.]*")}
    with results.locked(case):
        assert results.adopt(case, files) == tiny_result
    assert results.find(case) == tiny_result


def test_adopting_the_result_of_another_case_is_refused(tiny_result, tiny_folder, results):
    case = replace(tiny_result.case, seed=1)
    files = {path.name: memoryview(path.read_bytes()) for path in tiny_folder.folder(tiny_result.case).glob("[!.]*")}
    with results.locked(case), pytest.raises(DamagedError, match="digits resnet8 seed 1: .*it is the result of digits"):
        results.adopt(case, files)
    assert not (results.folder(case) / "result.json").exists()
