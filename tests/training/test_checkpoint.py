import hashlib
import io
import os
import pickle
import random
import resource
import subprocess
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import DamagedError, InputError
from harness.files import quarantine
from harness.results.result import Attempt, EpochRecord
from harness.training import checkpoint
from harness.training.checkpoint import Checkpoint
from tests.helpers.tiny import make_case

RECORDS = tuple(EpochRecord(epoch, 0.1, 2.0, 30.0, 1.9, 33.0, 0.1, 0.5, 0.2, 0.0, 0.8) for epoch in range(1, 9))
ATTEMPT = Attempt(1, "2026-11-23T12:00:00+00:00", {"cpu": "a", "gpu": None}, 0.5, 12.0, 2**30)
TENSORS = {
    "conv.weight": torch.randn(70, 30, 6, 6).contiguous(memory_format=torch.channels_last),  # large
    "bn.weight": torch.randn(70),
    "bn.num_batches_tracked": torch.tensor(7),
    "fc.weight": torch.randn(3, 4).T,
    "bf16": torch.randn(5).bfloat16(),
    "empty": torch.empty(0, 3),
}
SHAPES = {name: tensor.shape for name, tensor in TENSORS.items()}


def make(epochs=1, **changes):
    made = Checkpoint("identity", "code", RECORDS[:epochs], (ATTEMPT,), TENSORS, {"fc.weight": torch.ones(4, 3)})
    return replace(made, **changes)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "checkpoint-spare")


def assert_same_tensors(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name])
        assert tensor.dtype == other[name].dtype


@pytest.fixture
def saved(tmp_path):
    """Two checkpoints: the path of the latest."""
    for epochs in (1, 2):
        checkpoint.save(tmp_path, make(epochs))
    return checkpoint.newest_first(tmp_path)[0]


@pytest.mark.parametrize("best", [None, TENSORS])
def test_a_checkpoint_comes_back_as_it_was(best, tmp_path):
    made = make(3, best=best)
    checkpoint.save(tmp_path, made)
    (path,) = checkpoint.newest_first(tmp_path)
    loaded = checkpoint.load(path, "identity", SHAPES)
    assert (loaded.records, loaded.attempts, loaded.training_code) == (made.records, made.attempts, "code")
    assert_same_tensors(loaded.network, made.network)
    assert_same_tensors(loaded.momentum, made.momentum)
    if best is None:
        assert loaded.best is None
    else:
        assert_same_tensors(loaded.best, best)


def test_the_last_two_are_kept_each_with_its_hash(tmp_path):
    for epochs in range(5):
        checkpoint.save(tmp_path, make(epochs))
    kept = ["checkpoint-00003-1.pt", "checkpoint-00004-1.pt"]
    assert names(tmp_path) == sorted(kept + [f"{name}.sha256" for name in kept])
    assert [path.name for path in checkpoint.newest_first(tmp_path)] == kept[::-1]


def test_two_good_ones_are_there_at_every_moment_of_saving_a_third(tmp_path, monkeypatch):
    for epochs in (1, 2):
        checkpoint.save(tmp_path, make(epochs))
    seen, fsync = [], os.fsync

    def look(descriptor):
        fsync(descriptor)
        seen.append(
            sum(checkpoint.load(path, "identity", SHAPES) is not None for path in checkpoint.newest_first(tmp_path))
        )

    monkeypatch.setattr(os, "fsync", look)
    checkpoint.save(tmp_path, make(3))
    assert len(seen) >= 4
    assert min(seen) == 2


def test_a_smaller_checkpoint_in_a_used_file_has_nothing_of_the_larger_behind_it(tmp_path):
    for epochs in range(1, 5):
        checkpoint.save(tmp_path, make(epochs))
    checkpoint.save(tmp_path, make(5, network={"w": torch.ones(2)}, momentum={}))
    path = checkpoint.newest_first(tmp_path)[0]
    assert path.stat().st_size < 10_000
    assert checkpoint.load(path, "identity", {"w": torch.Size([2])}).network["w"].tolist() == [1, 1]


def test_another_attempt_at_the_same_epoch_does_not_touch_the_earlier_ones_file(tmp_path):
    checkpoint.save(tmp_path, make(2))
    checkpoint.save(tmp_path, make(2, attempts=(ATTEMPT, ATTEMPT)))
    assert [path.name for path in checkpoint.newest_first(tmp_path)] == [
        "checkpoint-00002-2.pt",
        "checkpoint-00002-1.pt",
    ]


def test_epochs_are_ordered_by_number(tmp_path):
    for name in ("checkpoint-00009-1.pt", "checkpoint-100000-1.pt", "checkpoint-00010-1.pt", "checkpoint-x.pt"):
        (tmp_path / name).touch()
    found = [path.name for path in checkpoint.newest_first(tmp_path)]
    assert found == ["checkpoint-100000-1.pt", "checkpoint-00010-1.pt", "checkpoint-00009-1.pt"]


def test_the_hash_beside_it_is_one_that_sha256sum_checks(saved):
    command = ["sha256sum", "-c", f"{saved.name}.sha256"]
    assert "OK" in subprocess.run(command, cwd=saved.parent, capture_output=True, text=True, check=True).stdout


def damage_empty(path):
    path.write_bytes(b"")


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def damage_garbage(path):
    path.write_bytes(random.Random(0).randbytes(path.stat().st_size))


def damage_one_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = [damage_empty, damage_truncate, damage_garbage, damage_one_bit]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_refused_by_name(damage, saved):
    damage(saved)
    with pytest.raises(InputError, match="is damaged: its SHA-256 is not the one beside it") as error:
        checkpoint.load(saved, "identity", SHAPES)
    assert str(saved) in str(error.value)


def seal(path):
    """Give a file the hash that it has, as whoever forges a checkpoint would."""
    path.with_name(f"{path.name}.sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


@pytest.mark.parametrize("damage", [damage_empty, damage_truncate, damage_garbage])
def test_what_is_no_checkpoint_is_refused_even_with_a_fitting_hash(damage, saved):
    damage(saved)
    seal(saved)
    with pytest.raises(InputError, match="is not a checkpoint of this harness"):
        checkpoint.load(saved, "identity", SHAPES)


class Malicious:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize("protocol", ["torch", "plain"])
def test_a_malicious_pickle_with_a_fitting_hash_is_refused_and_not_executed(protocol, saved, monkeypatch):
    monkeypatch.chdir(saved.parent)
    if protocol == "torch":
        torch.save({"format": checkpoint.FORMAT, "about": Malicious()}, saved)
    else:
        saved.write_bytes(pickle.dumps(Malicious()))
    seal(saved)
    with pytest.raises(InputError, match="is not a checkpoint of this harness"):
        checkpoint.load(saved, "identity", SHAPES)
    assert not (saved.parent / "executed").exists()


def test_a_checkpoint_without_its_hash_is_not_trusted(saved):
    saved.with_name(f"{saved.name}.sha256").unlink()
    with pytest.raises(InputError, match="sha256 is missing: without it checkpoint-00002-1.pt is not trusted"):
        checkpoint.load(saved, "identity", SHAPES)


def test_another_cases_checkpoint_is_refused_with_both_named(saved):
    with pytest.raises(InputError, match="is of another case: identity, this one is other"):
        checkpoint.load(saved, "other", SHAPES)


FOREIGN = [
    [1, 2],
    {"format": 99},
    {"format": 1, "about": "{}"},
    {"format": 1, "about": "[]", "network": {}, "momentum": {}, "best": None},
    {"format": 1, "about": 7, "network": None, "momentum": None, "best": None},
]


ABOUT = '{"identity": "identity", "training_code": "", "records": [], "attempts": []}'
NO_TENSORS = {"large": {"w": 7}, "packed": []}
FOREIGN.append({"format": 1, "about": ABOUT, "network": NO_TENSORS, "momentum": NO_TENSORS, "best": None})


@pytest.mark.parametrize("content", FOREIGN)
def test_a_file_of_torchs_that_is_no_checkpoint_is_refused(content, saved):
    torch.save(content, saved)
    seal(saved)
    with pytest.raises(InputError, match="is not a checkpoint of this harness"):
        checkpoint.load(saved, "identity", SHAPES)


def test_a_checkpoint_of_another_format_is_refused_with_both_named(tmp_path, monkeypatch):
    with monkeypatch.context() as later:
        later.setattr(checkpoint, "FORMAT", 2)
        checkpoint.save(tmp_path, make())
    with pytest.raises(InputError, match="its format is 2, this harness reads 1"):
        checkpoint.load(checkpoint.newest_first(tmp_path)[0], "identity", SHAPES)


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patches=st.lists(st.tuples(st.integers(min_value=0), st.binary(max_size=4)), max_size=4), cut=st.integers(0, 99))
def test_any_damage_under_a_fitting_hash_is_a_checkpoint_or_an_error_of_ours(patches, cut, tmp_path):
    buffer = io.BytesIO()
    small = make(1, network={"w": torch.ones(2)}, momentum={})
    checkpoint.save(tmp_path, small)
    path = checkpoint.newest_first(tmp_path)[0]
    buffer = bytearray(path.read_bytes())
    for position, patch in patches:
        position %= len(buffer)
        buffer[position : position + len(patch)] = patch
    path.write_bytes(buffer[: len(buffer) - cut])
    seal(path)
    try:
        assert checkpoint.load(path, "identity", SHAPES).identity == "identity"
    except InputError as error:
        assert str(path) in str(error)
    finally:
        checkpoint.remove_all(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": {name: TENSORS[name] for name in list(TENSORS)[1:]}},
        {"network": TENSORS | {"more": torch.ones(1)}},
        {"network": TENSORS | {"bn.weight": torch.ones(7)}},
        {"momentum": {"more": torch.ones(1)}},
        {"momentum": {"bn.weight": torch.ones(7)}},
    ],
)
def test_another_networks_tensors_are_refused(changes, tmp_path):
    checkpoint.save(tmp_path, make(1, **changes))
    (path,) = checkpoint.newest_first(tmp_path)
    with pytest.raises(DamagedError, match="has other tensors than the case's network"):
        checkpoint.load(path, "identity", SHAPES)


def test_what_cannot_be_read_is_not_taken_for_damaged(saved):
    saved.unlink()
    saved.symlink_to("/proc/self/mem")  # opens, and cannot be read
    with pytest.raises(OSError, match="Input/output error"):
        checkpoint.load(saved, "identity", SHAPES)


@pytest.mark.parametrize("write", [1, 5, 20])
def test_ctrl_c_while_saving_is_ctrl_c(write, saved, monkeypatch):
    torch_save = torch.save

    class Interrupted:
        """A file whose writing Ctrl-C meets; torch makes a RuntimeError of its own of that."""

        def __init__(self, file):
            self.file, self.writes = file, 0

        def write(self, content):
            self.writes += 1
            if self.writes == write:
                raise KeyboardInterrupt
            return self.file.write(content)

        def flush(self):
            self.file.flush()

    monkeypatch.setattr(torch, "save", lambda content, file: torch_save(content, Interrupted(file)))
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(saved.parent, make(3))
    found = [path.name for path in checkpoint.newest_first(saved.parent)]
    assert found == ["checkpoint-00002-1.pt", "checkpoint-00001-1.pt"]


def test_nothing_is_left_of_a_finished_cases_checkpoints(tmp_path):
    for epochs in (1, 2, 3):
        checkpoint.save(tmp_path, make(epochs))
    checkpoint.remove_all(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_did_not_reach_the_disk_gets_no_name(saved, monkeypatch):
    fsync, failures = os.fsync, [OSError(5, "Input/output error")]

    def fail_once(descriptor):
        if failures:
            raise failures.pop()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_once)
    with pytest.raises(OSError, match="Input/output error"):
        checkpoint.save(saved.parent, make(3))
    assert checkpoint.newest_first(saved.parent)[0] == saved


def test_folders_and_what_was_set_aside_are_no_checkpoints_and_stay(saved):
    (saved.parent / "checkpoint-00009-1.pt").mkdir()
    quarantine(saved)
    assert [path.name for path in checkpoint.newest_first(saved.parent)] == ["checkpoint-00001-1.pt"]
    checkpoint.save(saved.parent, make(3))
    assert checkpoint.is_any_left(saved.parent)
    checkpoint.remove_all(saved.parent)
    assert not checkpoint.is_any_left(saved.parent)
    left = sorted(path.name for path in saved.parent.iterdir())
    assert left == ["checkpoint-00002-1.pt.refused", "checkpoint-00009-1.pt"]


def test_a_full_disk_is_an_os_error_and_leaves_what_was_there(saved):
    before = {path.name: path.read_bytes() for path in saved.parent.glob("checkpoint-0*")}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            checkpoint.save(saved.parent, make(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in saved.parent.glob("checkpoint-0*")} == before


def test_torchs_checksums_are_left_as_they_were(tmp_path):
    before = torch.serialization.get_crc32_options()
    for wanted in (True, False):
        torch.serialization.set_crc32_options(wanted)
        try:
            checkpoint.save(tmp_path, make())
            assert torch.serialization.get_crc32_options() == wanted
        finally:
            torch.serialization.set_crc32_options(before)


def test_the_room_that_checkpoints_take_is_not_more_than_is_foreseen(tiny_dataset, tmp_path):
    weights = {"w": torch.randn(1000, 1000)}
    for val_split, best in ((0.0, None), (0.5, {"w": torch.randn(1000, 1000)})):
        for epochs in range(4):
            momentum = {"w": torch.randn(1000, 1000)}
            checkpoint.save(tmp_path, make(epochs, network=weights, momentum=momentum, best=best))
        taken = sum(path.stat().st_size for path in tmp_path.iterdir())
        foreseen = 4_000_000 * checkpoint.most_weights_kept(make_case(tiny_dataset, val_split=val_split))
        assert foreseen * 0.99 < taken < foreseen * 1.01
        checkpoint.remove_all(tmp_path)
