"""The meter of a trained network's use: forward passes of one image and of a batch, after training."""

import contextlib
import statistics
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from harness.hardware.co_scheduling import CoSchedulingMonitor
from harness.hardware.device import wait_for_device
from harness.hardware.disturbance_meter import DisturbanceMeter
from harness.models.foreign import raised
from harness.results.disturbance import Disturbance
from harness.results.inference_time import LATENCY_BATCH, THROUGHPUT_BATCH, InferenceTime
from harness.training.context import TrainingContext
from harness.training.trainers.fast import evaluation_batch_size
from harness.training.trainers.trainer import Trainer

# Seconds of the rounds at a batch and a number of threads, of which there are up to four: a share of the training's
# own, so that short trainings stay short.
_SHARE, _MOST_SECONDS = 0.025, 1.2
_ROUNDS, _LEAST_ROUNDS = 15, 3
_WARM_UP_SHARE = 0.2  # of the rounds' seconds
_MOST_PASS_SECONDS = 10.0
_MOST_TRIES = 3
# Training keeps the outputs of all layers for its backward pass, a forward pass those of a few: memory that trained
# some images suffices to use the network on several times as many.
_BATCHES_IN_MEMORY = 4


class InferenceMeter:
    """The measurement of a trained network's use. It never fails: what cannot be measured is noted.

    Attributes:
        notes: the reason for each time that is left out.
    """

    def __init__(self, trainer: Trainer, context: TrainingContext, co_scheduling: CoSchedulingMonitor) -> None:
        self.notes: list[str] = []
        self._trainer, self._context, self._co_scheduling = trainer, context, co_scheduling

    def measure(self, training_seconds: float) -> tuple[InferenceTime, ...]:
        """Measure latency and throughput, with all threads and on a CPU also with one.

        Args:
            training_seconds: the training's own time, of which this takes a share.
        """
        if self._context.processes.is_sharded:
            self.notes.append(
                "latency and throughput left out: no process has the whole network; they are measured without --fsdp"
            )
            return ()
        seconds = min(_SHARE * training_seconds, _MOST_SECONDS)
        found = []
        for threads in _thread_counts(self._trainer.device):
            for batch in (LATENCY_BATCH, THROUGHPUT_BATCH):
                with _using_threads(threads):
                    if (measured := self._measure_or_note(batch, seconds)) is not None:
                        found.append(measured)
        return tuple(found)

    def _measure_or_note(self, batch: int, seconds: float) -> InferenceTime | None:
        """Return the time at a batch; None if it cannot be measured, which is noted once for any threads."""
        trainer, callback = self._trainer, self._context.callback
        obstacle = _lack_of_memory(trainer, batch)
        try:
            if obstacle is None:
                with trainer.in_use() as network:
                    return self._least_disturbed(_Passes(network, _inputs(trainer, batch), trainer.device), seconds)
        except _SlowError as error:
            obstacle = str(error)
        except Exception as error:  # the training is complete whatever its network does with this batch
            if callback.should_stop() or callback.is_stop(error):
                raise
            obstacle = raised(error)
        measure = "latency at batch" if batch == LATENCY_BATCH else "throughput at batch"
        note = f"{measure} {batch} left out: {obstacle}"
        self.notes += [note] * (note not in self.notes)
        return None

    def _least_disturbed(self, passes: "_Passes", seconds: float) -> InferenceTime:
        """Measure until undisturbed, a few times while little time has passed; return the least disturbed one."""
        is_distributed = self._context.processes.is_distributed
        tried: list[tuple[bool, Disturbance, list[float]]] = []
        started = time.perf_counter()
        passes.warm_up(seconds)
        while True:
            meter, beside = DisturbanceMeter(passes.device, is_distributed=is_distributed), self._co_scheduling.afresh()
            rounds = []
            for one in passes.rounds(seconds):
                rounds.append(one)
                self._stop_if_asked()
            disturbance, saw_other_case = meter.reading(), beside.saw_other_case
            tried.append((disturbance.is_disturbed or saw_other_case, disturbance, rounds))
            is_over = len(tried) == _MOST_TRIES or time.perf_counter() - started > _MOST_TRIES * seconds
            if not disturbance.is_disturbed or saw_other_case or is_over:
                break
        is_disturbed, _, rounds = min(tried, key=lambda one: (one[0], one[1].severity))
        low, high = np.quantile(rounds, (0.25, 0.75))
        return InferenceTime(
            batch=passes.batch,
            threads=torch.get_num_threads(),
            rounds=len(rounds),
            median_seconds=statistics.median(rounds),
            spread_seconds=float(high - low),
            is_disturbed=is_disturbed,
        )

    def _stop_if_asked(self) -> None:
        if self._context.callback.should_stop():
            raise KeyboardInterrupt


class _SlowError(Exception):
    """A forward pass takes too long to be repeated."""


class _Passes:
    """Forward passes of one batch on the device."""

    def __init__(self, network: nn.Module, inputs: Tensor, device: torch.device) -> None:
        self.batch, self.device = len(inputs), device
        self._network, self._inputs = network, inputs
        self._pass_seconds = 0.0

    def warm_up(self, seconds: float) -> None:
        """Run some passes, and estimate the seconds of one.

        Raises:
            _SlowError: a pass takes too long.
        """
        first = self._time(1)
        if first > _MOST_PASS_SECONDS:
            raise _SlowError(f"a forward pass takes {first:.0f} s, more than {_MOST_PASS_SECONDS:.0f}")
        further = list[float]()
        while sum(further) < _WARM_UP_SHARE * seconds:
            further.append(self._time(1))
        self._pass_seconds = statistics.fmean(further or [first])

    def rounds(self, seconds: float) -> Iterator[float]:
        """Yield the seconds of a pass in each round, of so many rounds as take about these seconds in all."""
        passes = max(1, round(seconds / _ROUNDS / self._pass_seconds))
        count = min(_ROUNDS, max(_LEAST_ROUNDS, int(seconds / (passes * self._pass_seconds))))
        started = time.perf_counter()
        for k in range(count):
            if k >= _LEAST_ROUNDS and time.perf_counter() - started > seconds:  # other work makes them longer
                return
            yield self._time(passes)

    def _time(self, passes: int) -> float:
        """Return the mean seconds of some passes.

        Of one image, each pass is waited for, as its user does; batches follow one another without a wait.
        """
        wait_for_device(self.device)
        started = time.perf_counter()
        for _ in range(passes):
            self._network(self._inputs)
            if self.batch == LATENCY_BATCH:
                wait_for_device(self.device)
        wait_for_device(self.device)
        return (time.perf_counter() - started) / passes


def _inputs(trainer: Trainer, batch: int) -> Tensor:
    """Return a batch of noise in the shape of the case's images, (N, C, S, S), on the device."""
    shape = trainer.spec.input_shape(trainer.recipe.image_size)
    noise = torch.randn(batch, *shape, generator=torch.Generator().manual_seed(0))
    return noise.to(trainer.device).contiguous(memory_format=trainer.memory_format)


def _lack_of_memory(trainer: Trainer, batch: int) -> str | None:
    """Return why a forward pass may lack memory for a batch; None if training had enough for it."""
    recipe = trainer.recipe
    evaluated = evaluation_batch_size(recipe, trainer.spec.channels, trainer.device)
    if batch <= max(_BATCHES_IN_MEMORY * recipe.batch_size, evaluated):
        return None
    return (
        f"memory that sufficed to train {recipe.batch_size} images at a time and to evaluate {evaluated} may not "
        f"suffice; a recipe with a batch_size of {-(-batch // _BATCHES_IN_MEMORY)} or more has it measured"
    )


def _thread_counts(device: torch.device) -> list[int]:
    """Return all threads of the process; on a CPU, which computes with them, also one."""
    threads = torch.get_num_threads()
    return [threads, 1] if device.type == "cpu" and threads > 1 else [threads]


@contextlib.contextmanager
def _using_threads(threads: int) -> Iterator[None]:
    """Compute with a number of CPU threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
