import contextlib
import os
import socket
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from harness.results.folder import ResultsFolder
from harness.training.train import train
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.sharding import _groups
from tests.helpers import REPOSITORY
from tests.helpers.tiny import CPU, TINY_SPEC
from tests.training.trainers import gloo_process
from tests.training.trainers.gloo_process import CASE, DATASET, after_two_epochs

RANKS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that three processes have trained into, data-parallel and sharded."""
    path = tmp_path_factory.mktemp("gloo")
    with contextlib.ExitStack() as stack:
        reserved = stack.enter_context(socket.socket())
        # Bound but not listening: rank 0, which sets this option too, can use the port, and no other program gets it.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        port = str(reserved.getsockname()[1])
        common = {"WORLD_SIZE": str(RANKS), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
        common["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-W", "error", "-m", gloo_process.__name__, str(path)]
        ranks = []
        for rank in range(RANKS):
            process = subprocess.Popen(command, env=os.environ | common | {"RANK": str(rank)}, cwd=path)
            ranks.append(stack.enter_context(process))
            stack.callback(process.kill)  # one that waits for a dead rank would wait for ever
        assert [rank.wait(timeout=300) for rank in ranks] == [0] * RANKS
    return path


@pytest.fixture(scope="module")
def found(folder):
    return torch.load(folder / "found.pt")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["whole", "sharded"])
def test_real_processes_equal_a_single_one(kind, found):
    undo = gloo_process.use_double()
    try:
        expected = after_two_epochs(FastTrainer(CASE, TINY_SPEC, CPU))
    finally:
        undo()
    torch.testing.assert_close(found[kind]["epochs"], expected["epochs"], rtol=1e-9, atol=0)
    for part in ("weights", "momentum"):
        assert found[kind][part].keys() == expected[part].keys()
        for name, value in expected[part].items():
            torch.testing.assert_close(found[kind][part][name], value, rtol=1e-7, atol=1e-10)


@pytest.mark.slow
def test_each_process_keeps_a_third_of_a_sharded_network(found):
    numbers = sum(value.numel() for value in found["sharded"]["momentum"].values())
    assert numbers / RANKS <= found["numbers_of_a_rank"] <= numbers / RANKS + 1000


@pytest.mark.slow
def test_shards_train_at_bfloat16_as_whole_networks_do(found):
    assert found["sharded, bf16"][0] == pytest.approx(found["whole, bf16"][0], rel=0.01)


@pytest.mark.slow
def test_a_sharded_case_resumes_to_the_same_bits(folder):
    weights = [
        load_file(folder / name / CASE.folder_name / "weights.safetensors") for name in ("uninterrupted", "resumed")
    ]
    assert all(torch.equal(weights[1][name], value) for name, value in weights[0].items())
    results = [ResultsFolder(folder / name).find(CASE) for name in ("uninterrupted", "resumed")]
    assert [one.interrupted_after for one in results] == [(), (1,)]
    assert results[0].confusion == results[1].confusion
    assert results[0].environment["sharded"] is True
    assert train(CASE, DATASET, ResultsFolder(folder / "resumed"), CPU) == results[1]  # read by a single process


def test_blocks_of_a_stage_are_gathered_one_at_a_time():
    def block():
        return nn.ModuleDict({"conv": nn.Conv2d(1, 1, 1), "shortcut": nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU())})

    blocks = [block() for _ in range(3)]
    stages = nn.ModuleDict({"stem": nn.Conv2d(1, 1, 1), "layer1": nn.Sequential(*blocks[:2], nn.ReLU())})
    stages["inner"] = nn.ModuleDict({"layer2": nn.ModuleList(blocks[2:])})
    assert list(_groups(stages)) == blocks
