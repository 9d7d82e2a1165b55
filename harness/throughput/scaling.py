"""Growth of time and memory with images, width, depth and batch size, measured.

Each point is measured in a process of its own: an allocator keeps the memory that earlier points needed, so peaks
measured in one process are not comparable.
"""

import functools
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

import torch

from harness.config.datasets import SPECS
from harness.config.experiment import Experiment
from harness.config.recipes import CIFAR10
from harness.data.images import ImageSet, random_images
from harness.errors import InputError
from harness.hardware.device import wait_for_device
from harness.hardware.memory import PeakMemory
from harness.hardware.stopwatch import Stopwatch
from harness.text import one_line
from harness.throughput.measurements import Point, Scaling
from harness.throughput.repetition import Repetition, metered
from harness.training.trainers import make_trainer
from harness.training.trainers.trainer import Trainer

_TIMED = 3


@dataclass(frozen=True)
class ScalingCase:
    """The training that a point measures: a model on random images of CIFAR-10's shape."""

    model: str
    batch_size: int
    images: int
    device: str
    precision: str


# axis: its values, and the fields of `ScalingCase` that a value sets; the rest is ResNet-20 with batches of 128.
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
    """Measure every point of an axis, each in a new process, one after the other.

    Raises:
        InputError: a point could not be measured. The message names the point and the cause.
    """
    spawn = multiprocessing.get_context("spawn")  # a forked process would begin with this one's memory
    repetition, points = Repetition(notify), []
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn, max_tasks_per_child=1) as processes:
        for value, case in cases_along(axis, device, precision):
            notify(f"{axis} {value}")
            work = functools.partial(_measure_in, processes, case)
            point = repetition.measure(f"{axis} {value}", work, lambda point: [point.disturbance])
            points.append(replace(point, x=value))
    return Scaling(axis, _IMAGES, precision, tuple(points))


def cases_along(axis: str, device: torch.device, precision: str) -> list[tuple[int, ScalingCase]]:
    """Return each value of an axis with the training that measures it."""
    values, fields = AXES[axis]
    base = ScalingCase("resnet20", CIFAR10.batch_size, _IMAGES, str(device), precision)
    return [(value, replace(base, **fields(value))) for value in values]  # type: ignore[arg-type]


def _measure_in(processes: ProcessPoolExecutor, case: ScalingCase) -> Point:
    try:
        return processes.submit(measure_point, case).result()
    except BrokenProcessPool:
        cause = "its process was killed"
    except Exception as error:
        cause = one_line(f"{type(error).__name__}: {error}")
    raise InputError(f"{case.model} in batches of {case.batch_size} could not be measured: {cause}")


def measure_point(case: ScalingCase) -> Point:
    """Train three epochs of random images in this process; return the point at x = 0.

    Its time is that of the fastest undisturbed epoch; that of the fastest one if all are disturbed.
    """
    device, spec = torch.device(case.device), SPECS["cifar10"]
    recipe = replace(CIFAR10, batch_size=case.batch_size)
    experiment = Experiment("cifar10", case.model, 0, recipe, "quick")
    bound = experiment.bind(device_kind=device.type, precision=case.precision)
    torch.zeros(1, device=device)  # the memory that a device's context takes is not the network's
    wait_for_device(device)
    memory = PeakMemory(device)
    bare_bytes = memory.bytes()
    trainer = make_trainer(bound, spec, device)
    images = trainer.place(random_images(spec, recipe, case.images))
    trainer.warm_up(images)
    epochs = [metered(device, functools.partial(_epoch_seconds, trainer, images, epoch)) for epoch in range(_TIMED)]
    seconds, disturbance = min(epochs, key=lambda one: (one[1].is_disturbed, one[0]))
    return Point(0, seconds, max(1, memory.bytes() - bare_bytes), disturbance)


def _epoch_seconds(trainer: Trainer, images: ImageSet, epoch: int) -> float:
    watch = Stopwatch(trainer.device)
    trainer.train_epoch(images, epoch, watch)
    return watch.total()
