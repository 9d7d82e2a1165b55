"""The check of data-parallel training: two processes train the case as one does."""

import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.results.folder import ResultsFolder
from harness.throughput.doctor.findings import Outcome, not_applicable, passed_if
from harness.throughput.doctor.runs import final_weights
from harness.throughput.doctor.steps import TOLERANCES
from harness.throughput.doctor.subject import Subject
from harness.training.context import TrainingContext
from harness.training.process_group import ProcessGroup
from harness.training.torchrun import own_device
from harness.training.train import train
from harness.training.trainers.data_parallel import Follower

_WORLD_SIZE = 2
_MOST_SECONDS = 90.0  # 16 on two CPU cores


def two_processes_equal_one(subject: Subject) -> Outcome:
    """Compare the final weights of two processes with those of one, by NCCL on two GPUs, else gloo."""
    if not torch.distributed.is_available():
        return not_applicable("this build of torch has no distributed training")
    here, backend = subject, "NCCL"
    if not subject.is_cuda or torch.cuda.device_count() < _WORLD_SIZE:
        here, backend = _on_cpu(subject), "gloo on the CPU"
    with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
        results = ResultsFolder(folder)
        alone = final_weights(results, train(here.case_with(), here.dataset, results, here.device))
    with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
        found = here.difference(weights_of_two(here, folder), alone)
    text = f"relative difference {found:.1e} after {here.recipe.epochs} epochs, by {backend}"
    return passed_if(found <= TOLERANCES["fp32"], text, difference=found)


def weights_of_two(subject: Subject, folder: str) -> Mapping[str, Tensor]:
    """Train the case in two processes; return the final weights.

    Raises:
        RuntimeError: a process failed, or the training did not complete in time.
    """
    spawn, started = multiprocessing.get_context("spawn"), time.monotonic()
    # The system chooses the port, and this process holds it: no other process can take it before the ranks connect.
    c10d: Any = torch.distributed  # mypy does not know all of its names
    store = c10d.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    arguments = [(rank, store.port, subject, folder) for rank in range(_WORLD_SIZE)]
    processes = [spawn.Process(target=train_rank, args=one) for one in arguments]
    for rank, process in enumerate(processes):
        _log(folder, rank).touch()
        process.start()
    _wait_for(processes)
    if any(process.exitcode != 0 for process in processes):
        codes = [process.exitcode for process in processes]
        for process in processes:
            process.kill()
            process.join()
        said = [line for rank in range(_WORLD_SIZE) for line in _log(folder, rank).read_text("utf-8").splitlines()[-1:]]
        ended = f"the processes ended with exit codes {codes} (None: stopped, after {time.monotonic() - started:.0f} s)"
        raise RuntimeError("; ".join([ended, *said]))
    results = ResultsFolder(folder)
    (result,), _ = results.read_all()
    return final_weights(results, result)


def _wait_for(processes: Sequence[BaseProcess]) -> None:
    """Wait until all processes have ended, one has failed, or the time is over."""
    ends = time.monotonic() + _MOST_SECONDS
    while not any(process.exitcode for process in processes) and (left := ends - time.monotonic()) > 0:
        running = [process.sentinel for process in processes if process.exitcode is None]
        if not running:
            return
        multiprocessing.connection.wait(running, left)


def train_rank(rank: int, port: int, subject: Subject, folder: str) -> None:
    """Train the case as one rank; rank 0 writes the result."""
    with open(_log(folder, rank), "w", encoding="utf-8") as log:  # also for torch's notes on connections that end
        os.dup2(log.fileno(), sys.stderr.fileno())
    local = {"RANK": rank, "WORLD_SIZE": _WORLD_SIZE, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": _WORLD_SIZE}
    os.environ |= {name: str(value) for name, value in local.items()}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}  # as torchrun's ranks
    processes = ProcessGroup.from_environment()
    device = torch.device(own_device(subject.device, processes))
    processes.connect()
    processes.use_device(device)
    case, dataset = subject.case_with(), subject.dataset
    if processes.is_rank_zero:
        context = TrainingContext(processes=processes)
        processes.run_on_rank_zero(lambda: train(case, dataset, ResultsFolder(folder), device, context=context).status)
    else:
        processes.follow(Follower(case, dataset, device, processes).execute)


def _log(folder: str, rank: int) -> Path:
    return Path(folder, f"rank-{rank}.txt")


def _on_cpu(subject: Subject) -> Subject:
    case = dataclasses.replace(subject.case, device_kind="cpu")
    return dataclasses.replace(subject, device=torch.device("cpu"), case=case)
