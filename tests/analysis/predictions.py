"""Predictions of networks, made without training."""

import numpy as np

from harness.analysis.evidence import Run
from harness.analysis.predicted import PredictedModel
from harness.config.families import parse_model


def half_logits(logits):
    """Return logits as they are stored: less each image's largest one, in half precision."""
    return (logits - logits.max(axis=1, keepdims=True)).astype(np.float16)


def predicted(model, logits, labels):
    """Return a model's predictions from its networks' logits, (seeds, N, classes)."""
    size = parse_model(model).depth * parse_model(model).width ** 2
    runs = tuple(
        Run(model, seed, 0.0, 0.0, 0.0, size, size, 1.0, 1.0, read_logits=lambda one=one: half_logits(one))
        for seed, one in enumerate(logits)
    )
    return PredictedModel(model, tuple(range(len(runs))), labels, np.argmax(logits, axis=2), runs)


def answered(model, predictions, labels):
    """Return a model's predictions, (seeds, N), without logits."""
    runs = tuple(Run(model, seed, 0.0, 0.0, 0.0, 1, 1, 1.0, 1.0) for seed in range(len(predictions)))
    return PredictedModel(model, tuple(range(len(runs))), np.asarray(labels), np.asarray(predictions), runs)


def random_logits(generator, labels, *, seeds, skill, own=0.5, hard=None, own_of_model=None, classes=4, noise=0.7):
    """Return logits of networks, (seeds, N, classes), of which those of one model err on the same images."""
    images = len(labels)
    hard = generator.normal(size=images) if hard is None else hard
    of_model = generator.normal(size=images) if own_of_model is None else own_of_model
    logits = generator.normal(size=(seeds, images, classes))
    margin = skill - hard + own * of_model + noise * generator.normal(size=(seeds, images))
    places = np.arange(images)
    logits[:, places, labels] = logits.max(axis=2) + margin
    return logits
