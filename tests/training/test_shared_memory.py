import os
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.config.recipes import CIFAR10, GTSRB
from harness.errors import InputError
from harness.training import shared_memory
from harness.training.shared_memory import loader_bytes, require_shared_memory
from tests.helpers import REPOSITORY

DOCKER_DEFAULT = 64 * 2**20


@pytest.fixture(autouse=True)
def two_workers(monkeypatch):
    monkeypatch.setattr(shared_memory, "worker_count", lambda: 2)


def with_free(monkeypatch, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))


def test_loader_keeps_two_batches_per_process_and_the_one_in_use():
    assert loader_bytes(replace(CIFAR10, batch_size=128), 3, 50_000) == 5 * 128 * (3 * 32 * 32 * 4 + 8)
    assert loader_bytes(replace(CIFAR10, batch_size=128), 3, 200) == 200 * (3 * 32 * 32 * 4 + 8)


@pytest.mark.parametrize(("recipe", "is_refused"), [(CIFAR10, False), (GTSRB, True)])
def test_small_shared_memory_is_refused_with_the_remedy(recipe, is_refused, monkeypatch, tmp_path):
    with_free(monkeypatch, DOCKER_DEFAULT)
    if not is_refused:
        require_shared_memory(recipe, 3, 50_000, tmp_path)
        return
    with pytest.raises(InputError) as refused:
        require_shared_memory(recipe, 3, 50_000, tmp_path)
    message = str(refused.value)
    assert f"{tmp_path} has 64 MiB free" in message
    assert "--shm-size" in message
    assert len(message.splitlines()) == 2


def test_shared_memory_with_just_enough_room_is_accepted(monkeypatch, tmp_path):
    needed = loader_bytes(GTSRB, 3, 30_000)
    with_free(monkeypatch, needed)
    require_shared_memory(GTSRB, 3, 30_000, tmp_path)
    with_free(monkeypatch, needed - 1)
    with pytest.raises(InputError, match="--pipeline reference"):
        require_shared_memory(GTSRB, 3, 30_000, tmp_path)


def test_systems_without_the_folder_are_not_checked(monkeypatch, tmp_path):
    with_free(monkeypatch, 0)
    require_shared_memory(GTSRB, 3, 30_000, tmp_path / "none")


LOAD_TOO_MUCH = """
import torch
from torch.utils.data import DataLoader, TensorDataset
from harness.causes import cause_and_remedy
images = TensorDataset(torch.zeros(64, 3, 224, 224))
try:
    for _ in DataLoader(images, batch_size=64, num_workers=1):
        pass
except Exception as error:
    print(cause_and_remedy(error))
"""


def can_mount():
    if sys.platform != "linux" or os.getuid() or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


def test_cause_of_a_full_shared_memory_has_the_remedy():
    if not can_mount():
        pytest.skip("only root may mount a small /dev/shm")
    command = f"mount -t tmpfs -o size=1m none /dev/shm && exec {sys.executable} -c '{LOAD_TOO_MUCH}'"
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", command], env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    assert "No space left on device" in done.stdout or "Bus error" in done.stdout
    assert "--shm-size" in done.stdout
