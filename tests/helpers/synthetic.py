"""Results with given accuracies, built without training, as the harness would store them."""

import functools
import json
from dataclasses import replace

import numpy as np

from harness.config.case import Case
from harness.config.datasets import SPECS
from harness.config.families import parse_model
from harness.config.recipes import PUBLISHED_RECIPES
from harness.models.build import build_network
from harness.models.cost import count_macs, count_parameters
from harness.paper.published import MMACS, exact_parameters
from harness.results import metrics
from harness.results.folder import ResultsFolder
from harness.results.marginal_gain import marginal_gain
from harness.results.result import SCHEMA_VERSION, Attempt, EpochRecord, Result
from harness.training.code_version import code_hashes, training_code_version

ENVIRONMENT = {
    "cpu": "AMD EPYC",
    "gpu": None,
    "threads": 2,
    "precision": "fp32",
    "python": "3.11.2",
    "platform": "Linux",
    "versions": {"torch": "2.15.0", "numpy": "2.3.0"},
    "commit": "0123456789abcdef",
    "training_code": training_code_version(),
    "code": code_hashes(),
}
NOW = "2026-11-23T12:00:00.000+00:00"


def outcome(dataset, accuracy_percent, seed, test_images=None):
    """Return labels and predicted classes of a test set, (N,), with that share correct."""
    spec = SPECS[dataset]
    images, generator = test_images or spec.test_images, np.random.default_rng(seed)
    labels = np.arange(images) % spec.num_classes
    wrong = generator.permutation(images)[: images - round(images * accuracy_percent / 100)]
    predictions = labels.copy()
    predictions[wrong] = (labels[wrong] + generator.integers(1, spec.num_classes, len(wrong))) % spec.num_classes
    return labels, predictions


@functools.cache
def size(dataset, model):
    """Return parameters and MACs of a model on a dataset."""
    if (dataset, model) in MMACS:
        return exact_parameters(dataset, model), round(1e6 * MMACS[dataset, model])
    spec, side = SPECS[dataset], PUBLISHED_RECIPES[dataset].image_size
    network = build_network(parse_model(model), spec.channels, spec.num_classes, seed=0, device="meta")
    return count_parameters(network), count_macs(parse_model(model), (spec.channels, side, side), spec.num_classes)


def synthetic_result(
    dataset="cifar10", model="resnet20", seed=0, accuracy_percent=90.0, epoch_seconds=10.0, environment=None,
    predicted=None, case_changes=None, **changes,
):  # fmt: skip
    """Return a complete result by the study's recipe, with changes; ``predicted``: labels and predictions.

    A result with ``network``, an `OwnNetwork`, is of a user's own model and needs ``params`` and ``macs``.
    """
    spec, recipe = SPECS[dataset], PUBLISHED_RECIPES[dataset]
    own, mode = f"network of {model}" if "network" in changes else "", changes.pop("mode", "full")
    case = Case(model, dataset, recipe, seed, mode, "cpu", "fp32", data_fingerprint="0" * 64, network=own)
    case = replace(case, **(case_changes or {}))
    scores = metrics.score(*(predicted or outcome(dataset, accuracy_percent, seed)), spec.class_names)
    params, macs = (0, 0) if own else size(dataset, model)
    epochs = case.recipe.epochs
    seconds = (float(epoch_seconds),) * epochs
    environment = ENVIRONMENT | (environment or {})
    fields = {
        "schema_version": SCHEMA_VERSION,
        "status": "complete",
        "mode": case.mode,
        "case": case,
        "model": model,
        "dataset": dataset,
        "seed": seed,
        "params": params,
        "macs": macs,
        "best_accuracy_percent": scores.accuracy_percent,
        "best_epoch": epochs,
        "epochs": epochs,
        "marginal_gain": marginal_gain(scores.accuracy_percent, sum(seconds)),
        "peak_memory_bytes": 2**30,
        "train_images": spec.train_images,
        "evaluation_images": spec.test_images,
        "test_images": spec.test_images,
        "dataset_origin": "nowhere",
        "dataset_verified": True,
        "dataset_whole": True,
        "stand_in": False,
        "environment": environment,
        "started_at": NOW,
        "finished_at": NOW,
        "attempts": (Attempt(1, NOW, environment, command="pytest bench --full-training"),),
        "files": {},
        **scores.to_json(),
        **_times(seconds),
    }
    return Result(**(fields | changes))


def rescored(result, labels, predictions):
    """Return a result with the scores of other predictions."""
    scores = metrics.score(labels, predictions, tuple(one["class_name"] for one in result.per_class))
    gain = marginal_gain(scores.accuracy_percent, result.total_seconds)
    return replace(result, **scores.to_json(), marginal_gain=gain)


def _times(epoch_seconds):
    """Return the fields of a result that are derived from its epochs' seconds."""
    total = sum(epoch_seconds)
    return {
        "epoch_seconds": epoch_seconds,
        "train_seconds": 0.9 * total,
        "eval_seconds": 0.1 * total,
        "total_seconds": total,
        "checkpoint_seconds": 0.0,
        "wall_seconds": total,
        "compile_seconds": 0.0,
        "images_per_second": 1000.0,
    }


def disturbed(result, epochs, slowdown=2.0, causes=("other processes used 1.2 cores",)):
    """Return a result with these epochs, from 1, disturbed and longer; none of them: measured and undisturbed."""
    epochs = tuple(epochs)
    seconds = tuple(
        second * slowdown if epoch in epochs else second for epoch, second in enumerate(result.epoch_seconds, 1)
    )
    causes = causes if epochs else ()
    return replace(result, **_times(seconds), disturbed_epochs=epochs, disturbance_causes=causes)


def failed_result(status="diverged", **changes):
    """Return a result that did not complete."""
    nothing = ("accuracy_percent", "best_accuracy_percent", "best_epoch", "macro_f1_percent", "marginal_gain")
    emptied = dict.fromkeys(nothing) | {"per_class": (), "confusion": (), "cause": "the loss is no longer a number"}
    return replace(synthetic_result(**changes), status=status, **emptied)


def _rise(epochs):
    """Return the accuracy after each epoch as a share of the last one's, at the end hardly rising."""
    if epochs < 10:
        return [1 - 1e-4 * (epochs - epoch) for epoch in range(1, epochs + 1)]
    shares = [1 - 0.5 ** (1 + 8 * epoch / max(1, epochs)) for epoch in range(1, epochs + 1)]
    return [share / shares[-1] for share in shares]


def store(root, result, predicted=None):
    """Store a result with epoch records and predictions, not weights; return it with the files' SHA-256."""
    folder = ResultsFolder(root)
    place = folder.folder(result.case)
    place.mkdir(parents=True, exist_ok=True)
    final = result.accuracy_percent or 10.0
    curve = [final * share for share in _rise(result.epochs)]
    lines = [
        json.dumps(
            EpochRecord(epoch, 0.1, 1.0, min(accuracy, 99.0), 1.0, accuracy, 0.1, 0.8, 0.1, 0.0, seconds).to_json()
        )
        for epoch, (accuracy, seconds) in enumerate(zip(curve, result.epoch_seconds, strict=True), 1)
    ]
    (place / "epochs.jsonl").write_text("".join(line + "\n" for line in lines))
    if result.is_complete:
        folder.write_predictions(result.case, *(predicted or outcome(result.dataset, final, result.seed)))
    kept = replace(result, files=folder.hashes(result.case))
    folder.write_result(result.case, kept)
    return kept
