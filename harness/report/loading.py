"""The contents of results folders, loaded for a report."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.analysis.evidence import Evidence, Logits
from harness.analysis.sequential import SequentialPlan
from harness.analysis.stored_result import StoredResult
from harness.analysis.studies import group_into_studies
from harness.errors import DamagedError, InputError
from harness.files import distinct_names
from harness.report.public import Privacy
from harness.report.truncation import first_lines
from harness.results.case_folder import RESULT
from harness.results.checked_files import ContradictedError, read_logits
from harness.results.declared_axes import DeclaredAxes, read_declared_axes
from harness.results.declared_looks import DeclaredLooks, looks_key, read_declared_looks
from harness.results.declared_tuning import DeclaredTuning, read_declared_tuning
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.text import count_noun
from harness.throughput.record import Recorded, read_recorded

LEFT_OUT = "left-out"
"""The file name of the table of everything left out."""
_SEE_TABLE = f"all of them are in {LEFT_OUT}.csv among the report's tables"
Classes = NDArray[np.integer]
Value = TypeVar("Value")


@dataclass
class LoadedResults:
    """The contents of results folders.

    Attributes:
        recorded: throughput measurements.
        left_out: a line for each file, folder and result left out, with the reason.
        started: a line for each case that was started and has no result.
        looks: the declared looks of sequential seeds, by results folder and `looks_key`.
        privacy: the names that a public report leaves out; None for a report that names the machine.
    """

    folders: Sequence[Path]
    evidence: list[Evidence] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    looks: dict[Path, dict[str, DeclaredLooks]] = field(default_factory=dict)
    privacy: Privacy | None = None

    @property
    def folder_names(self) -> list[str]:
        """A short name for each results folder."""
        return (distinct_names if self.privacy is None else self.privacy.folder_names)(self.folders)

    def plan_of(self, evidence: Evidence) -> SequentialPlan | None:
        """Return the looks that a study declared; None if there are none, or if it has other seeds too."""
        looks = self.looks.get(evidence.folder or Path(), {})
        fraction = next((one.case.train_fraction for one in evidence.used_results), 1.0)
        of_earlier_version = looks.get(looks_key(evidence.dataset, evidence.mode, None, fraction))
        declared = looks.get(looks_key(evidence.dataset, evidence.mode, evidence.epochs, fraction), of_earlier_version)
        if declared is None or not set(evidence.seeds) <= set(declared.seeds):
            return None
        return SequentialPlan(declared.seeds, declared.looks)

    @property
    def results_of_studies(self) -> list[tuple[Evidence, Result]]:
        """Every result of the studies once, though one may be in two, with the first of them."""
        found = {id(result): (one, result) for one in reversed(self.evidence) for result in one.results}
        order = {id(result): None for one in self.evidence for result in one.results}
        return [found[key] for key in order]

    @property
    def problems(self) -> list[str]:
        """The lines on files left out, cut for a terminal."""
        return first_lines(self.left_out, _SEE_TABLE)

    @property
    def unfinished(self) -> list[str]:
        """The lines on unfinished cases, cut for a terminal."""
        return first_lines(self.started, f"not finished either, {_SEE_TABLE}")


def load_results_folders(folders: Sequence[Path], *, is_public: bool = False) -> LoadedResults:
    """Load the results folders as evidence; leave out what cannot be read or contradicts itself.

    Args:
        is_public: for a report without what is private.

    Raises:
        InputError: a results folder itself cannot be read.
    """
    once: dict[Path, Path] = {}
    for root in folders:
        once.setdefault(root.resolve(), root)  # one folder by two names must not become evidence twice
    loaded = LoadedResults(list(once.values()))
    stored: list[StoredResult] = []
    axes: dict[Path, Sequence[DeclaredAxes]] = {}
    tunings: dict[Path, Sequence[DeclaredTuning]] = {}
    for root in loaded.folders:
        folder = ResultsFolder(root)
        results, problems = folder.read_all()
        recorded, other_problems = read_recorded(root)
        started, unreadable = folder.unfinished()
        loaded.recorded += recorded
        loaded.left_out += problems + other_problems + unreadable
        loaded.started += started
        loaded.looks[root] = _declared(read_declared_looks, root, loaded.left_out) or {}
        axes[folder.root] = _declared(read_declared_axes, root, loaded.left_out) or ()
        tunings[folder.root] = _declared(read_declared_tuning, root, loaded.left_out) or ()
        stored += [one for one in (_stored(result, folder, loaded) for result in results) if one is not None]
    stored = _of_same_images(stored, loaded.left_out)
    loaded.results = [one.result for one in stored]
    if is_public:
        stored = _without_private(loaded, stored)
    names_of = distinct_names if loaded.privacy is None else loaded.privacy.folder_names
    loaded.evidence = group_into_studies(stored, axes, names_of, tunings)
    return loaded


def _without_private(loaded: LoadedResults, stored: Sequence[StoredResult]) -> list[StoredResult]:
    """Return the stored results, and keep those and the measurements, without what is private."""
    privacy = Privacy.of(loaded.results, (one.environment for one in loaded.recorded), loaded.folders)
    loaded.privacy = privacy
    loaded.results = [privacy.result(one) for one in loaded.results]
    loaded.recorded = [replace(one, environment=privacy.environment(one.environment)) for one in loaded.recorded]
    return [replace(one, result=privacy.result(one.result)) for one in stored]


def _declared(read: Callable[[Path], Value], root: Path, problems: list[str]) -> Value | None:
    """Read what studies declared in a results folder; add a damaged file's error to ``problems``."""
    try:
        return read(root)
    except DamagedError as error:
        problems.append(str(error))
        return None


def _stored(result: Result, folder: ResultsFolder, loaded: LoadedResults) -> StoredResult | None:
    """Return the result with its files, or None if they contradict it or are being replaced.

    A file that is missing or damaged is None, and is left out by name.
    """
    problems: list[InputError] = []

    def attempt(read: Callable[[Result], Value]) -> Value | None:
        try:
            return read(result)
        except InputError as error:
            problems.append(error)
            return None

    correct = attempt(folder.read_predictions) if result.is_complete else None
    curve = attempt(folder.read_curve) if result.epochs else None
    if problems and folder.is_in_training(result):
        loaded.started.append(f"being trained again now, and left out: {result.case.folder_name}")
        return None
    loaded.left_out += map(str, problems)
    if any(isinstance(one, ContradictedError) for one in problems):
        return None
    predictions = None if correct is None else _narrowed(*correct)
    return StoredResult(
        result, folder.root, lambda: predictions, lambda: curve, partial(_logits, result, folder, loaded)
    )


def _logits(result: Result, folder: ResultsFolder, loaded: LoadedResults) -> Logits | None:
    """Read a result's logits; leave damaged ones out by name."""
    try:
        return read_logits(folder.folder(result.case), result)
    except InputError as error:
        if (line := str(error)) not in loaded.left_out:
            loaded.left_out.append(line)
        return None


def _of_same_images(stored: Sequence[StoredResult], problems: list[str]) -> list[StoredResult]:
    """Return the results whose classes and test labels are those of most results of the same images.

    Comparisons by class and by image rest on it. Results of other folders have no vote: they may be a stranger's. Any
    other result has its line in ``problems``.
    """
    groups: dict[tuple[str, ...], list[StoredResult]] = defaultdict(list)
    for one in stored:
        groups[str(one.root), one.result.mode, one.result.dataset, one.result.case.data_fingerprint].append(one)
    left_out: dict[int, str] = {}
    for group in groups.values():
        left_out |= _unlike_most(group, _class_names, "classes") | _unlike_most(group, _label_bytes, "test labels")
    problems += left_out.values()
    return [one for one in stored if id(one) not in left_out]


def _unlike_most(group: Sequence[StoredResult], read: Callable[[StoredResult], object], what: str) -> dict[int, str]:
    """Return a line for each result, by id, unlike most of its group; None counts as unknown."""
    found = {id(one): read(one) for one in group}
    known = Counter(value for value in found.values() if value is not None)
    if len(known) < 2:
        return {}
    (usual, count), (_, second) = known.most_common(2)
    if count == second:
        return {id(one): _contradiction(one, group, found, what) for one in group if found[id(one)] is not None}
    others = count_noun(count, "other result")
    return {
        id(one): f"{_path(one)}: its {what} are not those of {others} of the same images"
        for one in group
        if found[id(one)] not in (None, usual)
    }


def _contradiction(one: StoredResult, group: Sequence[StoredResult], found: Mapping[int, object], what: str) -> str:
    """Return the line for a result if no value is more frequent than any other."""
    other = next(other for other in group if found[id(other)] not in (None, found[id(one)]))
    return f"{_path(one)}: its {what} and those of {_path(other)} contradict each other"


def _path(one: StoredResult) -> Path:
    return one.root / one.result.case.folder_name / RESULT


def _class_names(one: StoredResult) -> tuple[str, ...] | None:
    return tuple(scores["class_name"] for scores in one.result.per_class) or None


def _label_bytes(one: StoredResult) -> bytes | None:
    predictions = one.read_predictions()
    return None if predictions is None else predictions[0].astype(np.int64).tobytes()


def _narrowed(labels: Classes, predictions: Classes) -> tuple[Classes, Classes]:
    """Return labels and predicted classes in fewer bytes: those of every result are held in memory."""
    kind = np.min_scalar_type(max(labels.max(), predictions.max()))
    return labels.astype(kind), predictions.astype(kind)
