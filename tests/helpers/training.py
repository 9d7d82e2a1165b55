"""Training the tiny case in tests: callbacks that record or interrupt it, and the outcome to compare."""

import json

import numpy as np
import pytest
from safetensors.torch import load_file

from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.train import train
from harness.training.trainers.evaluation import Evaluation
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.step_changes import changes_of_step, difference
from tests.helpers.tiny import CPU


class Recorder(TrainingCallback):
    """A callback that keeps everything it is called with."""

    def __init__(self):
        self.shares, self.epochs, self.notices, self.resumed = [], [], [], []

    def on_notice(self, case, text):
        self.notices.append(text)

    def on_resume(self, case, records):
        self.resumed.append(len(records))

    def on_progress(self, case, epoch, share):
        self.shares.append((epoch, share))

    def on_epoch(self, case, record):
        self.epochs.append(record)


class Interrupting(Recorder):
    """A callback that stops training as Ctrl-C does: in an epoch, or at the end of one."""

    def __init__(self, epoch, *, at_its_end=False):
        super().__init__()
        self._epoch, self._at_its_end = epoch, at_its_end

    def on_progress(self, case, epoch, share):
        super().on_progress(case, epoch, share)
        if epoch == self._epoch and not self._at_its_end:
            raise KeyboardInterrupt

    def on_epoch(self, case, record):
        super().on_epoch(case, record)
        if record.epoch == self._epoch and self._at_its_end:
            raise KeyboardInterrupt


def train_recorded(case, dataset, results, **options):
    """Train a case; return its result and the recorder that was its callback."""
    recorder = Recorder()
    return train(case, dataset, results, CPU, context=TrainingContext(callback=recorder), **options), recorder


def interrupt(case, dataset, results, epoch, *, at_its_end=False, **options):
    """Train a case until it is interrupted in an epoch, or at its end; return the callback."""
    callback = Interrupting(epoch, at_its_end=at_its_end)
    with pytest.raises(KeyboardInterrupt):
        train(case, dataset, results, CPU, context=TrainingContext(callback=callback), **options)
    return callback


def compare_steps(trainer, plain, batch, labels):
    """Return the greatest difference of a trainer's step from another one's."""
    return difference(changes_of_step(plain, batch, labels), changes_of_step(trainer, batch, labels))


def evaluating_to(monkeypatch, accuracies):
    """Make evaluations return these accuracies in turn; return a list that fills with the weights evaluated."""
    evaluated = []

    def evaluate(self, images, **_):
        evaluated.append(self.weights()["fc.weight"])
        return Evaluation(1.0, accuracies[len(evaluated) - 1], np.zeros(len(images), dtype=np.int64))

    monkeypatch.setattr(FastTrainer, "evaluate", evaluate)
    return evaluated


def weights_of(case, results):
    """Read a case's final weights."""
    return load_file(results.folder(case) / "weights.safetensors")


def outcome(case, results):
    """Return everything that training a case has produced, except times and their disturbance."""
    folder = results.folder(case)
    with np.load(folder / "predictions.npz") as kept:
        predictions = kept["predictions"].tolist()
    lines = [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()]
    records = [
        {key: line[key] for key in line if not key.endswith("_seconds") and key != "disturbance"} for line in lines
    ]
    result = results.find(case)
    scores = (result.accuracy_percent, result.best_accuracy_percent, result.best_epoch, result.macro_f1_percent)
    weights = {name: value.numpy().tobytes() for name, value in weights_of(case, results).items()}
    logits = (folder / "logits.npy").read_bytes() if (folder / "logits.npy").exists() else b""
    return {"predictions": predictions, "logits": logits, "records": records, "scores": scores, "weights": weights}
