"""The cache of several processes: one makes it, and what a killed one leaves is removed."""

import multiprocessing
import os
import signal
import time
from multiprocessing import Process

import pytest

from harness.config.recipe import Resize
from harness.data import cache_file
from tests.data.builders import linux, write_class_folders
from tests.data.caching import caches, load, pixels_file, resident_bytes

pytestmark = linux
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def root(tmp_path):
    return write_class_folders(tmp_path / "mine", train=3, test=2)


def started(target, *arguments) -> Process:
    process = FORK.Process(target=target, args=arguments)
    process.start()
    return process


def be_killed_while_writing(root, data_dir):
    cache_file.flush_to_disk = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    load(root, data_dir)


def test_what_a_killed_writer_left_is_removed(root, tmp_path):
    killed = started(be_killed_while_writing, root, tmp_path)
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    assert [name.partition(".")[2] for name in caches(root)] == ["writing"]
    dataset, _ = load(root, tmp_path)
    assert [name.partition(".")[2] for name in caches(root)] == ["json", "pixels"]
    assert len(dataset.train) == 6


def load_slowly(root, data_dir, outcomes):
    """Load after a second that passes once the cache's file is open; report what was done."""
    enter, made = cache_file.CacheWriter.__enter__, []

    def slowly(self):
        made.append(self)
        time.sleep(1)
        return enter(self)

    cache_file.CacheWriter.__enter__ = slowly
    dataset, lines = load(root, data_dir)
    outcomes.put((len(made), dataset.fingerprint, tuple(lines)))


def test_of_several_processes_one_makes_the_cache(root, tmp_path):
    outcomes = FORK.SimpleQueue()
    processes = [started(load_slowly, root, tmp_path, outcomes) for _ in range(3)]
    made, fingerprints, lines = zip(*(outcomes.get() for _ in processes), strict=True)
    for process in processes:
        process.join(60)
    assert sorted(made) == [0, 0, 1]
    assert len(set(fingerprints)) == 1
    waited = (f"waiting for another process that decodes folder:{root}",)
    assert sorted(lines) == [(), waited, waited]


def read_all(root, data_dir, outcomes, barrier):
    train = load(root, data_dir, resize=Resize(600))[0].train
    train.pixels.sum()
    barrier.wait()
    outcomes.put((resident_bytes(pixels_file(root)), train.nbytes))
    barrier.wait()


def test_processes_share_the_memory_of_the_pixels(root, tmp_path):
    load(root, tmp_path, resize=Resize(600))
    outcomes, barrier = FORK.SimpleQueue(), FORK.Barrier(4)
    processes = [started(read_all, root, tmp_path, outcomes, barrier) for _ in range(4)]
    measured = [outcomes.get() for _ in processes]
    for process in processes:
        process.join(60)
    for (share, own), size in measured:
        assert share < 0.35 * size  # a quarter each
        assert own == 0


def load_in_little_memory(root, data_dir, outcomes):
    """Load with at most 150 MB more of memory than now; pages of files do not count."""
    import resource

    os.sched_getaffinity = lambda _: {0, 1}  # few threads, and their stacks
    now = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData"))  # noqa: SIM115
    resource.setrlimit(resource.RLIMIT_DATA, (1024 * now + 150_000_000,) * 2)
    dataset, lines = load(root, data_dir, resize=Resize(1000))
    outcomes.put((dataset.train.nbytes, lines))


def test_making_a_cache_holds_few_images_in_memory(tmp_path):
    root, outcomes = write_class_folders(tmp_path / "large", train=40, test=1), FORK.SimpleQueue()
    process = started(load_in_little_memory, root, tmp_path, outcomes)
    process.join(60)
    assert process.exitcode == 0
    size, lines = outcomes.get()
    assert size == 240_000_000
    assert lines == []  # the images are not in memory
