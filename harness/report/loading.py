"""The contents of results folders, loaded for a report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from harness.analysis.evidence import Evidence
from harness.analysis.sequential import SequentialPlan
from harness.analysis.studies import StoredResult, group_into_studies
from harness.errors import DamagedError, InputError
from harness.files import distinct_names
from harness.report.public import Privacy
from harness.report.truncation import first_lines
from harness.results.declared_axes import DeclaredAxes, read_declared_axes
from harness.results.declared_looks import DeclaredLooks, looks_key, read_declared_looks
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.throughput.record import Recorded, read_recorded

LEFT_OUT = "left-out"
"""The file name of the table of everything left out."""
_SEE_TABLE = f"all of them are in {LEFT_OUT}.csv among the report's tables"
Value = TypeVar("Value")


@dataclass
class LoadedResults:
    """The contents of results folders.

    Attributes:
        recorded: throughput measurements.
        left_out: a line for each file left out, with the reason; reading predictions and curves later may add lines.
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
        declared = self.looks.get(evidence.folder or Path(), {}).get(looks_key(evidence.dataset, evidence.mode))
        if declared is None or not set(evidence.seeds) <= set(declared.seeds):
            return None
        return SequentialPlan(declared.seeds, declared.looks)

    @property
    def problems(self) -> list[str]:
        """The lines on files left out, cut for a terminal."""
        return first_lines(self.left_out, _SEE_TABLE)

    @property
    def unfinished(self) -> list[str]:
        """The lines on unfinished cases, cut for a terminal."""
        return first_lines(self.started, f"not finished either, {_SEE_TABLE}")


def load_results_folders(folders: Sequence[Path], *, is_public: bool = False) -> LoadedResults:
    """Load everything in the results folders, as evidence; for a public report without what is private."""
    once: dict[Path, Path] = {}
    for root in folders:
        once.setdefault(root.resolve(), root)  # one folder by two names must not become evidence twice
    loaded = LoadedResults(list(once.values()))
    stored: list[StoredResult] = []
    axes: dict[Path, Sequence[DeclaredAxes]] = {}
    for root in loaded.folders:
        folder = ResultsFolder(root)
        results, problems = folder.read_all()
        recorded, other_problems = read_recorded(root)
        loaded.results += results
        loaded.recorded += recorded
        loaded.left_out += problems + other_problems
        loaded.started += folder.unfinished()
        loaded.looks[root] = _declared(read_declared_looks, root, loaded.left_out) or {}
        axes[folder.root] = _declared(read_declared_axes, root, loaded.left_out) or ()
        stored += [_stored(result, folder, loaded.left_out) for result in results]
    if is_public:
        stored = _without_private(loaded, stored)
    names_of = distinct_names if loaded.privacy is None else loaded.privacy.folder_names
    loaded.evidence = group_into_studies(stored, axes, names_of)
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


def _stored(result: Result, folder: ResultsFolder, problems: list[str]) -> StoredResult:
    """Return the result with readers of its predictions and curve.

    A reader that fails adds its error to ``problems``, once, and returns None.
    """

    def reading(read: Callable[[Result], Value]) -> Callable[[], Value | None]:
        def attempt() -> Value | None:
            try:
                return read(result)
            except InputError as error:
                if str(error) not in problems:
                    problems.append(str(error))
                return None

        return attempt

    return StoredResult(result, folder.root, reading(folder.read_predictions), reading(folder.read_curve))
