"""Evidence with given accuracies, built without training and mostly without files."""

from pathlib import Path

import numpy as np

from harness.analysis.evidence import Evidence, Run
from harness.analysis.stored_result import StoredResult
from harness.analysis.studies import group_into_studies
from harness.config.datasets import title_of
from harness.config.families import parse_model
from tests.helpers.synthetic import outcome, synthetic_result


def study(
    accuracies, dataset="cifar10", seconds=None, recalls=None, test_images=10_000, correct=None, curve=None, sizes=None,
    use=None, **changes,
):  # fmt: skip
    """Return a study: accuracies in percent by model, as {seed: accuracy} or in the order of seeds 0, 1, …

    ``correct``: outcomes by image, by (model, seed); ``curve``: returns the learning curve of a model and seed;
    ``sizes``: (parameters, MACs) by model; ``use``: (latency, seconds per image) by model, or by model and seed.
    """
    runs = []
    for model, values in accuracies.items():
        of_seed = values if isinstance(values, dict) else dict(enumerate(values))
        parsed = parse_model(model)
        size = parsed.depth * parsed.width**2
        params, macs = (sizes or {}).get(model, (10_000 * size, 1e6 * size))
        for seed, accuracy in of_seed.items():
            time = (seconds or {}).get(model, float(size))
            time = time.get(seed) if isinstance(time, dict) else time
            latency, image = (use or {}).get((model, seed), (use or {}).get(model, (None, None)))
            runs.append(
                Run(
                    model, seed, accuracy, accuracy, accuracy, params, macs,
                    time, None if time is None else 100 * time,
                    {} if recalls is None else recalls[model][seed],
                    (lambda key=(model, seed): correct[key]) if correct else (lambda: None),
                    (lambda key=(model, seed): curve(*key)) if curve else (lambda: None),
                    latency_seconds=latency, image_seconds=image,
                )
            )  # fmt: skip
    fields = {"mode": "full", "title": title_of(dataset), "file_name": dataset, "train_images": 50_000, "epochs": 100}
    fields |= {"is_trained_as_published": True} | changes
    return Evidence(dataset, runs=tuple(runs), test_images=test_images, **fields)


def stored(result, root="results", predicted=None):
    """Return a result as if it were stored, with predictions or without."""
    return StoredResult(result, Path(root), lambda: predicted, lambda: None)


def grouped(*results):
    """Return the studies of results without predictions."""
    return group_into_studies([stored(result) for result in results])


def measured(accuracies, dataset="cifar10", seconds=None, **changes):
    """Return a study of synthetic results with predictions; ``accuracies``: by model, of seeds 0, 1, …"""
    kept = []
    for model, values in accuracies.items():
        for seed, accuracy in enumerate(values):
            predicted = outcome(dataset, accuracy, seed)
            time = (seconds or {}).get(model, 10.0)
            time = time[seed] if isinstance(time, tuple) else time
            result = synthetic_result(dataset, model, seed, epoch_seconds=time, predicted=predicted, **changes)
            kept.append(stored(result, predicted=predicted))
    (evidence,) = group_into_studies(kept)
    return evidence


def numbers_in(value):
    """Return every number in nested dataclasses, sequences and mappings."""
    if isinstance(value, bool) or value is None or isinstance(value, str | Path):
        return []
    if isinstance(value, int | float | np.number):
        return [float(value)]
    if isinstance(value, dict):
        return [number for one in value.values() for number in numbers_in(one)]
    if isinstance(value, list | tuple):
        return [number for one in value for number in numbers_in(one)]
    return numbers_in(vars(value)) if hasattr(value, "__dataclass_fields__") else []
