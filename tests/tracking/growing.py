"""A case whose epochs and result are written one by one, as a training writes them, without training."""

from dataclasses import replace

import numpy as np

from harness.results.marginal_gain import marginal_gain
from harness.results.result import EpochRecord
from harness.tracking.followed import FollowedCase
from tests.helpers.synthetic import failed_result, synthetic_result

RECIPE_EPOCHS = 6


class GrowingCase:
    """A case in a results folder.

    Attributes:
        records: the epochs recorded so far.
    """

    def __init__(self, results, seed=0, **changes):
        whole = synthetic_result("digits", "resnet8", seed, **changes)
        recipe = whole.case.recipe.with_epochs(RECIPE_EPOCHS)
        self.results, self.case = results, replace(whole.case, recipe=recipe)
        self.folder = results.folder(self.case)
        self.records, self._trainings = [], 0

    def followed(self, *, from_scratch=False):
        return FollowedCase.of(self.case, self.results, from_scratch=from_scratch)

    def begin(self):
        """Start from scratch, in place of an earlier training."""
        self.records, self._trainings = [], self._trainings + 1
        self.resume()

    def resume(self, after=None):
        """Resume from a checkpoint, with the records up to an epoch."""
        self.records = self.records[:after]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.results.clear(self.case)
        self.results.write_epochs(self.case, self.records)

    def train(self, epochs=1, loss=1.0):
        for _ in range(epochs):
            epoch = len(self.records) + 1
            seconds = self._trainings + epoch / 100
            record = EpochRecord(epoch, 0.1, loss, 50.0 + epoch, loss, 60.0 + epoch, 0.1, 0.8, 0.1, 0.0, seconds)
            self.results.append_epoch(self.case, record)
            self.records.append(record)

    def end(self, status="complete", at="2026-11-23T12:00:01.000+00:00"):
        """Write the result; return it."""
        seconds = tuple(record.epoch_seconds for record in self.records)
        model = {"dataset": "digits", "model": "resnet8"}
        result = synthetic_result(**model) if status == "complete" else failed_result(status, **model)
        result = replace(
            result, case=self.case, mode=self.case.mode, model=self.case.model, seed=self.case.seed, finished_at=at,
            epochs=len(seconds), epoch_seconds=seconds, total_seconds=sum(seconds),
        )  # fmt: skip
        if result.is_complete:
            gain = marginal_gain(result.accuracy_percent, result.total_seconds)
            result = replace(result, best_epoch=result.epochs, marginal_gain=gain)
            self.results.write_predictions(self.case, np.zeros(3, np.int64), np.zeros(3, np.int64))
            self.results.write_weights(self.case, b"weights")
        result = replace(result, files=self.results.hashes(self.case))
        self.results.write_result(self.case, result)
        return result
