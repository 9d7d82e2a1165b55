"""Seconds of a training step, measured alternately for the ways that are compared."""

import statistics
import time
from collections.abc import Sequence

from torch import Tensor

from harness.hardware.device import wait_for_device
from harness.throughput.doctor.subject import Subject
from harness.training.trainers.fast import FastTrainer


def step_seconds(subject: Subject, trainers: Sequence[FastTrainer]) -> list[float]:
    """Return each trainer's seconds per step: medians of rounds in turn, after an untimed one."""
    batch, labels = subject.batch()
    rounds: list[list[float]] = []
    for trainer in trainers:
        trainer.network.train()
    for _ in range(subject.rounds + 1):
        rounds.append([_seconds(subject, trainer, batch, labels) for trainer in trainers])
    return [statistics.median(times) for times in zip(*rounds[1:], strict=True)]


def _seconds(subject: Subject, trainer: FastTrainer, batch: Tensor, labels: Tensor) -> float:
    wait_for_device(subject.device)
    started = time.perf_counter()
    for _ in range(subject.steps):
        trainer.step(batch, labels)
    wait_for_device(subject.device)
    return (time.perf_counter() - started) / subject.steps
