"""Damaged, forged and foreign checkpoints are refused by name, and nothing in them is executed."""

import hashlib
import json
import os
import pickle
import random
from dataclasses import asdict, replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from harness.errors import DamagedError, InputError
from harness.training import checkpoint, checkpoint_file
from harness.training.checkpoint_file import OtherFormatError
from tests.training.checkpoints import ATTEMPT, EXPECTED, TENSORS, make_checkpoint


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
def test_damaged_checkpoint_is_refused_by_name(damage, saved):
    damage(saved)
    with pytest.raises(InputError, match="is damaged: its SHA-256 is not the one beside it") as error:
        checkpoint.load(saved, EXPECTED)
    assert str(saved) in str(error.value)


def seal(path):
    """Write a file's own hash beside it, as a forger of checkpoints would."""
    path.with_name(f"{path.name}.sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


@pytest.mark.parametrize("damage", [damage_empty, damage_truncate, damage_garbage])
def test_file_of_other_content_is_refused_despite_a_matching_hash(damage, saved):
    damage(saved)
    seal(saved)
    with pytest.raises(InputError, match="is not a checkpoint of this harness"):
        checkpoint.load(saved, EXPECTED)


class Malicious:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize(
    ("suffix", "reason"),
    [(".safetensors", "is not a checkpoint of this harness"), (".pt", "is a checkpoint of format 1")],
)
@pytest.mark.parametrize("protocol", ["torch", "plain"])
def test_malicious_pickle_is_refused_and_not_executed(protocol, suffix, reason, saved, monkeypatch):
    monkeypatch.chdir(saved.parent)
    path = saved.with_suffix(suffix)
    if protocol == "torch":
        torch.save({"format": 1, "about": Malicious()}, path)
    else:
        path.write_bytes(pickle.dumps(Malicious()))
    seal(path)
    with pytest.raises(InputError, match=reason):
        checkpoint.load(path, EXPECTED)
    assert not (saved.parent / "executed").exists()


ATTEMPTS = [asdict(ATTEMPT)]
ABOUT = json.dumps({"identity": "identity", "training_code": "", "records": [], "attempts": ATTEMPTS, "shapes": {}})
PACKED = json.dumps(json.loads(ABOUT) | {"shapes": {"packed.torch.float32": {"network.w": [2]}}})
NETWORK = {"network.w": torch.ones(1)}
FOREIGN = [
    (NETWORK, None),
    (NETWORK, {"about": ABOUT}),
    (NETWORK, {"checkpoint_format": "two", "about": ABOUT}),
    (NETWORK, {"checkpoint_format": "2"}),
    (NETWORK, {"checkpoint_format": "2", "about": "7"}),
    (NETWORK, {"checkpoint_format": "2", "about": "[]"}),
    (NETWORK, {"checkpoint_format": "2", "about": "{}"}),
    (NETWORK, {"checkpoint_format": "2", "about": "{"}),
    (NETWORK, {"checkpoint_format": "2", "about": PACKED}),
    ({"packed.torch.float32": torch.ones(1)}, {"checkpoint_format": "2", "about": PACKED}),
    ({"w": torch.ones(1)}, {"checkpoint_format": "2", "about": ABOUT}),
]


@pytest.mark.parametrize(("tensors", "metadata"), FOREIGN)
def test_safetensors_file_of_other_content_is_refused(tensors, metadata, saved):
    save_file(tensors, saved, metadata)
    seal(saved)
    with pytest.raises(DamagedError, match="is not a checkpoint of this harness: ."):
        checkpoint.load(saved, EXPECTED)


def test_checkpoint_of_a_later_format_is_refused_with_both_named(tmp_path, monkeypatch):
    with monkeypatch.context() as later:
        later.setattr(checkpoint_file, "FORMAT", 3)
        checkpoint.save(tmp_path, make_checkpoint())
    with pytest.raises(OtherFormatError, match="is a checkpoint of format 3, this harness reads 2"):
        checkpoint.load(checkpoint.newest_first(tmp_path)[0], EXPECTED)


def test_checkpoint_of_format_1_is_refused_unless_damaged(saved):
    path = saved.with_suffix(".pt")
    torch.save({"format": 1, "about": ABOUT, "network": {}, "momentum": {}, "best": None}, path)
    with pytest.raises(DamagedError, match="sha256 is missing"):
        checkpoint.load(path, EXPECTED)
    seal(path)
    with pytest.raises(OtherFormatError, match=f"{path} is a checkpoint of format 1, this harness reads 2"):
        checkpoint.load(path, EXPECTED)
    damage_one_bit(path)
    with pytest.raises(DamagedError, match="is damaged"):
        checkpoint.load(path, EXPECTED)


def test_checkpoint_without_its_hash_is_not_trusted(saved):
    saved.with_name(f"{saved.name}.sha256").unlink()
    with pytest.raises(InputError, match="sha256 is missing: without it checkpoint-00002-1.safetensors is not trusted"):
        checkpoint.load(saved, EXPECTED)


def test_checkpoint_of_another_case_is_refused_with_both_named(saved):
    with pytest.raises(InputError, match="is of another case: identity, this one is other"):
        checkpoint.load(saved, replace(EXPECTED, identity="other"))


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patches=st.lists(st.tuples(st.integers(min_value=0), st.binary(max_size=4)), max_size=4), cut=st.integers(0, 99))
def test_any_damage_under_a_matching_hash_is_an_input_error(patches, cut, tmp_path):
    small = make_checkpoint(1, network={"w": torch.ones(2)}, momentum={})
    checkpoint.save(tmp_path, small)
    path = checkpoint.newest_first(tmp_path)[0]
    buffer = bytearray(path.read_bytes())
    for position, patch in patches:
        position %= len(buffer)
        buffer[position : position + len(patch)] = patch
    path.write_bytes(buffer[: len(buffer) - cut])
    seal(path)
    try:
        assert checkpoint.load(path, EXPECTED).identity == "identity"
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
        {"best": TENSORS | {"bn.weight": torch.ones(7)}},
        {"best": {"bn.weight": torch.ones(70)}},
    ],
)
def test_tensors_of_another_network_are_refused(changes, tmp_path):
    checkpoint.save(tmp_path, make_checkpoint(1, **changes))
    (path,) = checkpoint.newest_first(tmp_path)
    with pytest.raises(DamagedError, match="has other tensors than the case's network"):
        checkpoint.load(path, EXPECTED)


def test_unreadable_checkpoint_is_an_os_error(saved):
    saved.unlink()
    saved.symlink_to("/proc/self/mem")  # opens, and cannot be read
    with pytest.raises(OSError, match="Input/output error"):
        checkpoint.load(saved, EXPECTED)
