"""Whether the fast pipeline comes to the same as the reference: what makes its speed worth anything.

Both train the same model from the same initial weights, seed by seed. Their random draws differ, so trajectories do
too; what must agree is the distribution of final accuracies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from harness.analysis.stats import Interval, mean_interval
from harness.config.case import Case
from harness.data.registry import Dataset
from harness.errors import InputError
from harness.results.folder import ResultsFolder
from harness.training.train import train


@dataclass(frozen=True)
class Equivalence:
    """Final accuracies of both pipelines on the same test images, seed by seed."""

    model: str
    dataset: str
    train_images: int
    test_images: int
    epochs: int
    precision: str
    seeds: tuple[int, ...]
    fast_accuracy_percent: tuple[float, ...]
    reference_accuracy_percent: tuple[float, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.seeds), len(self.fast_accuracy_percent), len(self.reference_accuracy_percent)}
        if lengths == {0} or len(lengths) > 1:
            raise ValueError("every seed has an accuracy by each pipeline, and there is one seed at least")

    @property
    def name(self) -> str:
        return f"equivalence-{self.dataset}-{self.model}"

    @property
    def differences(self) -> list[float]:
        """Fast less reference, in percentage points, seed by seed."""
        pairs = zip(self.fast_accuracy_percent, self.reference_accuracy_percent, strict=True)
        return [fast - reference for fast, reference in pairs]

    @property
    def interval(self) -> Interval:
        """The paired 95 % interval of the difference, in percentage points."""
        return mean_interval(self.differences)


def compare_outcomes(
    case: Case,
    dataset: Dataset,
    seeds: Sequence[int],
    results: ResultsFolder,
    device: torch.device,
    *,
    notify: Callable[[str], None] = lambda _: None,
) -> Equivalence:
    """Train the case with each seed by both pipelines, anew though it is finished: its identity does not know the code.

    A training that was interrupted goes on, if this code began it.

    Args:
        case: by the fast pipeline; the reference takes the same at float32, eager.
        notify: is given a line about every seed.

    Raises:
        InputError: a training did not complete.
    """
    accuracies: dict[str, list[float]] = {"fast": [], "reference": []}
    for number, seed in enumerate(seeds, 1):
        for one in (case, replace(case, pipeline="reference", compiled=False, precision="fp32")):
            notify(f"seed {seed} ({number} of {len(seeds)}), {one.pipeline}")
            result = train(replace(one, seed=seed), dataset, results, device, rerun=True)
            if result.accuracy_percent is None:
                raise InputError(f"{result.case.label} by the {one.pipeline} pipeline {result.status}: {result.cause}")
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
