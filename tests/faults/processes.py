"""Real processes to cause faults in: each is fresh, has torch imported, and trains the tiny case."""

import multiprocessing
import os
import resource
import signal
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import torch

from harness.errors import InputError
from harness.hardware import co_scheduling
from harness.results.folder import ResultsFolder
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.train import train
from harness.training.trainers.fast import FastTrainer
from tests.helpers.tiny import CPU, TINY_RECIPE, make_case, make_dataset

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


class Process:
    """A process that runs a function of this module, and the value that the function returns."""

    def __init__(self, function, *arguments):
        self._answer, theirs = _context.Pipe(duplex=False)
        self._process = _context.Process(
            target=_answering, args=(theirs, co_scheduling.machine_folder(), function, arguments)
        )
        self._process.start()
        theirs.close()

    def kill(self):
        """Send SIGKILL, which no process can handle."""
        self._process.kill()

    def send(self, number):
        """Send a signal."""
        os.kill(self._process.pid, number)

    def wait(self):
        """Return the function's value; None if the process was killed."""
        try:
            answer = self._answer.recv()
        except EOFError:
            answer = None
        self._process.join()
        self._answer.close()
        self._process.close()
        return answer


def run(function, *arguments):
    """Run a function in a process of its own and return its value; None if the process was killed."""
    return Process(function, *arguments).wait()


def _answering(pipe, machine_folder, function, arguments):
    torch.set_num_threads(1)
    with mock.patch.object(
        co_scheduling, "machine_folder", return_value=machine_folder
    ):  # the tests' own, as in conftest
        pipe.send(function(*arguments))


class _Counting(TrainingCallback):
    def __init__(self):
        self.epochs, self.notices = 0, []

    def on_epoch(self, case, record):
        self.epochs += 1

    def on_notice(self, case, text):
        self.notices.append(text)


def train_tiny(root, **changes):
    """Train the tiny case in the results folder ``root``; return status or error, epochs trained, notices."""
    dataset, callback = make_dataset(), _Counting()
    try:
        result = train(
            make_case(dataset, **changes), dataset, ResultsFolder(root), CPU, context=TrainingContext(callback=callback)
        )
    except InputError as error:
        return str(error), callback.epochs, callback.notices
    return result.status, callback.epochs, callback.notices


def train_tiny_until_step(root, last):
    """Train the tiny case, killed before the ``last``-th call of fsync, replace or unlink."""
    steps = 0

    def dying(call):
        def counted(*arguments, **options):
            nonlocal steps
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return counted

    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, dying(getattr(os, name)))
    return train_tiny(root)


def train_tiny_with_room_for(file_bytes, root):
    """Train the tiny case on a disk that takes no larger file; raise an error if an epoch begins."""

    def fail(self, case, epoch, share):
        raise RuntimeError("an epoch has started")

    _Counting.on_progress = fail
    with _limited(resource.RLIMIT_FSIZE, file_bytes):
        return train_tiny(root)


def train_tiny_while_the_disk_fills(root):
    """Train the tiny case on a disk that is full after the first epoch."""
    on_epoch = _Counting.on_epoch

    def fill(self, case, record):
        on_epoch(self, case, record)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

    _Counting.on_epoch = fill
    return train_tiny(root)


def train_with_little_memory_then_tiny(root, spare_bytes):
    """Train a case that lacks memory, then the tiny one; return (status, cause) and status."""
    dataset = make_dataset(train_images=2000, size=32)
    case = make_case(dataset, model="resnet20-8", recipe=replace(TINY_RECIPE, batch_size=2000, image_size=32))
    with _limited(resource.RLIMIT_AS, _address_space() + spare_bytes):
        result = train(case, dataset, ResultsFolder(root), CPU)
    return (result.status, result.cause), train_tiny(root)[0]


def _address_space():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


@contextmanager
def _limited(kind, most):
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def train_losing_a_loader_then_tiny(root):
    """Train by the reference pipeline with a loader process killed, then the tiny case."""

    class Killing(TrainingCallback):
        def on_progress(self, case, epoch, share):
            for child in multiprocessing.active_children():
                os.kill(child.pid, signal.SIGKILL)

    dataset = make_dataset(train_images=400)
    case = make_case(dataset, pipeline="reference")
    results = ResultsFolder(root)
    try:
        train(case, dataset, results, CPU, context=TrainingContext(callback=Killing()))
    except Exception:
        failed = results.find(case)
        return (failed.status, failed.cause), train_tiny(root)[0]
    return None


def train_diverging_then_tiny(root):
    """Train a case whose weights become NaN in memory, as on a broken device, then the tiny one."""
    step = FastTrainer.step

    def poisoned(self, batch, labels):
        step(self, batch, labels)
        with torch.no_grad():
            next(self.network.parameters())[0] = float("nan")

    FastTrainer.step = poisoned
    first = train_tiny(root)
    again = train_tiny(root)
    FastTrainer.step = step
    return first, again, train_tiny(root, seed=1)


def train_without_permission(root):
    """Train the tiny case as a user who may not write to the results folder."""
    os.setuid(65534)  # a user without rights
    return train_tiny(root)
