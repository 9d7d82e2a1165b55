"""Studies of own families, named networks and several families, from synthetic results."""

from dataclasses import replace
from pathlib import Path

from harness.analysis.stored_result import StoredResult
from harness.analysis.studies import group_into_studies
from harness.config.families import parse_model
from harness.config.given_axes import GivenAxes
from harness.results.declared_axes import DeclaredAxes
from harness.results.result import OwnNetwork
from tests.helpers.synthetic import outcome, synthetic_result

ROOT = Path("results")
GRID = {"mynet1": (1, 1), "mynet3": (3, 1), "mynet1-0.5": (1, 0.5), "mynet1-2": (1, 2)}
"""Depth and width of the models of an own family."""


def own_result(model, seed=0, accuracy_percent=90.0, family="mynet", place=(None, None), dataset="digits", **changes):
    """Return a result of an own network; ``place``: its depth and width."""
    depth, width = place
    size = (depth or 1 + len(model)) * (width or 1) ** 2
    fields = {"params": round(1000 * size), "macs": round(1e5 * size), "epoch_seconds": 1.0 + size}
    fields |= {"predicted": outcome(dataset, accuracy_percent, seed)} | changes
    return synthetic_result(dataset, model, seed, network=OwnNetwork(family, depth, width), **fields)


def built_in_result(model, seed=0, accuracy_percent=90.0, dataset="digits"):
    """Return a result of a network of the harness, with a size that grows with its depth and width."""
    point = parse_model(model)
    size = (point.depth or 10) * (point.width or 1) ** 2
    predicted = outcome(dataset, accuracy_percent, seed)
    result = synthetic_result(dataset, "resnet8", seed, predicted=predicted, epoch_seconds=1.0 + size)
    case = replace(result.case, model=model)
    return replace(result, case=case, model=model, params=round(1000 * size), macs=round(1e5 * size))


def family_results(accuracies, places=GRID, family="mynet"):
    """Return results of an own family; ``accuracies``: by model, of seeds 0, 1, …"""
    return [
        own_result(model, seed, accuracy, family, places[model])
        for model, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]


def named_results(accuracies):
    """Return results of own networks without depth and width; ``accuracies``: by model, of seeds 0, 1, …"""
    return [
        own_result(model, seed, accuracy, model)
        for model, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]


def declared(base, depth=(), width=()):
    """Return axes declared for the images of synthetic results."""
    return DeclaredAxes("digits", "0" * 64, GivenAxes(base, tuple(depth), tuple(width)))


def study_of(results, *axes):
    """Return the one study of the results, with the axes declared in its results folder, the newest last."""
    stored = [StoredResult(one, ROOT, lambda: None, lambda: None) for one in results]
    (evidence,) = group_into_studies(stored, {ROOT: axes})
    return evidence
