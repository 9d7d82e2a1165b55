"""The stamp on every table that rests on results of other code than the present.

A note names the models or runs and their code; in a study of several codes their rows have a ``*`` in the first cell;
the CSV file has the same in a column.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from harness.report.figures.figure import Figure
from harness.report.tables.table import MEASURED, Row, Table
from harness.report.truncation import MAX_NAMES, first_lines, join_names
from harness.results.result import Result
from harness.training.code_version import other_code

OTHER_CODE = "other_code"
"""The CSV column of the stamp."""
_IN_CSV = f"{OTHER_CODE} in the CSV"


@dataclass(frozen=True)
class _Run:
    """A run that tables rest on; ``code`` describes the code that trained it: None for the present one."""

    study: str
    model: str
    seed: int
    case: str
    code: str | None


def _is_of_runs(row: Row) -> bool:
    """Return whether a row rests on runs: not one of the literature, which has another source."""
    return bool(row.get("source", MEASURED) == MEASURED)


@dataclass(frozen=True)
class CodeStamp:
    """The runs that tables rest on, with their code."""

    runs: tuple[_Run, ...]

    @property
    def others(self) -> list[_Run]:
        """The runs of other code."""
        return [run for run in self.runs if run.code is not None]

    @cached_property
    def note(self) -> str:
        """The runs of other code and their code, in one line; empty without any."""
        return f"trained by other code than the present: {_listed(self.others, self.runs)}" if self.others else ""

    @property
    def cautions(self) -> list[str]:
        """The note as a sentence; none without a run of other code."""
        return [f"{self.note[0].upper()}{self.note[1:]}."] if self.note else []

    def on(self, table: Table, is_measured: Callable[[Row], bool] = _is_of_runs) -> Table:
        """Return the table with the stamp; the table itself if all runs are of the present code.

        Args:
            is_measured: returns false for a row that rests on no run.
        """
        if not self.note:
            return table
        texts = [self._row_text(row) if is_measured(row) else None for row in table.rows]
        is_mixed = len(self.others) < len(self.runs)
        return replace(
            table,
            rows=tuple({**row, OTHER_CODE: text} for row, text in zip(table.rows, texts, strict=True)),
            notes=(*table.notes, f"{'* ' * is_mixed}{self.note}"),
            mark_key=OTHER_CODE if is_mixed else "",
        )

    def on_figure(self, figure: Figure) -> Figure:
        """Return the figure with the stamp in its caption; as it is if all runs are of the present code."""
        return replace(figure, caption=" ".join((figure.caption, *self.cautions)))

    def _row_text(self, row: Row) -> str | None:
        """Return the runs of other code that a row rests on, and their code; None without any."""
        runs = self._runs_of(row)
        others = [run for run in runs if run.code is not None]
        if not others:
            return None
        codes = {run.code for run in runs}
        return others[0].code if len(codes) == 1 else _listed(others, runs)

    def _runs_of(self, row: Row) -> Sequence[_Run]:
        """Return the runs that a row rests on: its own, else those of the models that it names, else all."""
        if "case" in row:
            return self._by_case.get(row["case"], ())
        runs = [run for run in self.runs if run.study == row.get("study", run.study)]
        text = "\n".join(value for value in row.values() if isinstance(value, str))
        named = {model for model in {run.model for run in runs} if _mentions(text, model)}
        return [run for run in runs if run.model in named] if named else runs

    @cached_property
    def _by_case(self) -> dict[str, list[_Run]]:
        found: dict[str, list[_Run]] = {}
        for run in self.runs:
            found.setdefault(run.case, []).append(run)
        return found


def code_stamp(studies: Mapping[str, Iterable[Result]]) -> CodeStamp:
    """Return the stamp of tables that rest on the results of studies, by the studies' titles."""
    return CodeStamp(
        tuple(
            _Run(title, one.model, one.seed, one.case.identity[:12], other_code(one.training_environments))
            for title, results in studies.items()
            for one in results
        )
    )


def _mentions(text: str, model: str) -> bool:
    return re.search(rf"(?<![\w.:-]){re.escape(model)}(?![\w(-]|\.\d)", text) is not None


def _listed(others: Sequence[_Run], runs: Sequence[_Run]) -> str:
    """Return runs of other code by code: ``resnet56, resnet20 seed 3 (commit 0123456789, …)``."""
    codes = list(dict.fromkeys(str(run.code) for run in others))
    groups = [f"{_group_names([run for run in others if run.code == code], runs)} ({code})" for code in codes]
    return "; ".join(first_lines(groups, _IN_CSV, MAX_NAMES))


def _group_names(group: Sequence[_Run], runs: Sequence[_Run]) -> str:
    """Return the names of runs of one code: whole studies, whole models, or seeds of models."""
    if len(group) == len(runs):
        return "every run"
    own, whole = _seeds(group), _seeds(runs)
    has_studies = len({run.study for run in runs}) > 1

    def name(study: str, model: str) -> str:
        of_study, seeds = f" of {study}" if has_studies else "", own[study, model]
        if has_studies and all(own.get(key) == whole[key] for key in whole if key[0] == study):
            return f"every run{of_study}"
        if seeds == whole[study, model]:
            return f"{model}{of_study}"
        return f"{model} seed{'s' * (len(seeds) > 1)} {join_names(list(map(str, seeds)), _IN_CSV)}{of_study}"

    return join_names(list(dict.fromkeys(name(*key) for key in own)), _IN_CSV)


def _seeds(runs: Iterable[_Run]) -> dict[tuple[str, str], list[int]]:
    """Return the seeds of the runs by study and model."""
    found: dict[tuple[str, str], list[int]] = {}
    for run in runs:
        found.setdefault((run.study, run.model), []).append(run.seed)
    return found
