"""A subject small enough to check in a blink, and one that passes for a GPU's."""

from dataclasses import replace

import torch

from harness.throughput.doctor.subject import Subject
from harness.training.trainers.fast import FastTrainer
from tests.helpers.tiny import CPU, TINY_RECIPE, make_case, make_dataset

RECIPE = replace(TINY_RECIPE, epochs=2, milestones=(1,), learning_rate=0.001)


def tiny_subject(model="resnet8", size=8, **changes):
    dataset, recipe = make_dataset(size=size), replace(RECIPE, image_size=size)
    case = make_case(dataset, model=model, recipe=recipe, mode="shortened", data_fingerprint="")
    return Subject(CPU, case, dataset.spec, **{"rounds": 1, "steps": 1, "augmented_images": 8} | changes)


def pass_for_cuda(monkeypatch):
    """Let the checks of a GPU run on the CPU, where nothing waits."""
    modes = [0]
    monkeypatch.setattr(Subject, "is_cuda", property(lambda self: True))
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: modes[-1])
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)


class Replay:
    """A stand-in for a captured step, which runs the step each time."""

    def __init__(self, change=lambda batch, labels: (batch, labels)):
        self._change = change

    def run(self, step, state, batch, labels):
        step(*self._change(batch, labels))


def capture_by(monkeypatch, captured):
    """Make every trainer run its steps through this stand-in."""
    make = FastTrainer.__init__

    def init(self, *arguments):
        make(self, *arguments)
        self._captured = captured
        self.accelerations = lambda: []

    monkeypatch.setattr(FastTrainer, "__init__", init)
