"""A real ``torchrun -m pytest`` of two processes, and the variables that torchrun sets in each."""

import os
import subprocess
import sys
import time
from pathlib import Path

from safetensors.torch import load_file

from harness.results.reading import read_result
from tests.helpers import REPOSITORY

RANK_ONE_VARIABLES = {
    "RANK": "1",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "here",
    "MASTER_PORT": "1",
}


def start(folder, *options, fault=None):
    """Start ``torchrun -m pytest`` with two processes in the folder, warnings as errors."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "pytest"]
    command += ["-p", "harness.plugin", "-W", "error", "--full-training", *options]
    environment = os.environ | {"FAULT": fault or "", "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
    environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), environment.get("PYTHONPATH", "")])
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def run(folder, *options, fault=None):
    """Run `start` to its end; return the exit status and the output."""
    process = start(folder, *options, fault=fault)
    output = process.communicate(timeout=100)[0]
    return process.returncode, output


def result_of(folder, results="results"):
    """Return the only result under the folder."""
    (path,) = (folder / results).glob("*/result.json")
    return read_result(path)


def weights_of(folder, results="results"):
    """Return the only weights under the folder."""
    (path,) = (folder / results).glob("*/weights.safetensors")
    return load_file(path)


def wait_for_epochs(folder, count):
    """Wait until ``count`` epochs are recorded under the folder."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if sum(path.read_bytes().count(b"\n") for path in folder.glob("results/*/epochs.jsonl")) >= count:
            return
        time.sleep(0.02)
    raise AssertionError("no epoch was recorded within 60 s")


def ranks_of(process):
    """Return the process ids that a torchrun started, by rank."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if status[1] == str(process.pid):
            found |= {variable[5:].decode(): int(entry.name) for variable in environment if variable[:5] == b"RANK="}
    return found
