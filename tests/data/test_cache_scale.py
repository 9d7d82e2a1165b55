"""Time and memory of the cache at scale. To see the numbers: pytest -m scale tests/data/test_cache_scale.py -s."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.data import registry
from harness.study.engines.cluster.own_cluster import private_cluster
from tests.data.builders import linux, write_files
from tests.data.caching import resident_bytes
from tests.data.scale_of_cache import IMAGE_BYTES, loaded
from tests.helpers import REPOSITORY

pytestmark = [pytest.mark.scale, linux]
GIGABYTE = 10**9
CGROUPS = Path("/sys/fs/cgroup/memory")  # version 1


def run(*arguments, cgroup=None):
    """The numbers that a program of `scale_of_cache` prints, run in a control group of memory if there is one."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.data.scale_of_cache", *map(str, arguments)]
    enter = None if cgroup is None else lambda: (cgroup / "tasks").write_text(str(os.getpid()))
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True, preexec_fn=enter)
    found = json.loads(done.stdout)
    print(arguments[0], {name: round(value, 3) for name, value in found.items()}, file=sys.stderr)
    return found


@pytest.fixture
def control_group(limit):
    """A control group that limits the memory of processes, pages of files included; None without permission."""
    group = CGROUPS / f"wider-or-deeper-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    (group / "memory.limit_in_bytes").write_text(str(limit))
    yield group
    group.rmdir()


@pytest.mark.parametrize(
    ("size", "limit"),
    [(2 * GIGABYTE, GIGABYTE), pytest.param(8 * GIGABYTE, 2 * GIGABYTE, marks=pytest.mark.release)],
    ids=["2 GB with 1", "8 GB with 2"],
)
def test_images_larger_than_the_memory_are_cached_and_trained_on(size, limit, tmp_path, control_group):
    count = size // IMAGE_BYTES
    made = run("make", count, tmp_path, cgroup=control_group)
    mapped = run("train", count, tmp_path, 2 * GIGABYTE, cgroup=control_group)
    assert made["own_bytes"] < 1 * GIGABYTE
    assert mapped["own_bytes"] < 1 * GIGABYTE


@pytest.mark.release  # a time: the others beside it matter
def test_mapped_images_train_as_fast_as_images_in_memory(tmp_path):
    count = 2000
    run("make", count, tmp_path)
    speeds = {0: [], 2 * GIGABYTE: []}
    for _ in range(3):
        for limit, found in speeds.items():
            found.append(run("train", count, tmp_path, limit)["images_per_second"])
    assert max(speeds[2 * GIGABYTE]) > 0.9 * max(speeds[0])


def gtsrb_files(images):
    """GTSRB's 51,839 images in its official folders: 32×32, as PPM."""
    pixels = b"P6 32 32 255\n" + bytes(range(256)) * 12
    for label in range(43):
        names = [f"{k // 30:05d}_{k % 30:05d}.ppm" for k in range(label, 39_209, 43)]
        folder = f"GTSRB/Final_Training/Images/{label:05d}"
        yield from ((f"{folder}/{name}", pixels) for name in names)
        yield f"{folder}/GT-{label:05d}.csv", images(names, label)
    names = [f"{k:05d}.ppm" for k in range(12_630)]
    yield from ((f"GTSRB/Final_Test/Images/{name}", pixels) for name in names)
    yield "GT-final_test.csv", images(names, 0)


def rows(names, label):
    return "\n".join(["Filename;ClassId", *(f"{name};{label}" for name in names)]).encode()


@pytest.mark.release  # writes 52,000 files
def test_gtsrb_loads_twenty_times_as_fast_the_second_time(tmp_path):
    write_files(tmp_path / "gtsrb", dict(gtsrb_files(rows)))
    seconds = []
    for _ in range(4):
        registry.forget_loaded()
        started = time.perf_counter()
        dataset = registry.load("gtsrb", tmp_path)
        seconds.append(time.perf_counter() - started)
    assert (len(dataset.train), len(dataset.test)) == (39_209, 12_630)
    print("gtsrb, seconds", seconds, file=sys.stderr)
    assert seconds[0] / min(seconds[1:]) > 20


def share_of_the_cache(folder, processes):
    """Read all pixels, wait for the other processes, and return this one's share of their memory."""
    train = loaded(1000, folder)
    train.pixels.sum()
    ready = Path(folder, "ready")
    ready.mkdir(exist_ok=True)
    (ready / str(os.getpid())).touch()
    while len(list(ready.iterdir())) < processes:
        time.sleep(0.05)
    time.sleep(1)
    measured = resident_bytes(next(Path(folder).rglob("*.pixels")))
    time.sleep(1)  # the others measure too
    return measured, train.nbytes


@pytest.mark.release  # as forked processes, in test_cache_processes.py
def test_four_ray_workers_share_the_pixels(tmp_path):
    ray = pytest.importorskip("ray")
    loaded(1000, tmp_path)
    with private_cluster() as folder:  # Ray reads its token once per process
        ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, _temp_dir=folder)
        try:
            task = ray.remote(num_cpus=1)(share_of_the_cache)
            measured = ray.get([task.remote(str(tmp_path), 4) for _ in range(4)])
        finally:
            ray.shutdown()
            shutil.rmtree(tmp_path / ".cache")
    print("ray, (share, own) and size in bytes", measured, file=sys.stderr)
    for (share, own), size in measured:
        assert share < 0.35 * size
        assert own == 0
