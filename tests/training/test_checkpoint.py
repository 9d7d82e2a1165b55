import json
import os
import resource
import subprocess
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open

from harness.files import quarantine
from harness.training import checkpoint
from tests.helpers.tiny import make_case
from tests.training.checkpoints import ATTEMPT, EXPECTED, TENSORS, make_checkpoint


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "checkpoint-spare")


def assert_same_tensors(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name])
        assert (tensor.dtype, tensor.shape) == (other[name].dtype, other[name].shape)


@pytest.mark.parametrize("best", [None, TENSORS])
def test_checkpoint_is_read_back_as_it_was_saved(best, tmp_path):
    made = make_checkpoint(3, best=best)
    checkpoint.save(tmp_path, made)
    (path,) = checkpoint.newest_first(tmp_path)
    loaded = checkpoint.load(path, replace(EXPECTED, has_best=best is not None))
    assert (loaded.records, loaded.attempts, loaded.training_code) == (made.records, made.attempts, "code")
    assert_same_tensors(loaded.network, made.network)
    assert_same_tensors(loaded.momentum, made.momentum)
    if best is None:
        assert loaded.best is None
    else:
        assert_same_tensors(loaded.best, best)


def test_loaded_tensors_stay_when_the_file_is_overwritten(tmp_path):
    large = torch.arange(2**17, dtype=torch.float32)  # not packed with others
    checkpoint.save(tmp_path, make_checkpoint(1, network={"large": large}, momentum={}))
    (path,) = checkpoint.newest_first(tmp_path)

    loaded = checkpoint.load(path, replace(EXPECTED, state={"large": large}))
    with open(path, "r+b") as file:  # as a later checkpoint does
        file.write(bytes(path.stat().st_size))

    assert torch.equal(loaded.network["large"], large)


def test_tensors_without_elements_or_dimensions_and_shared_ones_are_kept(tmp_path):
    large, counter = torch.randn(300, 300), torch.tensor(3, dtype=torch.int64)
    network = {"w": large, "tied": large, "transposed": large.T, "empty": torch.empty(0, 3), "count": counter}
    checkpoint.save(tmp_path, make_checkpoint(network=network, momentum={}))
    loaded = checkpoint.load(checkpoint.newest_first(tmp_path)[0], replace(EXPECTED, state=network))
    assert_same_tensors(loaded.network, network)
    assert loaded.momentum == {}


def test_checkpoint_is_a_safetensors_file_with_prefixed_names(saved):
    with safe_open(saved, "pt") as file:
        assert sorted(file.keys()) == [
            "network.conv.weight",
            "packed.torch.bfloat16",
            "packed.torch.float32",
            "packed.torch.int64",
        ]
        about = json.loads(file.metadata()["about"])
    assert list(about["shapes"]["packed.torch.float32"]) == [
        "network.bn.weight", "network.fc.weight", "network.empty", "momentum.fc.weight",
    ]  # fmt: skip


def test_tensors_in_the_file_are_aligned_to_their_type(tmp_path):
    network = {
        "flags": torch.ones(2**16 + 1, dtype=torch.bool),
        "half": torch.ones(2**16 + 1, dtype=torch.bfloat16),
        "single": torch.ones(2**16 + 1),
        "count": torch.tensor(3),
    }
    checkpoint.save(tmp_path, make_checkpoint(network=network, momentum={}))
    content = checkpoint.newest_first(tmp_path)[0].read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    starts = {name: entry["data_offsets"][0] for name, entry in header.items() if name != "__metadata__"}
    assert size % 8 == 0
    assert starts.pop("packed.torch.int64") % 8 == 0
    for name, start in starts.items():
        assert start % network[name.removeprefix("network.")].element_size() == 0


def test_last_two_are_kept_each_with_its_hash(tmp_path):
    for epochs in range(5):
        checkpoint.save(tmp_path, make_checkpoint(epochs))
    kept = ["checkpoint-00003-1.safetensors", "checkpoint-00004-1.safetensors"]
    assert names(tmp_path) == sorted(kept + [f"{name}.sha256" for name in kept])
    assert [path.name for path in checkpoint.newest_first(tmp_path)] == kept[::-1]


def test_two_good_checkpoints_exist_while_a_third_is_saved(tmp_path, monkeypatch):
    for epochs in (1, 2):
        checkpoint.save(tmp_path, make_checkpoint(epochs))
    seen, fsync = [], os.fsync

    def look(descriptor):
        fsync(descriptor)
        seen.append(sum(checkpoint.load(path, EXPECTED) is not None for path in checkpoint.newest_first(tmp_path)))

    monkeypatch.setattr(os, "fsync", look)
    checkpoint.save(tmp_path, make_checkpoint(3))
    assert len(seen) >= 4
    assert min(seen) == 2


def test_smaller_checkpoint_in_a_reused_file_is_truncated(tmp_path):
    for epochs in range(1, 5):
        checkpoint.save(tmp_path, make_checkpoint(epochs))
    checkpoint.save(tmp_path, make_checkpoint(5, network={"w": torch.ones(2)}, momentum={}))
    path = checkpoint.newest_first(tmp_path)[0]
    assert path.stat().st_size < 10_000
    assert checkpoint.load(path, replace(EXPECTED, state={"w": torch.ones(2)})).network["w"].tolist() == [1, 1]


def test_attempts_at_the_same_epoch_have_files_of_their_own(tmp_path):
    checkpoint.save(tmp_path, make_checkpoint(2))
    checkpoint.save(tmp_path, make_checkpoint(2, attempts=(ATTEMPT, ATTEMPT)))
    assert [path.name for path in checkpoint.newest_first(tmp_path)] == [
        "checkpoint-00002-2.safetensors",
        "checkpoint-00002-1.safetensors",
    ]


def test_checkpoints_are_ordered_by_epoch_number(tmp_path):
    in_order = [
        "100000-1.safetensors",
        "00011-1.pt",
        "00010-2.safetensors",
        "00010-1.safetensors",
        "00009-3.safetensors",
    ]
    for name in ["x.safetensors", *sorted(in_order)]:
        (tmp_path / f"checkpoint-{name}").touch()
    assert [path.name for path in checkpoint.newest_first(tmp_path)] == [f"checkpoint-{name}" for name in in_order]


def test_hash_file_can_be_checked_by_sha256sum(saved):
    command = ["sha256sum", "-c", f"{saved.name}.sha256"]
    assert "OK" in subprocess.run(command, cwd=saved.parent, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("interrupted", ["torch.Tensor.cpu", "os.fsync", "hashlib.file_digest", "os.replace"])
def test_ctrl_c_while_saving_keeps_the_earlier_checkpoints(interrupted, saved, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(interrupted, interrupt)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save(saved.parent, make_checkpoint(3))
    found = checkpoint.newest_first(saved.parent)
    assert [path.name for path in found] == ["checkpoint-00002-1.safetensors", "checkpoint-00001-1.safetensors"]
    assert all(checkpoint.load(path, EXPECTED) for path in found)


def test_remove_all_leaves_nothing(tmp_path):
    for epochs in (1, 2, 3):
        checkpoint.save(tmp_path, make_checkpoint(epochs))
    checkpoint.remove_all(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_checkpoint_that_did_not_reach_the_disk_gets_no_name(saved, monkeypatch):
    fsync, failures = os.fsync, [OSError(5, "Input/output error")]

    def fail_once(descriptor):
        if failures:
            raise failures.pop()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_once)
    with pytest.raises(OSError, match="Input/output error"):
        checkpoint.save(saved.parent, make_checkpoint(3))
    assert checkpoint.newest_first(saved.parent)[0] == saved


def test_folders_and_quarantined_files_are_no_checkpoints_and_stay(saved):
    (saved.parent / "checkpoint-00009-1.safetensors").mkdir()
    quarantine(saved)
    assert [path.name for path in checkpoint.newest_first(saved.parent)] == ["checkpoint-00001-1.safetensors"]
    checkpoint.save(saved.parent, make_checkpoint(3))
    assert checkpoint.is_any_left(saved.parent)
    checkpoint.remove_all(saved.parent)
    assert not checkpoint.is_any_left(saved.parent)
    left = sorted(path.name for path in saved.parent.iterdir())
    assert left == ["checkpoint-00002-1.safetensors.refused", "checkpoint-00009-1.safetensors"]


def test_full_disk_is_an_os_error_and_keeps_the_earlier_files(saved):
    before = {path.name: path.read_bytes() for path in saved.parent.glob("checkpoint-0*")}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            checkpoint.save(saved.parent, make_checkpoint(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in saved.parent.glob("checkpoint-0*")} == before


def test_checkpoints_take_as_much_disk_as_estimated(tiny_dataset, tmp_path):
    weights = {"w": torch.randn(1000, 1000)}
    for val_split, best in ((0.0, None), (0.5, {"w": torch.randn(1000, 1000)})):
        for epochs in range(4):
            momentum = {"w": torch.randn(1000, 1000)}
            checkpoint.save(tmp_path, make_checkpoint(epochs, network=weights, momentum=momentum, best=best))
        taken = sum(path.stat().st_size for path in tmp_path.iterdir())
        foreseen = 4_000_000 * checkpoint.most_weights_kept(make_case(tiny_dataset, val_split=val_split))
        assert foreseen * 0.99 < taken < foreseen * 1.01
        checkpoint.remove_all(tmp_path)
