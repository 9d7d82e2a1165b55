"""Programs whose time and memory `test_cache_scale` measures, each in a process of its own."""

import json
import resource
import sys
import threading
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from harness.config.datasets import DatasetSpec
from harness.config.recipe import Augmentation, Recipe
from harness.data import decoding
from harness.data.cache import load_images
from harness.data.images import ImageSet
from harness.data.source import Source, unverifiable
from harness.hardware.stopwatch import Stopwatch
from harness.training.trainers import fast
from tests.helpers.tiny import make_case, make_dataset

SIDE = 224
IMAGE_BYTES = 3 * SIDE**2


def synthetic(count):
    """A source of that many noisy images, which it yields one by one."""

    def images(number):
        pool = np.random.default_rng(0).integers(0, 256, 64 * IMAGE_BYTES, dtype=np.uint8)
        for position in range(number):
            start = position * 4099 % (63 * IMAGE_BYTES)
            yield pool[start : start + IMAGE_BYTES].reshape(3, SIDE, SIDE)

    def part(number):
        return ImageSet(decoding._DESTINATION.get()(images(number), 3), torch.arange(number) % 2)

    def read(*_):
        return part(count), part(64)

    return Source("synthetic", Path("nowhere"), lambda: (count, 64), unverifiable, read, key=lambda: str(count))


def spec(count):
    return DatasetSpec("digits", 3, SIDE, ("a", "b"), count, 64)


def loaded(count, folder):
    return load_images(synthetic(count), spec(count), Path(folder)).train


def own_bytes():
    """The process's memory without pages of files: what no other process shares and the system cannot drop."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))


class Peak(threading.Thread):
    """The most that `own_bytes` has been, looked at twenty times a second."""

    def __init__(self):
        super().__init__(daemon=True)
        self.bytes = 0
        self.start()

    def run(self):
        while True:
            self.bytes = max(self.bytes, own_bytes())
            time.sleep(0.05)


def trainer(count):
    """A trainer of a network that is small beside the reading of its images."""
    network = nn.Sequential(nn.Conv2d(3, 8, 16, stride=16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network.append(nn.Linear(8, 2))
    fast.initial_network = lambda *_: network
    augmentation = Augmentation(mean=(0.5,) * 3, std=(0.5,) * 3)
    recipe = Recipe("scale", epochs=2, milestones=(), batch_size=32, image_size=SIDE, augmentation=augmentation)
    return fast.FastTrainer(make_case(make_dataset(), recipe=recipe), spec(count), torch.device("cpu"))


def train(count, folder, limit_bytes):
    """Train an epoch, with a limit on the memory that pages of files do not count to; print time and memory."""
    if limit_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
    peak, images, one = Peak(), loaded(count, folder), trainer(count)
    if not limit_bytes:  # the same images in memory
        images = ImageSet(images.pixels.clone(), images.labels)
        peak.bytes = 0
    started = time.perf_counter()
    loss = one.train_epoch(images, 0, Stopwatch(torch.device("cpu")))[0]
    seconds = time.perf_counter() - started
    print(json.dumps({"images_per_second": count / seconds, "own_bytes": peak.bytes, "loss": loss}))


def make(count, folder):
    started = time.perf_counter()
    peak = Peak()
    loaded(count, folder)
    print(json.dumps({"seconds": time.perf_counter() - started, "own_bytes": peak.bytes}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"make": make, "train": train}[sys.argv[1]](int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:]))
