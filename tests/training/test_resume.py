"""Which checkpoint a case is resumed from, and what is reported of the others."""

from dataclasses import replace

import pytest
import torch

from harness.errors import InputError
from harness.foreign_files import sha256_of
from harness.training import checkpoint, code_version
from harness.training.checkpoint_file import Expected
from harness.training.context import TrainingContext
from harness.training.train import train
from harness.training.trainers.trainer import empty_network
from tests.helpers.code import changed_code
from tests.helpers.planted import plant
from tests.helpers.tiny import CPU, TINY_SPEC, make_case
from tests.helpers.training import Recorder, interrupt, outcome, train_recorded


@pytest.mark.parametrize("damaged", [1, 2])
def test_damaged_checkpoints_are_named_and_the_one_before_is_used(damaged, tiny_dataset, results, undisturbed):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)
    paths = checkpoint.newest_first(results.folder(case))
    for path in paths[:damaged]:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    _, recorder = train_recorded(case, tiny_dataset, results)
    assert outcome(case, results) == undisturbed(case, tiny_dataset)
    assert len(recorder.epochs) == (2 if damaged == 1 else 3)
    assert len(recorder.notices) == damaged
    for path, notice in zip(paths, recorder.notices, strict=False):
        assert f"{path} is damaged" in notice


def test_checkpoint_of_another_model_is_refused(tiny_dataset, results, monkeypatch, undisturbed):
    case, other = make_case(tiny_dataset), make_case(tiny_dataset, model="resnet14")
    interrupt(other, tiny_dataset, results, 2)
    folder = results.folder(case)
    results.folder(other).rename(folder)
    (path, *_) = checkpoint.newest_first(folder)
    expected = Expected(other.identity, 3, has_best=False, state=empty_network(other, TINY_SPEC).state_dict())
    forged = replace(checkpoint.load(path, expected), identity=case.identity)
    checkpoint.remove_all(folder)
    checkpoint.save(folder, forged)
    _, recorder = train_recorded(case, tiny_dataset, results)
    assert "has other tensors than the case's network" in recorder.notices[0]
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


def test_checkpoint_of_another_case_is_named_and_not_used(tiny_dataset, results, undisturbed):
    case, other = make_case(tiny_dataset), make_case(tiny_dataset, seed=1)
    interrupt(other, tiny_dataset, results, 2)
    results.folder(other).rename(results.folder(case))
    _, recorder = train_recorded(case, tiny_dataset, results)
    assert all(f"is of another case: {other.identity[:12]}, this one is" in text for text in recorder.notices)
    assert len(recorder.notices) == 2
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


def test_torn_epoch_records_are_restored_from_the_checkpoint(tiny_dataset, results, undisturbed):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)
    path = results.folder(case) / "epochs.jsonl"
    path.write_text(path.read_text()[:-30])
    train(case, tiny_dataset, results, CPU)
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


def test_case_of_other_code_is_refused_and_the_changed_file_named(tiny_dataset, results):
    case = make_case(tiny_dataset)
    with changed_code("models/resnet.py"):
        interrupt(case, tiny_dataset, results, 3)
    match = r"2 epochs trained by other code, .*, which differs in models/resnet.py\n--rerun .*, --accept-other-code "
    with pytest.raises(InputError, match=match):
        train(case, tiny_dataset, results, CPU)
    assert len(checkpoint.newest_first(results.folder(case))) == 2  # nothing is lost
    assert results.find(case) is None
    result, recorder = train_recorded(case, tiny_dataset, results, rerun=True)
    assert len(recorder.epochs) == 3
    assert result.interrupted_after == ()
    assert "training from scratch: 2 epochs trained by other code" in recorder.notices[0]


def test_accepted_case_of_other_code_is_resumed_and_keeps_both_versions(tiny_dataset, results):
    case = make_case(tiny_dataset)
    with changed_code("models/resnet.py"):
        interrupt(case, tiny_dataset, results, 3)
    result, recorder = train_recorded(case, tiny_dataset, results, accept_other_code=True)
    assert recorder.resumed == [2]
    assert "resuming 2 epochs trained by other code" in recorder.notices[0]
    first, last = (attempt.environment["training_code"] for attempt in result.attempts)
    assert first != last == code_version.training_code_version()


def test_case_with_a_checkpoint_of_format_1_is_refused_until_rerun(tiny_dataset, results):
    case = make_case(tiny_dataset)
    results.folder(case).mkdir(parents=True)
    path = results.folder(case) / "checkpoint-00002-1.pt"
    path.write_bytes(b"torch.save's")
    checkpoint.hash_path(path).write_text(sha256_of(path, path.stat().st_size))
    with pytest.raises(
        InputError, match=rf"seed 0: {path} is a checkpoint of format 1[^$]*that began it, or .* --rerun"
    ):
        train(case, tiny_dataset, results, CPU)
    assert path.exists()
    result, recorder = train_recorded(case, tiny_dataset, results, rerun=True)
    assert (result.epochs, result.interrupted_after) == (3, ())
    assert recorder.notices == [f"training from scratch: {path} is a checkpoint of format 1, this harness reads 2"]
    assert not list(results.folder(case).glob("*checkpoint*"))


def test_rerun_restarts_a_finished_case_and_resumes_an_interrupted_one(tiny_dataset, results):
    case = make_case(tiny_dataset)
    train(case, tiny_dataset, results, CPU)
    interrupt(case, tiny_dataset, results, 2, rerun=True)
    assert results.find(case) is None
    _, recorder = train_recorded(case, tiny_dataset, results, rerun=True)
    assert len(recorder.epochs) == 2


def test_rerun_does_not_resume_from_a_finished_cases_checkpoint(tiny_dataset, results, monkeypatch):
    case = make_case(tiny_dataset)
    with monkeypatch.context() as killed_at_the_end:
        killed_at_the_end.setattr(checkpoint, "remove_all", lambda _: None)
        train(case, tiny_dataset, results, CPU)
    assert checkpoint.newest_first(results.folder(case))
    _, recorder = train_recorded(case, tiny_dataset, results, rerun=True)
    assert len(recorder.epochs) == 3


def test_change_of_threads_is_reported_and_recorded(tiny_dataset, results):
    case, before = make_case(tiny_dataset), torch.get_num_threads()
    interrupt(case, tiny_dataset, results, 3)
    recorder = Recorder()
    torch.set_num_threads(3)
    try:
        result = train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder))
    finally:
        torch.set_num_threads(before)
    assert result.changes_between_attempts == (f"{'1 thread' if before == 1 else f'{before} threads'} → 3 threads",)
    assert [attempt.environment["threads"] for attempt in result.attempts] == [before, 3]
    assert result.environment["threads"] == 3
    assert "the times of its epochs are no longer comparable" in recorder.notices[0]


@pytest.mark.parametrize("kind", ["pipe", "device", "sparse", "dangling"])
def test_special_file_in_place_of_a_checkpoint_is_named_and_passed(kind, tiny_dataset, results):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)
    path = checkpoint.newest_first(results.folder(case))[0]
    path.unlink()
    plant(kind, path)
    _, recorder = train_recorded(case, tiny_dataset, results)
    assert recorder.resumed == [1]
    assert str(path) in recorder.notices[0]
    assert "it is quarantined" in recorder.notices[0]


def test_unreadable_checkpoints_are_kept_and_reported(tiny_dataset, results):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)
    (path, _) = checkpoint.newest_first(results.folder(case))
    path.rename(path.with_suffix(".kept"))
    path.symlink_to("/proc/self/mem")  # opens, and cannot be read
    with pytest.raises(InputError, match="cannot read the checkpoints in .*Input/output error"):
        train(case, tiny_dataset, results, CPU)
    path.unlink()
    path.with_suffix(".kept").rename(path)
    _, recorder = train_recorded(case, tiny_dataset, results)
    assert recorder.resumed == [2]


def test_rerun_on_a_full_disk_leaves_the_result_unchanged(tiny_dataset, results, monkeypatch):
    case = make_case(tiny_dataset)
    result = train(case, tiny_dataset, results, CPU)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(checkpoint, "save", full)
        with pytest.raises(InputError, match="No space left on device"):
            train(case, tiny_dataset, results, CPU, rerun=True)
    assert results.find(case) == result
