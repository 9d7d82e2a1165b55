"""Checkpoints with a right hash that no training saved are refused by name; special files block nothing."""

import hashlib
import json
import sys
from dataclasses import asdict, replace

import pytest
import torch
from safetensors.torch import save_file

from harness.errors import DamagedError, InputError
from harness.results.folder import ResultsFolder
from harness.training import checkpoint, checkpoint_file
from harness.training.train import train
from tests.helpers.planted import plant
from tests.helpers.tiny import CPU, make_case
from tests.helpers.users import place_of_all_users, without_rights
from tests.training.checkpoints import ATTEMPT, EXPECTED, RECORDS, TENSORS, make_checkpoint

SMALL = replace(EXPECTED, state={"w": torch.ones(2)})
LATER = replace(ATTEMPT, first_epoch=9)


def small_checkpoint(epochs=1, **changes):
    return make_checkpoint(epochs, **({"network": {"w": torch.ones(2)}, "momentum": {}} | changes))


def refusal(folder, expected=SMALL):
    (path,) = checkpoint.newest_first(folder)
    with pytest.raises(DamagedError) as error:
        checkpoint.load(path, expected)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


CONTRADICTIONS = [
    ({"records": (RECORDS[0],) * 99}, "its records are not those of the epochs 1 to 99, in order"),
    ({"records": RECORDS[1::-1]}, "not those of the epochs 1 to 2"),
    ({"records": RECORDS[1:3]}, "not those of the epochs 1 to 2"),
    ({"attempts": ()}, "its attempts begin with the epochs []"),
    ({"attempts": (LATER,)}, "its attempts begin with the epochs [9], but it has 1 epochs"),
    ({"attempts": (ATTEMPT, LATER)}, "its attempts begin with the epochs [1, 9]"),
    ({"attempts": (ATTEMPT, replace(ATTEMPT, first_epoch=2), ATTEMPT)}, "its attempts begin"),
    ({"attempts": (replace(ATTEMPT, environment={}),)}, "environment: cpu: "),
    ({"attempts": (replace(ATTEMPT, environment={"cpu": 7, "gpu": None}),)}, "environment: cpu: "),
    ({"network": {"w": torch.ones(2, dtype=torch.float64)}}, "has other tensors than the case's network"),
    ({"momentum": {"w": torch.ones(2, dtype=torch.int64)}}, "has other tensors than the case's network"),
    ({"best": {"w": torch.ones(2)}}, "has the network after the best epoch"),
    ({"network": {"w": torch.tensor([1, torch.nan])}}, "has NaN in its tensors"),
    ({"momentum": {"w": torch.tensor([1, torch.nan])}}, "has NaN in its tensors"),
]


@pytest.mark.parametrize(("changes", "reason"), CONTRADICTIONS)
def test_contradicting_checkpoint_is_refused_despite_a_right_hash(changes, reason, tmp_path):
    checkpoint.save(tmp_path, small_checkpoint(**changes))
    assert reason in refusal(tmp_path)


def test_checkpoint_without_its_best_network_is_refused(tmp_path):
    checkpoint.save(tmp_path, small_checkpoint())
    assert "lacks the network after the best epoch" in refusal(tmp_path, replace(SMALL, has_best=True))


def test_checkpoint_of_more_epochs_than_the_case_is_refused(tmp_path):
    checkpoint.save(tmp_path, small_checkpoint(8))
    assert "has 8 epochs, the case has 7" in refusal(tmp_path, replace(SMALL, epochs=7))


def test_checkpoint_under_another_name_is_refused(tmp_path):
    checkpoint.save(tmp_path, small_checkpoint(2))
    (path,) = checkpoint.newest_first(tmp_path)
    renamed = path.rename(tmp_path / "checkpoint-00008-1.safetensors")
    checkpoint.hash_path(path).rename(checkpoint.hash_path(renamed))
    assert "its content is that of checkpoint-00002-1.safetensors" in refusal(tmp_path)


def forge(folder, tensors, about):
    """Write a checkpoint of one epoch with these tensors and a right hash."""
    path = folder / "checkpoint-00001-1.safetensors"
    known = {"identity": "identity", "training_code": "", "records": [RECORDS[0].to_json()], "shapes": {}}
    text = json.dumps(known | {"attempts": [asdict(ATTEMPT)]} | about)
    save_file(tensors, path, {"checkpoint_format": "2", "about": text})
    checkpoint.hash_path(path).write_text(hashlib.sha256(path.read_bytes()).hexdigest())
    return path


PACKED = {"packed.torch.float32": torch.ones(2)}


def test_forged_checkpoint_is_read_where_nothing_is_wrong(tmp_path):
    path = forge(tmp_path, PACKED, {"shapes": {"packed.torch.float32": {"network.w": [2]}}})
    assert checkpoint.load(path, SMALL).network["w"].tolist() == [1, 1]


@pytest.mark.parametrize(
    "shape", [[-1], [2.0], [True, 2], "2", 2, None, {"2": 2}, [[2]], [2, 10**30], [0, -1], [1, 2], []]
)
def test_odd_shape_is_refused(shape, tmp_path):
    forge(tmp_path, PACKED, {"shapes": {"packed.torch.float32": {"network.w": shape}}})
    assert refusal(tmp_path)


def test_tensor_given_twice_is_refused(tmp_path):
    tensors = PACKED | {"network.w": torch.zeros(2)}
    forge(tmp_path, tensors, {"shapes": {"packed.torch.float32": {"network.w": [2]}}})
    assert "it has network.w twice" in refusal(tmp_path)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.float8_e4m3fn, torch.uint16])
def test_type_that_no_network_of_the_case_has_is_refused(dtype, tmp_path):
    forge(tmp_path, {"network.w": torch.ones(2).to(dtype)}, {})
    assert refusal(tmp_path)


def test_header_above_its_limit_is_refused_with_both_sizes(tmp_path, monkeypatch):
    path = forge(tmp_path, {"network.w": torch.ones(2)}, {})
    assert checkpoint.environments_in(tmp_path, 8) == (ATTEMPT.environment,)
    monkeypatch.setattr(checkpoint_file, "_HEADER_BYTES", 0)
    monkeypatch.setattr(checkpoint_file, "_HEADER_BYTES_PER_EPOCH", 10)
    monkeypatch.setattr(checkpoint_file.Expected, "most_bytes", sys.maxsize)
    assert "such a header has at most 80" in refusal(tmp_path)
    assert checkpoint.environments_in(tmp_path, 8) == ()
    assert path.exists()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("pipe", "it is a pipe, not a file"),
        ("device", "it is a device, not a file"),
        ("sparse", "it has 8,589,934,592 bytes, and such a file has at most"),
        ("dangling", "missing"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".sha256"])
def test_special_file_is_refused_at_once(suffix, kind, reason, tmp_path):
    path = forge(tmp_path, {"network.w": torch.ones(2)}, {})
    planted = path.with_name(path.name + suffix)
    planted.unlink()
    plant(kind, planted)
    assert reason in refusal(tmp_path)
    if not suffix:
        assert checkpoint.environments_in(tmp_path, 8) == ()


def test_limit_holds_where_each_epoch_has_an_attempt_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_file, "_HEADER_BYTES", 0)
    environment = {"cpu": "a", "gpu": None, "versions": {f"package-{n}": "1.2.3" for n in range(200)}}
    epochs = 300
    records = tuple(replace(RECORDS[0], epoch=epoch, train_loss=1 / 3) for epoch in range(1, epochs + 1))
    attempts = (replace(ATTEMPT, environment=environment, command="pytest " * 100),) * epochs
    checkpoint.save(tmp_path, small_checkpoint(records=records, attempts=attempts))
    (path,) = checkpoint.newest_first(tmp_path)
    assert len(checkpoint.load(path, replace(SMALL, epochs=epochs)).records) == epochs


def test_largest_checkpoint_of_a_network_is_within_its_limit(tmp_path):
    best = replace(EXPECTED, has_best=True)
    checkpoint.save(tmp_path, make_checkpoint(momentum=TENSORS, best=TENSORS))
    (path,) = checkpoint.newest_first(tmp_path)
    assert checkpoint.load(path, best).best is not None
    assert path.stat().st_size - sum(3 * tensor.nbytes for tensor in TENSORS.values()) < 10_000


def test_folder_that_cannot_be_listed_is_an_error_not_an_empty_one():
    with place_of_all_users() as place:
        folder = place / "case"
        folder.mkdir()
        checkpoint.save(folder, small_checkpoint())
        reads = (checkpoint.newest_first, checkpoint.is_any_left, lambda one: checkpoint.environments_in(one, 8))
        with without_rights(folder):
            for read in reads:
                with pytest.raises(InputError, match="cannot read the checkpoints in .*case .Permission denied."):
                    read(folder)
    assert not any(read(folder) for read in reads)  # it is absent now


def test_case_in_an_unreadable_folder_is_not_trained_from_scratch(tiny_dataset):
    case = make_case(tiny_dataset)
    with place_of_all_users() as place:
        results = ResultsFolder(place)
        results.folder(case).mkdir()
        refused = pytest.raises(InputError, match="cannot read the checkpoints in .*Permission denied")
        with without_rights(results.folder(case)), refused:
            train(case, tiny_dataset, results, CPU)
