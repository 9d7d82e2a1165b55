"""How time and memory grow with images, width, depth and batch: measured, each point in a process of its own, fitted.

A fresh process is what makes memory comparable: an allocator keeps what earlier points needed. Run as a module it
measures one point, given as JSON, and prints it.
"""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import torch

from harness.analysis.stats import Growth, fit_growth
from harness.config.datasets import SPECS
from harness.config.experiment import Experiment
from harness.config.recipes import CIFAR10
from harness.data.images import random_images
from harness.errors import InputError
from harness.hardware.device import synchronise
from harness.hardware.memory import PeakMemory
from harness.hardware.stopwatch import Stopwatch
from harness.training.trainers import make_trainer

_TIMED = 3


@dataclass(frozen=True)
class Setting:
    """What a point measures: a model at CIFAR-10's shapes on so many images in such batches."""

    model: str
    batch_size: int
    images: int
    device: str
    precision: str


@dataclass(frozen=True)
class Point:
    """One measurement: seconds of an epoch (the quickest of three), and bytes beyond those of the bare process."""

    x: int
    epoch_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Scaling:
    """An axis with its points.

    Attributes:
        axis: ``images``, ``width``, ``depth`` or ``batch``.
        images: in an epoch, unless they are the axis.
    """

    axis: str
    images: int
    precision: str
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        if (
            len({p.x for p in self.points}) < 3
            or min(min(p.x, p.epoch_seconds, p.peak_bytes) for p in self.points) <= 0
        ):
            raise ValueError("an axis has three different points or more, all positive")
        _ = self.time_growth, self.memory_growth  # that they can be fitted

    @property
    def name(self) -> str:
        return f"scaling-{self.axis}"

    @property
    def time_growth(self) -> Growth:
        """How epoch seconds grow along the axis."""
        return fit_growth([p.x for p in self.points], [p.epoch_seconds for p in self.points])

    @property
    def memory_growth(self) -> Growth:
        """How memory grows along the axis."""
        return fit_growth([p.x for p in self.points], [p.peak_bytes for p in self.points])


# axis: the values along it, and the setting's fields that a value makes; the rest is ResNet-20 on a batch of 128.
AXES: dict[str, tuple[Sequence[int], Callable[[int], dict[str, object]]]] = {
    "images": ((512, 1024, 2048, 4096), lambda x: {"images": x}),
    "width": ((1, 2, 4, 8), lambda x: {"model": f"resnet20-{x}" if x > 1 else "resnet20"}),
    "depth": ((20, 32, 56, 110), lambda x: {"model": f"resnet{x}"}),
    "batch": ((32, 64, 128, 256), lambda x: {"batch_size": x}),
}
_IMAGES = 256


def measure_scaling(
    axis: str, device: torch.device, precision: str, *, notify: Callable[[str], None] = lambda _: None
) -> Scaling:
    """Measure every point of an axis, one process after the other.

    Raises:
        InputError: a point could not be measured; it says which and what its process said last.
    """
    values, fields = AXES[axis]
    points = []
    for value in values:
        notify(f"{axis} {value}")
        setting = replace(
            Setting("resnet20", CIFAR10.batch_size, _IMAGES, str(device), precision),
            **fields(value),  # type: ignore[arg-type]
        )
        points.append(replace(_measure_apart(setting), x=value))
    return Scaling(axis, _IMAGES, precision, tuple(points))


def _measure_apart(setting: Setting) -> Point:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "harness.throughput.scaling", json.dumps(asdict(setting))]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise InputError(f"{setting.model} in batches of {setting.batch_size} could not be measured: {said}")
    return Point(**json.loads(done.stdout.splitlines()[-1]))


def measure_point(setting: Setting) -> Point:
    """Train a few epochs of random images, in this process."""
    device, spec = torch.device(setting.device), SPECS["cifar10"]
    recipe = replace(CIFAR10, batch_size=setting.batch_size)
    experiment = Experiment("cifar10", setting.model, 0, recipe, "quick")
    case = experiment.bind(device_kind=device.type, precision=setting.precision)
    torch.zeros(1, device=device)  # what a device takes for itself is not the network's
    synchronise(device)
    memory = PeakMemory(device)
    bare_bytes = memory.bytes()
    trainer = make_trainer(case, spec, device)
    images = trainer.place(random_images(spec, recipe, setting.images))
    trainer.warm_up(len(images))
    best = math.inf
    for epoch in range(_TIMED):
        watch = Stopwatch(device)
        trainer.train_epoch(images, epoch, watch)
        best = min(best, watch.total())
    return Point(0, best, max(1, memory.bytes() - bare_bytes))


if __name__ == "__main__":
    print(json.dumps(asdict(measure_point(Setting(**json.loads(sys.argv[1]))))))
