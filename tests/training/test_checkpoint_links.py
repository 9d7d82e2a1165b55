"""Checkpoints beside links and hard links: saving writes into no file but its own."""

import contextlib
import hashlib

import pytest

from harness.errors import InputError
from harness.results.folder import ResultsFolder
from harness.training import checkpoint
from harness.training.train import train
from tests.helpers.planted import LINKS, hard_linked_backup, is_untouched, plant
from tests.helpers.tiny import CPU, make_case
from tests.helpers.training import interrupt
from tests.training.checkpoints import EXPECTED, make_checkpoint


def save(folder, *epochs):
    for number in epochs:
        checkpoint.save(folder, make_checkpoint(number))


def newest(folder):
    return checkpoint.load(checkpoint.newest_first(folder)[0], EXPECTED)


def test_hard_linked_backup_stays_whole_while_training_continues(tmp_path):
    folder, backup = tmp_path / "results", tmp_path / "backup"
    folder.mkdir()
    save(folder, 1, 2, 3)
    contents = hard_linked_backup(folder, backup)
    save(folder, 4, 5, 6, 7)
    assert {path: path.read_bytes() for path in backup.iterdir()} == contents
    for path in checkpoint.newest_first(backup):
        stated = checkpoint.hash_path(path).read_text()
        assert stated.startswith(hashlib.sha256(path.read_bytes()).hexdigest())
    assert [len(checkpoint.load(path, EXPECTED).records) for path in checkpoint.newest_first(backup)] == [3, 2]
    assert len(newest(folder).records) == 7


def test_training_in_the_backup_leaves_the_original_whole(tmp_path):
    folder, backup = tmp_path / "results", tmp_path / "backup"
    folder.mkdir()
    save(folder, 1, 2, 3)
    hard_linked_backup(folder, backup)
    save(backup, 4, 5, 6)
    assert len(newest(folder).records) == 3


def test_file_of_an_old_checkpoint_is_reused_without_a_backup(tmp_path):
    save(tmp_path, 1)
    inode = checkpoint.newest_first(tmp_path)[0].stat().st_ino
    save(tmp_path, 2, 3, 4)
    assert checkpoint.newest_first(tmp_path)[0].stat().st_ino == inode


@pytest.mark.parametrize("kind", [*LINKS, "pipe", "device", "dangling", "other_user"])
@pytest.mark.parametrize(
    "name", ["checkpoint-spare", "checkpoint-00002-1.safetensors", "checkpoint-00002-1.safetensors.sha256"]
)
def test_planted_file_is_replaced_and_its_other_name_kept(name, kind, tmp_path):
    plant(kind, tmp_path / name, "precious")
    save(tmp_path, 2)
    assert len(newest(tmp_path).records) == 2
    assert is_untouched(kind, tmp_path / name, "precious")
    save(tmp_path, 3, 4, 5)
    assert len(newest(tmp_path).records) == 5
    assert is_untouched(kind, tmp_path / name, "precious")


def test_linked_checkpoint_that_is_no_longer_needed_keeps_its_target(tmp_path):
    save(tmp_path, 1)
    path = checkpoint.newest_first(tmp_path)[0]
    kept = path.rename(tmp_path / "kept")
    content = kept.read_bytes()
    path.symlink_to(kept)
    save(tmp_path, 2, 3, 4)
    assert kept.read_bytes() == content


def test_folder_in_place_of_the_spare_is_named(tmp_path):
    (tmp_path / "checkpoint-spare").mkdir()
    with pytest.raises(OSError, match="checkpoint-spare is a folder"):
        save(tmp_path, 1)


@pytest.mark.parametrize("kind", LINKS)
def test_adopted_checkpoint_is_written_into_new_files(kind, tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    save(there, 1)
    (path,) = checkpoint.newest_first(there)
    other = plant(kind, here / path.name, "precious")
    names = path, checkpoint.hash_path(path)
    checkpoint.adopt(here, {one.name: memoryview(one.read_bytes()) for one in names})
    assert len(newest(here).records) == 1
    assert other.read_text() == "precious"


def test_backup_of_an_interrupted_case_stays_whole_when_it_resumes(tiny_dataset, results, tmp_path):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)
    contents = hard_linked_backup(results.root, tmp_path / "backup")
    assert train(case, tiny_dataset, results, CPU).is_complete
    assert {path: path.read_bytes() for path in contents} == contents
    assert train(case, tiny_dataset, ResultsFolder(tmp_path / "backup"), CPU).is_complete


def test_case_folder_that_is_a_link_is_refused_and_its_files_kept(tiny_dataset, results, tmp_path):
    case = make_case(tiny_dataset)
    other = tmp_path / "other/result.json"
    other.parent.mkdir()
    other.write_text("precious")
    results.root.mkdir(exist_ok=True)
    results.folder(case).symlink_to(other.parent)
    with pytest.raises(InputError, match="is a link, and no results are written through it"):
        train(case, tiny_dataset, results, CPU)
    assert [path.read_text() for path in other.parent.iterdir()] == ["precious"]


@pytest.mark.parametrize("kind", LINKS)
def test_files_planted_in_a_case_folder_keep_their_other_name(kind, tiny_dataset, results, tmp_path):
    case = make_case(tiny_dataset)
    folder = results.folder(case)
    folder.mkdir(parents=True)
    names = ["epochs.jsonl", "predictions.npz", "logits.npy", "weights.safetensors", "result.json", ".lock"]
    others = []
    for name in names:
        others.append(plant(kind, folder / name, "precious").rename(tmp_path / f"other-{name}"))
        if kind == "link":
            (folder / name).unlink()
            (folder / name).symlink_to(others[-1])
    with contextlib.suppress(InputError, OSError):  # a link is no lock
        assert train(case, tiny_dataset, results, CPU).is_complete
    assert [other.read_text() for other in others] == ["precious"] * len(names)
