"""Equivalence of both pipelines' accuracies, without which the fast one's speed is worthless.

Both train the same model from the same initial weights, seed by seed. Their random draws differ, and so do the
trajectories; the distributions of final accuracies must agree.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from harness.config.case import Case
from harness.data.registry import Dataset
from harness.errors import InputError
from harness.results.folder import ResultsFolder
from harness.throughput.measurements import Equivalence
from harness.training.train import train


def compare_accuracies(
    case: Case,
    dataset: Dataset,
    seeds: Sequence[int],
    results: ResultsFolder,
    device: torch.device,
    *,
    notify: Callable[[str], None] = lambda _: None,
) -> Equivalence:
    """Train the case with each seed on both pipelines and return the final accuracies.

    A finished training is repeated from scratch, because a case's identity does not include the code's version. An
    interrupted one is resumed if the same code started it.

    Args:
        case: the fast pipeline's; the reference trains the same case in float32 without compilation.
        notify: callback that receives a line about each training.

    Raises:
        InputError: a training did not complete.
    """
    fast: list[float] = []
    reference: list[float] = []
    for number, seed in enumerate(seeds, 1):
        fast_case = replace(case, seed=seed)
        reference_case = replace(fast_case, pipeline="reference", compiled=False, precision="fp32")
        for one, accuracies in ((fast_case, fast), (reference_case, reference)):
            notify(f"seed {seed} ({number} of {len(seeds)}), {one.pipeline} pipeline")
            accuracies.append(_final_accuracy(one, dataset, results, device))
    return Equivalence(
        case.model,
        case.dataset,
        len(dataset.train),
        len(dataset.test),
        case.recipe.epochs,
        case.precision,
        tuple(seeds),
        tuple(fast),
        tuple(reference),
    )


def _final_accuracy(case: Case, dataset: Dataset, results: ResultsFolder, device: torch.device) -> float:
    result = train(case, dataset, results, device, rerun=True)
    if result.accuracy_percent is None:
        raise InputError(
            f"{case.label} on the {case.pipeline} pipeline did not complete: {result.status} ({result.cause})"
        )
    return result.accuracy_percent
