"""Processes that train together, as threads of one: what they say to each other without what carries it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from harness.hardware.device import computing_at
from harness.models.resnet import build_network
from harness.training.process_group import ProcessGroup, ProcessLostError


class _Room:
    """What the threads have in common: a place for each one's value, and a store of their failure."""

    def __init__(self, size):
        self.barrier = threading.Barrier(size, timeout=60)
        self.values = [None] * size
        self._kept = {}
        self._lock = threading.Lock()

    def check(self, keys):
        return all(key in self._kept for key in keys)

    def compare_set(self, key, expected, desired):
        with self._lock:
            return self._kept.setdefault(key, desired).encode()


class RankThread(ProcessGroup):
    """One of several threads that pass for processes."""

    def __init__(self, rank, room):
        super().__init__(rank, len(room.values), rank, len(room.values))
        self._store = self._room = room

    def all_gather(self, value):
        try:
            self._room.values[self.rank] = value
            self._room.barrier.wait()
            values = list(self._room.values)
            self._room.barrier.wait()
        except threading.BrokenBarrierError as error:
            raise ProcessLostError(str(error)) from error
        return values

    def broadcast(self, value):
        return self.all_gather(value)[0]

    def all_reduce(self, tensor):
        return tensor.copy_(sum(self.all_gather(tensor.clone())))

    def _close_connections(self):
        self._room.barrier.abort()


def in_threads(size, act):
    """What ``act`` of each of so many ranks returned or raised, by rank."""
    room = _Room(size)

    def acting(rank):
        try:
            return act(RankThread(rank, room))
        except BaseException as error:
            return error

    one_at_a_time = threading.Lock()

    def building(*arguments, **options):
        with one_at_a_time:  # from torch's one global generator
            return build_network(*arguments, **options)

    # Threads would put back one another's global settings of precision: all find these, and leave them.
    patched = mock.patch("harness.training.trainers.trainer.build_network", building)
    with patched, computing_at("fp32"), ThreadPoolExecutor(size) as threads:
        return list(threads.map(acting, range(size)))
