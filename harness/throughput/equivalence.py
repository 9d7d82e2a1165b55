"""Check that the fast pipeline reaches the same accuracy as the reference: its speed is worthless otherwise.

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


def compare_outcomes(
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
    accuracies: dict[str, list[float]] = {"fast": [], "reference": []}
    for number, seed in enumerate(seeds, 1):
        for one in (case, replace(case, pipeline="reference", compiled=False, precision="fp32")):
            notify(f"seed {seed} ({number} of {len(seeds)}), {one.pipeline} pipeline")
            result = train(replace(one, seed=seed), dataset, results, device, rerun=True)
            if result.accuracy_percent is None:
                raise InputError(
                    f"{result.case.label} on the {one.pipeline} pipeline did not complete: "
                    f"{result.status} ({result.cause})"
                )
            accuracies[one.pipeline].append(result.accuracy_percent)
    return Equivalence(
        case.model,
        case.dataset,
        len(dataset.train),
        len(dataset.test),
        case.recipe.epochs,
        case.precision,
        tuple(seeds),
        tuple(accuracies["fast"]),
        tuple(accuracies["reference"]),
    )
