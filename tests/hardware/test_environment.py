import shutil
import sys

import pytest
import torch

from harness import environment
from harness.environment import PeakMemory, describe_environment

CPU = torch.device("cpu")


def test_the_environment_says_what_a_time_depends_on():
    described = describe_environment(CPU, "fp32")
    assert described["threads"] == torch.get_num_threads()
    assert described["versions"]["torch"] == torch.__version__
    assert (described["device"], described["precision"], described["gpu"]) == ("cpu", "fp32", None)
    assert described["cpu"]
    assert described["python"] == ".".join(map(str, sys.version_info[:3]))


def test_outside_a_checkout_the_commit_is_unknown(monkeypatch, tmp_path):
    environment._commit.cache_clear()
    monkeypatch.setattr(environment, "_SOURCE", tmp_path)
    assert environment._commit() is None
    environment._commit.cache_clear()


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("augment.py", True),
        ("checkpoint.py", True),
        ("device.py", True),
        ("metrics.py", True),
        ("models.py", True),
        ("networks.py", True),
        ("recipes.py", True),
        ("train.py", True),
        ("datasets/split.py", True),
        ("pipelines/fast.py", True),
        ("pipelines/reference.py", True),
        ("pipelines/trainer.py", True),
        ("plugin.py", False),
        ("report/tables.py", False),
    ],
)
def test_the_version_of_the_training_code_is_of_what_decides_an_epoch(name, counts, tmp_path, monkeypatch):
    copy = tmp_path / "harness"
    shutil.copytree(environment._SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(environment, "_SOURCE", copy)
    before = environment.training_code_version.__wrapped__()
    assert before == environment.training_code_version()
    with open(copy / name, "a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert (environment.training_code_version.__wrapped__() != before) == counts


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can set the mark back")
def test_peak_memory_is_of_the_time_since_it_was_made():
    memory = PeakMemory(CPU)
    before = memory.bytes()
    block = torch.ones(512 * 2**20, dtype=torch.uint8)
    assert memory.bytes() >= before + 256 * 2**20
    peak = memory.bytes()
    del block
    assert PeakMemory(CPU).bytes() <= peak - 256 * 2**20
