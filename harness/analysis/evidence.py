"""Evidence: what is known of the models of one study, measured seed by seed or published.

A study's runs differ in model and seed alone. Published figures are evidence of the same kind, of one run a model, so
that whatever judges measurements judges them too.
"""

import functools
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from harness.analysis.axes import Axes, find_axes
from harness.analysis.stats import Interval, mean_interval
from harness.analysis.wording import title_of
from harness.config.case import Mode
from harness.config.datasets import SPECS, file_stem
from harness.files import safe_name
from harness.paper.expectations import is_comparable
from harness.paper.published import MMACS, PUBLISHED, STUDY, exact_parameters
from harness.results.metrics import marginal_gain
from harness.results.result import Result, timed_on
from harness.text import several

Correct = NDArray[np.bool_]
Measure = Literal[
    "accuracy_percent", "macro_f1_percent", "epoch_seconds", "total_seconds", "marginal_gain", "params", "macs"
]
COSTS: tuple[Measure, ...] = ("total_seconds", "params", "macs")
TIMES: tuple[Measure, ...] = ("epoch_seconds", "total_seconds", "marginal_gain")


@dataclass(frozen=True)
class Run:
    """One training's figures, or those that the paper reports of a model.

    Attributes:
        accuracy_beside_f1_percent: of the same weights as the F1; the paper's tables 5 and 7, where table 4 has others.
        epoch_seconds, total_seconds: None where they mean nothing: of a training resumed on other hardware, and 0.
        recall_percent: of each class, by its name: the share of its images that were classified right.
        read_correct: gives whether each test image was classified right, (N,); None where predictions are not kept.
        read_curve: gives the evaluation accuracy in percent of each epoch; None where they are not kept.
        result: what was measured; None of published figures.
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
    read_curve: Callable[[], list[float] | None] = lambda: None
    result: Result | None = None

    @property
    def marginal_gain(self) -> float | None:
        """The paper's equation 6, percent per second; None where the time means nothing."""
        return None if not self.total_seconds else marginal_gain(self.accuracy_percent, self.total_seconds)


@dataclass(frozen=True)
class Evidence:
    """The runs of one study.

    Attributes:
        title: of the study, for people. file_name: for its files.
        runs: complete ones, at most one per model and seed.
        incomplete: results that are no evidence: diverged, out of memory, failed.
        superseded: complete results of a model and seed that another one stands for.
        is_comparable: whether all runs were trained as published, so that the paper may stand beside them.
        subject: what studies of several folders have in common that may stand side by side: recipe, epochs, images.
        folder: the results folder; None of published figures.
    """

    dataset: str
    mode: Mode
    title: str
    file_name: str
    runs: tuple[Run, ...]
    train_images: int
    test_images: int
    epochs: int
    is_comparable: bool
    subject: str = ""
    folder: Path | None = None
    incomplete: tuple[Result, ...] = ()
    superseded: tuple[Result, ...] = ()

    @cached_property
    def models(self) -> list[str]:
        """In the study's order; others behind, by their size."""
        order = {model: position for position, model in enumerate(STUDY.get(self.dataset, ()))}
        params = {run.model: run.params for run in self.runs}
        return sorted(params, key=lambda model: (order.get(model, len(order)), params[model], model))

    @property
    def seeds(self) -> list[int]:
        return sorted({run.seed for run in self.runs})

    @cached_property
    def axes(self) -> Axes | None:
        """Depth and width from the base model; None where no model is beside another."""
        return find_axes(self.models)

    @property
    def results(self) -> list[Result]:
        """Every result of the study, whatever became of it."""
        return [run.result for run in self.runs if run.result is not None] + [*self.incomplete, *self.superseded]

    def folder_of(self, result: Result) -> Path:
        """Where a result of the study lies."""
        return self._folders[id(result)]

    @cached_property
    def _folders(self) -> dict[int, Path]:
        """Where each result lies, by the object: every table asks, and a case's name is a hash that takes its time."""
        return {id(result): (self.folder or Path()) / result.case.folder_name for result in self.results}

    def of(self, model: str) -> dict[int, Run]:
        """A model's runs by their seed, in order."""
        return self._by_model.get(model, {})

    @cached_property
    def _by_model(self) -> dict[str, dict[int, Run]]:
        found: dict[str, dict[int, Run]] = defaultdict(dict)
        for run in sorted(self.runs, key=lambda run: run.seed):
            found[run.model][run.seed] = run
        return dict(found)

    def values(self, model: str, measure: Measure) -> dict[int, float]:
        """A model's values of a measure by seed; times are left out where they may not be compared."""
        if measure in TIMES and not self.has_comparable_times:
            return {}
        found = {seed: getattr(run, measure) for seed, run in self.of(model).items()}
        return {seed: value for seed, value in found.items() if value is not None}

    def mean(self, model: str, measure: Measure) -> Interval | None:
        """A model's mean over its seeds; None where no value is known."""
        values = self.values(model, measure)
        return mean_interval(list(values.values())) if values else None

    @cached_property
    def hardware(self) -> tuple[str, ...]:
        """What the runs were timed on; nothing, where the figures are published.

        A run resumed on other hardware has no times and keeps no others from being compared, unless all are such.
        """
        timed = [run for run in self.runs if run.total_seconds is not None] or self.runs
        results = [run.result for run in timed if run.result is not None]
        return tuple(sorted({timed_on(one) for result in results for one in result.training_environments}))

    @property
    def has_comparable_times(self) -> bool:
        """Whether all runs were timed on the same hardware: across devices, times are not compared."""
        return len(self.hardware) <= 1

    @property
    def classes(self) -> list[str]:
        return list(self.runs[0].recall_percent) if self.runs else []


def published_evidence(dataset: str) -> Evidence:
    """The paper's figures of a dataset, tables 4 and 6, as if they had been measured with one seed."""
    spec, rows = SPECS[dataset], [row for row in PUBLISHED.values() if row.dataset == dataset]
    runs = tuple(
        Run(
            row.model,
            0,
            row.accuracy_percent,
            row.final_accuracy_percent,
            row.macro_f1_percent,
            cast(int, exact_parameters(dataset, row.model)),
            1e6 * MMACS[dataset, row.model],
            row.epoch_seconds,
            row.total_seconds,
        )
        for row in rows
    )
    epochs = round(rows[0].total_seconds / rows[0].epoch_seconds)
    return Evidence(
        dataset,
        "full",
        f"{title_of(dataset)}, as published",
        dataset,
        runs,
        spec.train_images,
        spec.test_images,
        epochs,
        True,
    )


@dataclass(frozen=True)
class Stored:
    """A result in a results folder, and how what lies beside it is read.

    Attributes:
        read_predictions: gives the test labels and the predicted classes, each (N,); None where they are not to be had.
        read_curve: gives the evaluation accuracy in percent of each epoch; None likewise.
    """

    result: Result
    root: Path
    read_predictions: Callable[[], tuple[NDArray[np.integer], NDArray[np.integer]] | None]
    read_curve: Callable[[], list[float] | None]


def gather(stored: Iterable[Stored]) -> list[Evidence]:
    """The evidence that results are, a study each, in the study's order.

    A study's results are of one folder, dataset, mode, recipe and images, and trained by the same pipeline at the same
    precision on the same kind of device.
    """
    studies: dict[tuple[str, ...], list[Stored]] = defaultdict(list)
    for one in stored:
        studies[_study_of(one)].append(one)
    namesakes: dict[tuple[str, str], list[tuple[str, ...]]] = defaultdict(list)
    for study in studies:
        namesakes[_name(study)].append(study)
    found = [_evidence(group, _distinguishing(study, namesakes[_name(study)])) for study, group in studies.items()]
    found = _with_file_names_of_their_own(found)
    order = [*STUDY, *sorted({one.dataset for one in found} - set(STUDY))]
    roots = list(dict.fromkeys(one.folder for one in found))

    def place(one: Evidence) -> tuple[object, ...]:
        return order.index(one.dataset), _MODES.index(one.mode), roots.index(one.folder), -len(one.runs), one.title

    return sorted(found, key=place)


_MODES: tuple[Mode, ...] = ("full", "shortened", "quick")


def _with_file_names_of_their_own(found: Sequence[Evidence]) -> list[Evidence]:
    """Studies whose files could be taken for another study's, on whatever file system, have a hash in their names."""
    return [_renamed(one) if _is_ambiguous(one, found) else one for one in found]


def _is_ambiguous(study: Evidence, found: Sequence[Evidence]) -> bool:
    """Whether a name is another study's too, or begins with another dataset's, as a table's would; or is too long."""
    name, others = study.file_name.casefold(), [one for one in found if one is not study]
    return len(name.encode()) > _LONGEST_NAME or any(
        name == one.file_name.casefold()
        or (one.dataset != study.dataset and name.startswith(f"{one.file_name.casefold()}-"))
        for one in others
    )


def _renamed(study: Evidence) -> Evidence:
    what = repr((study.title, study.mode, str(study.folder), study.subject))
    digest = hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()[:8]
    name = study.file_name.encode("utf-8", "replace")[: _LONGEST_NAME - 9].decode(errors="ignore")
    return replace(study, file_name=f"{name}-{digest}")


_LONGEST_NAME = 120  # of the 255 bytes that file systems allow, the table's name and its suffix are to come


def _study_of(one: Stored) -> tuple[str, ...]:
    """Mode and dataset of a result's study, and what else its results have in common, in a person's words."""
    case = one.result.case
    recipe = hashlib.sha256(repr((case.recipe, case.shortcut)).encode()).hexdigest()[:6]
    return (
        case.mode,
        case.dataset,
        str(one.root),
        f"{case.pipeline} pipeline",
        case.precision,
        case.device_kind,
        f"{case.recipe.epochs} epochs",
        f"{case.val_split:.0%} held out",
        f"recipe {recipe}",
        f"images {case.data_fingerprint[:6]}",
    )


def _name(study: tuple[str, ...]) -> tuple[str, str]:
    """What studies without further words would be called alike by."""
    mode, dataset, *_ = study
    return mode, file_stem(dataset)


def _distinguishing(study: tuple[str, ...], namesakes: Sequence[tuple[str, ...]]) -> list[str]:
    """What tells a study from its namesakes."""
    return [part for k, part in enumerate(study) if k > 0 and len({other[k] for other in namesakes}) > 1]


def _evidence(stored: Sequence[Stored], distinguishing: Sequence[str]) -> Evidence:
    """The evidence of one study's results."""
    first = stored[0].result
    complete = [one for one in stored if one.result.is_complete]
    latest: dict[tuple[str, int], Stored] = {}
    for one in sorted(complete, key=lambda one: one.result.finished_at):
        latest[one.result.model, one.result.seed] = one
    standing = {id(one) for one in latest.values()}  # equality would compare every epoch
    return Evidence(
        dataset=first.dataset,
        mode=first.mode,
        title=_title(first, distinguishing),
        file_name=_file_name(first, distinguishing),
        runs=tuple(_run(one) for one in latest.values()),
        train_images=first.train_images,
        test_images=first.test_images,
        epochs=first.case.recipe.epochs,
        is_comparable=bool(complete) and all(is_comparable(one.result) for one in complete),
        subject=repr((first.dataset, first.mode, first.case.recipe, first.case.val_split, first.case.data_fingerprint)),
        folder=stored[0].root,
        incomplete=tuple(one.result for one in stored if not one.result.is_complete),
        superseded=tuple(one.result for one in complete if id(one) not in standing),
    )


def _title(first: Result, distinguishing: Sequence[str]) -> str:
    """A study's name for people, which never goes without saying that its epochs are not the recipe's own."""
    parts = [title_of(first.dataset), *(part for part in distinguishing if part != first.dataset)]
    if first.mode == "shortened":
        parts.append(f"shortened ({several(first.case.recipe.epochs, 'epoch')})")
    return " · ".join(parts)


_SUFFIXES: dict[Mode, str] = {"full": "", "shortened": "-shortened", "quick": "-smoke"}
_LONG = 32


def _file_name(first: Result, distinguishing: Sequence[str]) -> str:
    """A study's name in files' names; a part that is long, as a path is, by its hash."""
    parts = [part if len(part) <= _LONG else hashlib.sha256(part.encode()).hexdigest()[:6] for part in distinguishing]
    name = "-".join([file_stem(first.dataset), *parts]) + _SUFFIXES[first.mode]
    return safe_name(name)


def _run(one: Stored) -> Run:
    result = one.result
    is_mixed = bool(result.changes_between_attempts)

    @functools.cache  # of one seed, every pair of models asks
    def read_correct() -> Correct | None:
        found = one.read_predictions()
        return None if found is None else np.asarray(found[0] == found[1], dtype=np.bool_)

    return Run(
        model=result.model,
        seed=result.seed,
        accuracy_percent=cast(float, result.accuracy_percent),
        accuracy_beside_f1_percent=cast(float, result.accuracy_percent),
        macro_f1_percent=cast(float, result.macro_f1_percent),
        params=result.params,
        macs=result.macs,
        epoch_seconds=None if is_mixed else result.mean_epoch_seconds or None,
        total_seconds=None if is_mixed else result.total_seconds or None,
        recall_percent={str(scores["class_name"]): float(scores["recall_percent"]) for scores in result.per_class},
        read_correct=read_correct,
        read_curve=one.read_curve,
        result=result,
    )
