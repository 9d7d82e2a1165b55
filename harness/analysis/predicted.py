"""The predictions of a study's models on the test images, of a bounded number of networks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.analysis.evidence import Evidence, Run
from harness.results.logit_array import logit_bytes

MOST_MODELS, MOST_SEEDS = 6, 5
"""The models of a study, and the seeds of each, whose predictions are compared: a report can have 10,000 results."""
_MOST_LOGIT_BYTES = 2**27  # of a study, as stored; above it fewer seeds of each model
_LEAST_SEEDS = 2


@dataclass(frozen=True)
class PredictedModel:
    """The predictions of a model's networks, one per seed, on N test images.

    Attributes:
        labels: (N,).
        predictions: predicted classes, (seeds, N).
        runs: in the order of the seeds.
    """

    model: str
    seeds: tuple[int, ...]
    labels: NDArray[np.integer]
    predictions: NDArray[np.integer]
    runs: tuple[Run, ...]

    @cached_property
    def is_correct(self) -> NDArray[np.bool_]:
        """True where a network classified an image correctly, (seeds, N)."""
        return np.asarray(self.predictions == self.labels, dtype=np.bool_)

    @cached_property
    def probabilities(self) -> NDArray[np.float32] | None:
        """Each network's probabilities, (seeds, N, classes); None if logits of a seed are missing."""
        found = [run.read_logits() for run in self.runs]
        logits = [one.astype(np.float32) for one in found if one is not None]
        if len(logits) < len(found):
            return None
        return np.stack([special.softmax(one, axis=1) for one in logits])


def predicted_models(evidence: Evidence) -> list[PredictedModel]:
    """Return the predictions of the study's main models: the base, and those along the axes."""
    chosen = _main_models(evidence)
    size = logit_bytes(evidence.test_images, len(evidence.classes)) * len(chosen)
    most = min(MOST_SEEDS, max(_LEAST_SEEDS, _MOST_LOGIT_BYTES // max(1, size)))
    found = (_predicted(model, list(evidence.of(model).values())[:most]) for model in chosen)
    return [one for one in found if one is not None]


def _main_models(evidence: Evidence) -> list[str]:
    """Return up to `MOST_MODELS` models in the study's order."""
    axes, models = evidence.axes, evidence.models
    if axes is not None:
        pairs = (model for pair in reversed(axes.counterparts) for model in pair)
        models = list(dict.fromkeys((axes.base, *pairs, *reversed(axes.width), *reversed(axes.depth), *models)))
    return sorted(models[:MOST_MODELS], key=evidence.models.index)


def _predicted(model: str, runs: list[Run]) -> PredictedModel | None:
    """Return the predictions of those runs that have kept them; None if none have."""
    read = [(run, run.read_predictions()) for run in runs]
    found = [(run, both) for run, both in read if both is not None]
    if not found:
        return None
    kept, predictions = tuple(run for run, _ in found), np.stack([predicted for _, (_, predicted) in found])
    return PredictedModel(model, tuple(run.seed for run in kept), found[0][1][0], predictions, kept)
