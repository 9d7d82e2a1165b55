"""Evidence: the accuracies, times and costs of one study's models, measured seed by seed or published.

A study's runs differ in model and seed alone. The paper's figures are evidence of the same type, one run per model, so
that the same code judges both.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from harness.analysis.axes import Axes, find_axes, given_axes
from harness.analysis.learning_rates import Tuning
from harness.analysis.stats import Interval, mean_interval
from harness.config.case import Mode
from harness.config.datasets import SPECS, title_of
from harness.config.families import Model, has_models_between, parse_model
from harness.config.given_axes import GivenAxes
from harness.paper.published import MMACS, PUBLISHED, STUDY_MODELS, exact_parameters
from harness.results.case_folder import find_case_folder
from harness.results.marginal_gain import marginal_gain
from harness.results.result import LearningCurve, Result
from harness.results.timing import timed_on
from harness.text import count_noun

Correct = NDArray[np.bool_]
Predictions = tuple[NDArray[np.integer], NDArray[np.integer]]
"""Labels and predicted classes of the test images, each (N,)."""
Logits = NDArray[np.float16]
Measure = Literal[
    "accuracy_percent", "macro_f1_percent", "epoch_seconds", "total_seconds", "marginal_gain", "params", "macs",
    "latency_seconds", "image_seconds", "activations", "weight_bytes",
]  # fmt: skip
TIMES: tuple[Measure, ...] = ("epoch_seconds", "total_seconds", "marginal_gain")
TIMES_OF_USE: tuple[Measure, ...] = ("latency_seconds", "image_seconds")
TRAINING_COSTS: tuple[Measure, ...] = ("total_seconds", "params", "macs")
COSTS: tuple[Measure, ...] = (*TRAINING_COSTS, *TIMES_OF_USE)


@dataclass(frozen=True)
class Run:
    """The figures of one trained model, or those that the paper reports for it.

    Attributes:
        accuracy_beside_f1_percent: the accuracy of the weights that have this F1. The paper's tables 5 and 7 give it;
            it can differ from table 4.
        epoch_seconds, total_seconds: None if the time is 0, or if the run was resumed on other hardware.
        latency_seconds, image_seconds: to use the network, see `Result`; None if unknown or disturbed.
        activations, weight_bytes: size of the network in use; None if unknown.
        recall_percent: by class name, the share of the class's test images that were classified correctly.
        read_correct: returns, for each test image, true if it was classified correctly, (N,); None without predictions.
        read_curve: returns the learning curve; None without epoch records.
        read_predictions: returns the labels and the predicted classes; None without predictions.
        read_logits: reads each test image's logits less its largest one, (N, classes), from the disk; None without any.
        result: the stored result; None for published figures.
    """

    model: str
    seed: int
    accuracy_percent: float
    accuracy_beside_f1_percent: float
    macro_f1_percent: float
    params: int
    macs: float
    epoch_seconds: float | None
    total_seconds: float | None
    recall_percent: Mapping[str, float] = field(default_factory=dict)
    read_correct: Callable[[], Correct | None] = lambda: None
    read_curve: Callable[[], LearningCurve | None] = lambda: None
    read_predictions: Callable[[], Predictions | None] = lambda: None
    read_logits: Callable[[], Logits | None] = lambda: None
    result: Result | None = None
    latency_seconds: float | None = None
    image_seconds: float | None = None
    activations: int | None = None
    weight_bytes: int | None = None

    @property
    def point(self) -> Model:
        """The model's place in its family; published figures are of models that come with the harness."""
        return parse_model(self.model) if self.result is None else self.result.point

    @property
    def marginal_gain(self) -> float | None:
        """The paper's equation 6, percent per second; None without a time."""
        return None if not self.total_seconds else marginal_gain(self.accuracy_percent, self.total_seconds)


@dataclass(frozen=True)
class Evidence:
    """The runs of one study.

    Attributes:
        title: the study's human-readable name.
        file_name: the study's name within names of files.
        runs: the complete runs, at most one per model and seed.
        train_images, test_images, epochs: counts per run.
        is_trained_as_published: true of every run, so that the paper's figures may be compared.
        subject: dataset, recipe and images in one string; equal for studies of several folders that may be compared.
        folder: the results folder; None for published figures.
        folder_name: its last name, or a longer one if another results folder has the same last name.
        incomplete: results without an accuracy: diverged, out of memory, failed.
        superseded: complete results that a later result of the same model and seed replaces.
        of_other_networks: results of a model that had another network then, complete or not: its code has changed.
        given_axes: the axes given for the study's images, the newest first; empty without any.
        tuning: the trials that each model's learning rate was chosen by; None at the recipe's own rate.
        untuned: the study at the recipe's own rate beside one of tuned rates; None without its runs.
    """

    dataset: str
    mode: Mode
    title: str
    file_name: str
    runs: tuple[Run, ...]
    train_images: int
    test_images: int
    epochs: int
    is_trained_as_published: bool
    subject: str = ""
    folder: Path | None = None
    folder_name: str = ""
    incomplete: tuple[Result, ...] = ()
    superseded: tuple[Result, ...] = ()
    of_other_networks: tuple[Result, ...] = ()
    given_axes: tuple[GivenAxes, ...] = ()
    tuning: Tuning | None = None
    untuned: "Evidence | None" = None

    @cached_property
    def models(self) -> list[str]:
        """Model names in the order of the paper's study; other models follow, smallest first."""
        order = {model: position for position, model in enumerate(STUDY_MODELS.get(self.dataset, ()))}
        params = {run.model: run.params for run in self.runs}
        return sorted(params, key=lambda model: (order.get(model, len(order)), params[model], model))

    @property
    def seeds(self) -> list[int]:
        return sorted({run.seed for run in self.runs})

    @cached_property
    def axes(self) -> Axes | None:
        """The depth and the width axis: the newest given ones, else those found; None without any."""
        given = (given_axes(one, self.points) for one in self.given_axes)
        return next((one for one in given if one is not None), None) or find_axes(self.points.values())

    @cached_property
    def points(self) -> dict[str, Model]:
        """Each model's place in its family, by name."""
        return {model: next(iter(self.of(model).values())).point for model in self.models}

    def has_models_between(self, one: str, other: str) -> bool:
        """Return whether a family has models between two; networks without a place in a family have none."""
        return has_models_between(self.points[one], self.points[other])

    @property
    def used_results(self) -> list[Result]:
        """The results that the study's figures rest on, by model and seed."""
        runs = (run for model in self.models for run in self.of(model).values())
        return [run.result for run in runs if run.result is not None]

    @property
    def disturbed_results(self) -> list[Result]:
        """The used results whose epoch times were disturbed."""
        return [result for result in self.used_results if result.has_disturbed_times]

    @property
    def results(self) -> list[Result]:
        """Every result of the study: used, superseded, incomplete, and those of other networks."""
        return [*self.used_results, *self.incomplete, *self.superseded, *self.of_other_networks]

    def folder_of(self, result: Result) -> Path:
        """Return the folder of a result of the study."""
        return self._folders[id(result)]

    @cached_property
    def _folders(self) -> dict[int, Path]:
        """The folder of each result, by id(result): every table asks, and a folder's name is a slow hash."""
        root = self.folder or Path()
        return {id(result): find_case_folder(root, result.case) for result in self.results}

    def of(self, model: str) -> dict[int, Run]:
        """Return a model's runs by seed, in ascending order."""
        return self._by_model.get(model, {})

    @cached_property
    def _by_model(self) -> dict[str, dict[int, Run]]:
        found: dict[str, dict[int, Run]] = defaultdict(dict)
        for run in sorted(self.runs, key=lambda run: run.seed):
            found[run.model][run.seed] = run
        return dict(found)

    def values(self, model: str, measure: Measure) -> dict[int, float]:
        """Return a model's values of a measure by seed; no times if they are not comparable."""
        if (measure in TIMES and not self.has_comparable_times) or self.missing_use_times.get(measure):
            return {}
        found = {seed: getattr(run, measure) for seed, run in self.of(model).items()}
        return {seed: value for seed, value in found.items() if value is not None}

    def mean(self, model: str, measure: Measure) -> Interval | None:
        """Return a model's mean over its seeds with the 95 % t interval; None without a value."""
        if (model, measure) not in self._means:
            values = self.values(model, measure)
            self._means[model, measure] = mean_interval(list(values.values())) if values else None
        return self._means[model, measure]

    @cached_property
    def _means(self) -> dict[tuple[str, Measure], Interval | None]:
        """The means computed so far: every table, figure and verdict asks for them."""
        return {}

    @cached_property
    def hardware(self) -> tuple[str, ...]:
        """Hardware and software that the runs were timed on, each once; empty for published figures.

        A run resumed on other hardware has no times: it counts here only if no run has times.
        """
        timed = [run for run in self.runs if run.total_seconds is not None] or self.runs
        results = [run.result for run in timed if run.result is not None]
        return tuple(sorted({timed_on(one) for result in results for one in result.training_environments}))

    @property
    def has_comparable_times(self) -> bool:
        """True if all runs were timed on the same hardware: times of different devices are not compared."""
        return len(self.hardware) <= 1

    @cached_property
    def has_use_times(self) -> bool:
        """True if a run has a measured time of use, disturbed or not: older and published ones have none."""
        return any(_use_times(run) for run in self.runs)

    @cached_property
    def used_on(self) -> tuple[str, ...]:
        """Hardware and software that the times of use were measured on, each once: those of the last attempts."""
        results = [run.result for run in self.runs if run.result is not None and run.result.inference]
        return tuple(sorted({timed_on({**one.environment, "compiled": one.case.compiled}) for one in results}))

    @cached_property
    def missing_use_times(self) -> dict[Measure, str]:
        """The reasons for latency or throughput not to be compared: every run must have them."""
        if len(self.used_on) > 1:
            return dict.fromkeys(TIMES_OF_USE, "times were measured under different conditions")
        found: dict[Measure, str] = {}
        for measure in TIMES_OF_USE:
            missing = sum(not getattr(run, measure) for run in self.runs)
            if missing:
                found[measure] = f"{missing} of {count_noun(len(self.runs), 'run')} were disturbed or not measured"
        return found

    @property
    def classes(self) -> list[str]:
        """The classes' names, in their order; empty unless all runs have the same."""
        classes = {tuple(run.recall_percent) for run in self.runs}
        return list(*classes) if len(classes) == 1 else []


def _use_times(run: Run) -> bool:
    """Return whether a time of use was measured."""
    return bool(run.latency_seconds or run.image_seconds or (run.result is not None and run.result.inference))


def seeds_text(evidence: Evidence) -> str:
    """Return the number of seeds of the models, ``3 seeds`` or ``1 to 5 seeds``."""
    counts = sorted(len(evidence.of(model)) for model in evidence.models)
    return count_noun(counts[-1], "seed") if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]} seeds"


def published_evidence(dataset: str) -> Evidence:
    """Return the paper's figures of a dataset (tables 4 to 7) as a study of one seed."""
    spec, rows = SPECS[dataset], [row for row in PUBLISHED.values() if row.dataset == dataset]
    runs = tuple(
        Run(
            model=row.model,
            seed=0,
            accuracy_percent=row.accuracy_percent,
            accuracy_beside_f1_percent=row.final_accuracy_percent,
            macro_f1_percent=row.macro_f1_percent,
            params=cast(int, exact_parameters(dataset, row.model)),
            macs=1e6 * MMACS[dataset, row.model],
            epoch_seconds=row.epoch_seconds,
            total_seconds=row.total_seconds,
        )
        for row in rows
    )
    epochs = round(rows[0].total_seconds / rows[0].epoch_seconds)
    return Evidence(
        dataset=dataset,
        mode="full",
        title=f"{title_of(dataset)}, as published",
        file_name=dataset,
        runs=runs,
        train_images=spec.train_images,
        test_images=spec.test_images,
        epochs=epochs,
        is_trained_as_published=True,
    )
