"""The results of record, read and compared as ``python -m harness report`` does."""

import contextlib
import csv
import io
import shutil
import tempfile
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean
from unittest.mock import patch

from harness.report import build
from harness.report.answer_text import answer_lines
from harness.report.figures import figure
from harness.report.loading import LoadedResults, load_results_folders
from harness.report.tables import other_code, throughput
from harness.report.terminal import report_text

RECORDS = Path(__file__).parents[2] / "records"


@dataclass(frozen=True)
class Record:
    """A results folder under records/ with its report.

    Attributes:
        page: index.html.
        csv_texts: every table's CSV by its file name without the ending.
    """

    loaded: LoadedResults
    report: build.WrittenReport
    page: str
    csv_texts: dict[str, str]

    @property
    def results(self):
        """The complete results."""
        return [result for result in self.loaded.results if result.status == "complete"]

    def of(self, model):
        """Return a model's complete results by seed."""
        return {result.seed: result for result in self.results if result.model == model}

    def mean(self, model, field="accuracy_percent"):
        """Return the mean over seeds of a field of a model's results."""
        return mean(getattr(result, field) for result in self.of(model).values())

    def verdict(self, budget, study=0):
        """Return a study's verdict at a budget, e.g. ``macs``."""
        _, answer = self.report.answers[study]
        (found,) = [one for one in answer.verdicts if one.budget == budget]
        return found

    def rows(self, table):
        """Return a table's rows as dictionaries of texts, from its CSV file."""
        return list(csv.DictReader(io.StringIO(self.csv_texts[table])))

    def answer(self, width, study=0):
        """Return the lines of a study's answer on a terminal."""
        return "\n".join(answer_lines(*self.report.answers[study], width))

    def terminal(self, width=80):
        """Return what ``python -m harness report`` prints after the tables of the runs, without the files written."""
        lines = report_text(self.report, width).splitlines()
        return "\n".join(line for line in lines if not line.startswith("written: "))


@cache
def record(name, seeds=None):
    """Return the record in a folder under records/; with ``seeds``, a tuple, of these seeds alone.

    Its code counts as the present one: a page that quotes it stays right when the training code changes.
    """
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as patches:
        patches.enter_context(patch.object(build, "write_figure", lambda *_: []))
        patches.enter_context(patch.object(figure.Canvas, "savefig", _save_nothing))  # most of a report's time
        for module in (other_code, throughput):
            patches.enter_context(patch.object(module, "other_code", lambda _: None))
        folder = RECORDS / name if seeds is None else _part(RECORDS / name, seeds, Path(scratch) / name)
        loaded = load_results_folders([folder])
        report = build.write_report(loaded, Path(scratch) / "report", "python -m harness report")
        page = report.page.read_text()
        texts = {path.stem: path.read_text() for path in report.tables if path.suffix == ".csv"}
    return Record(loaded, report, page, texts)


def _save_nothing(_, file, format, **options):
    file.write("<svg></svg>" if format == "svg" else b"")


def _part(folder, seeds, part):
    for case in folder.iterdir():
        if any(f"-seed{seed}-" in case.name for seed in seeds):
            shutil.copytree(case, part / case.name)
    return part


@cache
def measured(name):
    """Return the values of a figure that was measured once, by hand: an entry of records/measured.toml."""
    entry = tomllib.loads((RECORDS / "measured.toml").read_text())[name]
    assert {"what", "how", "machine", "commit", "date", "values"} == set(entry), name
    return entry["values"]
