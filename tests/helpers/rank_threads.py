"""A process group whose ranks are threads of this process: collectives without torch.distributed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from harness.hardware.device import computing_at
from harness.models.build import build_network
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.process_failure import ProcessLostError
from harness.training.process_group import ProcessGroup
from harness.training.train import train
from harness.training.trainers.data_parallel import Follower
from tests.helpers.tiny import CPU


class SharedState:
    """The threads' shared state: one value per rank, and a store for their failure."""

    def __init__(self, size):
        self.barrier = threading.Barrier(size, timeout=60)
        self.values = [None] * size
        self._stored = {}
        self._lock = threading.Lock()

    def check(self, keys):
        return all(key in self._stored for key in keys)

    def compare_set(self, key, expected, desired):
        with self._lock:
            return self._stored.setdefault(key, desired).encode()


class RankThread(ProcessGroup):
    """One rank of a group of threads."""

    def __init__(self, rank, shared):
        super().__init__(rank, len(shared.values), rank, len(shared.values))
        self._store = self._shared = shared

    def all_gather(self, value):
        try:
            self._shared.values[self.rank] = value
            self._shared.barrier.wait()
            values = list(self._shared.values)
            self._shared.barrier.wait()
        except threading.BrokenBarrierError as error:
            raise ProcessLostError(str(error)) from error
        return values

    def broadcast(self, value):
        return self.all_gather(value)[0]

    def all_reduce(self, tensor):
        return tensor.copy_(sum(self.all_gather(tensor.clone())))

    def _close_connections(self):
        self._shared.barrier.abort()


def in_threads(size, act):
    """Run ``act`` in one thread per rank; return what each returned or raised, by rank."""
    shared = SharedState(size)

    def acting(rank):
        try:
            return act(RankThread(rank, shared))
        except BaseException as error:
            return error

    one_at_a_time = threading.Lock()

    def building(*arguments, **options):
        with one_at_a_time:  # torch has one global generator
            return build_network(*arguments, **options)

    # Threads would restore one another's global precision settings: here all find and leave the same ones.
    patched = mock.patch("harness.training.trainers.trainer.build_network", building)
    with patched, computing_at("fp32"), ThreadPoolExecutor(size) as threads:
        return list(threads.map(acting, range(size)))


def train_in_threads(size, case, dataset, results, callback=None):
    """Train a case data-parallel in one thread per rank; return each rank's result or error, by rank."""

    def part(processes):
        if not processes.is_rank_zero:
            return processes.follow(Follower(case, dataset, CPU, processes).execute)
        context = TrainingContext(callback=callback or TrainingCallback(), processes=processes)
        return processes.run_on_rank_zero(lambda: train(case, dataset, results, CPU, context=context))

    return in_threads(size, part)
