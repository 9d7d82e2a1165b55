"""The comparison table of each dataset: what was measured, beside what the paper reports."""

import hashlib
import statistics
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from harness.datasets.spec import file_stem, is_folder
from harness.expectations import comparable_published
from harness.files import write_text_atomically
from harness.published import STUDY
from harness.recipes import PUBLISHED_RECIPES
from harness.results import Result
from harness.text import count, duration, several
from harness.text import table as text_table

_TITLES = {
    "full": "",
    "shortened": " · SHORTENED ({epochs} epochs): not the recipe's own epochs, not comparable with published figures",
    "quick": " · SMOKE: a quick run proves the machinery and measures nothing",
}
_FILE_SUFFIX = {"full": "", "shortened": "-shortened", "quick": "-smoke"}


@dataclass(frozen=True)
class ComparisonTable:
    """One dataset's results of one mode, a row per case.

    Attributes:
        frame: plain numbers, one column per measure; published values in columns of their own, empty where nothing
            published is comparable.
        distinguishing: what its files' names need besides, where two folders bear the same name.
    """

    dataset: str
    mode: str
    frame: pd.DataFrame
    notes: tuple[str, ...]
    distinguishing: str = ""

    @property
    def title(self) -> str:
        epochs = ", ".join(map(str, sorted(set(self.frame["recipe_epochs"]))))
        return self.dataset + _TITLES[self.mode].format(epochs=epochs)

    @property
    def file_name(self) -> str:
        """Its files' name: full, shortened and smoke rows never share one."""
        return file_stem(self.dataset) + self.distinguishing + _FILE_SUFFIX[self.mode]


def comparison_tables(results: Iterable[Result]) -> list[ComparisonTable]:
    """A table for each dataset and mode among the results, in the study's order."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        groups[result.dataset, result.mode].append(result)
    datasets = [*STUDY, *sorted({dataset for dataset, _ in groups} - set(STUDY))]
    stems = Counter(file_stem(dataset) for dataset in datasets)
    return [
        _comparison_table(dataset, mode, groups[dataset, mode], is_alone=stems[file_stem(dataset)] == 1)
        for dataset in datasets
        for mode in _TITLES
        if (dataset, mode) in groups
    ]


def _comparison_table(dataset: str, mode: str, results: list[Result], *, is_alone: bool) -> ComparisonTable:
    order = {model: position for position, model in enumerate(STUDY.get(dataset, ()))}

    def place(r: Result) -> tuple[object, ...]:
        ranks = (order.get(r.model, len(order)), r.params, r.model)
        return (*ranks, r.seed, r.epochs, r.case.pipeline, r.case.identity)

    results = sorted(results, key=place)
    distinguishing = "" if is_alone else f"-{hashlib.sha256(dataset.encode()).hexdigest()[:6]}"
    frame = pd.DataFrame([_row(result) for result in results])
    return ComparisonTable(dataset, mode, frame, tuple(_notes(results)), distinguishing)


def _row(result: Result) -> dict[str, object]:
    published, is_mixed = comparable_published(result), bool(result.changes_between_attempts)
    return {
        "model": result.model,
        "seed": result.seed,
        "status": result.status,
        "epochs": result.epochs,
        "recipe_epochs": result.case.recipe.epochs,
        "params": result.params,
        "macs": result.macs,
        "epoch_seconds": None if is_mixed else result.mean_epoch_seconds,
        "total_seconds": None if is_mixed else result.total_seconds,
        "accuracy_percent": result.accuracy_percent,
        "best_accuracy_percent": result.best_accuracy_percent,
        "macro_f1_percent": result.macro_f1_percent,
        "marginal_gain": None if is_mixed else result.marginal_gain,
        "published_epoch_seconds": published and published.epoch_seconds,
        "published_total_seconds": published and published.total_seconds,
        "published_accuracy_percent": published and published.accuracy_percent,
        "published_macro_f1_percent": published and published.macro_f1_percent,
        "published_marginal_gain": published and published.marginal_gain,
        "images_per_second": None if is_mixed else result.images_per_second,
        "peak_memory_bytes": result.peak_memory_bytes,
        "device": result.environment["gpu"] or result.environment["cpu"],
        "threads": result.environment.get("threads"),
        "precision": result.case.precision,
        "pipeline": result.case.pipeline,
        "compiled": result.case.compiled,
        "compile_seconds": None if is_mixed else result.compile_seconds,
        "checkpoint_seconds": None if is_mixed else result.checkpoint_seconds,
        "interruptions": len(result.interrupted_after),
        "changes_between_attempts": ", ".join(result.changes_between_attempts),
        "train_images": result.train_images,
        "val_split": result.case.val_split,
        "recipe": result.case.recipe.name,
        "data_fingerprint": result.case.data_fingerprint[:12],
        "training_code": result.environment.get("training_code"),
        "case": result.case.identity[:12],
    }


def _device(result: Result, on: Mapping[str, Any]) -> str:
    """What a time depends on: the device, on a CPU the threads, the precision and the pipeline."""
    parts = [on["gpu"]] if on["gpu"] else [on["cpu"], several(on.get("threads"), "thread")]
    parts.append(result.case.precision)
    if result.case.pipeline != "fast":
        parts.append(f"{result.case.pipeline} pipeline")
    return ", ".join(parts)


def _is_unsteady(result: Result) -> bool:
    """Whether an epoch took more than twice the median: its machine had other things to do."""
    if result.changes_between_attempts or not result.epoch_seconds:
        return False
    return max(result.epoch_seconds) > 2 * statistics.median(result.epoch_seconds)


def _notes(results: Sequence[Result]) -> list[str]:
    """What a reader has to know of the rows."""
    notes = []
    devices = sorted({_device(result, on) for result in results for on in result.training_environments})
    notes.append(
        f"measured on {' and '.join(devices)}" + ("; times compare only within one" if len(devices) > 1 else "")
    )
    if unsteady := [f"{r.model} seed {r.seed}" for r in results if r.mode != "quick" and _is_unsteady(r)]:
        notes.append(f"epoch times vary more than twofold, the machine was busy: {', '.join(unsteady)}")
    notes += [_interruption_note(result) for result in results if result.interrupted_after]
    if compiled := [f"{r.model} seed {r.seed} {duration(r.compile_seconds)}" for r in results if r.case.compiled]:
        notes.append(f"networks compiled, in no epoch's time: {', '.join(compiled)}")
    if len({r.environment.get("training_code") for r in results}) > 1:
        notes.append("trained by different versions of the harness's code (training_code in the CSV)")
    if len({r.case.data_fingerprint for r in results}) > 1:
        notes.append("trained on different images (data_fingerprint in the CSV): not to be compared with one another")
    if any(r.stand_in for r in results):
        notes.append("the dataset is not on disk: digits stand in for it, reshaped")
    partial = [r for r in results if not r.dataset_whole and r.mode != "quick"]
    if partial:
        notes.append(f"not the whole dataset ({partial[0].train_images:,} training images): published values left out")
    if any(not r.dataset_verified and r.mode == "full" and not is_folder(r.dataset) for r in results):
        notes.append("the images' layout has no checksums: they could not be verified as the published ones")
    own = {r.model: None for r in results if r.mode == "full" and r.case.recipe != PUBLISHED_RECIPES.get(r.dataset)}
    if own and not is_folder(results[0].dataset):
        notes.append(f"{', '.join(own)}: not trained by the study's recipe, published values left out")
    if splits := sorted({r.case.val_split for r in results if r.case.val_split}):
        notes.append(f"{', '.join(f'{split:.0%}' for split in splits)} of the training images held out for validation")
    if {r.case.pipeline for r in results} == {"fast", "reference"}:
        notes.append("ref: trained by the reference pipeline, as the study did it, the others by the fast one")
    if len({(r.model, r.seed, r.case.pipeline) for r in results}) < len(results):
        notes.append(
            "# rows of one name are different cases (recipe, images, precision, validation split): see the CSV"
        )
    notes += [f"{r.model} seed {r.seed}: {r.status} ({r.cause})" for r in results if not r.is_complete]
    return notes


def _interruption_note(result: Result) -> str:
    """Where training was interrupted, and whether its times still mean something."""
    epochs = ", ".join(map(str, result.interrupted_after))
    note = f"{result.model} seed {result.seed}: interrupted after epoch {epochs}, and resumed"
    if changes := result.changes_between_attempts:
        note += f" with a change ({', '.join(changes)}): its accuracy may be compared, its times may not"
    return note


# heading, measured column, published column, how a number is put
_MEASURES = (
    ("s/epoch", "epoch_seconds", "published_epoch_seconds", "{:.2f}"),
    ("total", "total_seconds", "published_total_seconds", None),
    ("acc %", "accuracy_percent", "published_accuracy_percent", "{:.2f}"),
    ("F1 %", "macro_f1_percent", "published_macro_f1_percent", "{:.2f}"),
    ("gain %/s", "marginal_gain", "published_marginal_gain", "{:.4g}"),
)


def _put(value: object, form: str | None) -> str:
    if value is None or pd.isna(value):
        return ""
    number = float(value)  # type: ignore[arg-type]
    return duration(number) if form is None else form.format(number)


def _model_cells(frame: pd.DataFrame) -> list[str]:
    """How each row is called: the model; its pipeline, seed and case's number too where they tell rows apart."""
    many_seeds, many_pipelines = frame["seed"].nunique() > 1, frame["pipeline"].nunique() > 1
    is_ambiguous = frame.duplicated(["model", "seed", "pipeline"], keep=False)
    cells = []
    for (_, row), ambiguous in zip(frame.iterrows(), is_ambiguous, strict=True):
        parts = [str(row["model"])]
        parts += ["ref"] * (many_pipelines and row["pipeline"] == "reference")
        parts += [f"s{row['seed']}"] * many_seeds + [f"#{row['case'][:4]}"] * bool(ambiguous)
        cells.append(" ".join(parts if row["status"] == "complete" else [*parts, "!"]))
    return cells


def _wide_cells(table: ComparisonTable) -> tuple[list[str], list[list[str]]]:
    """Headings and rows, a row per case, each measure's published value in the column beside it."""
    frame = table.frame
    has_published = bool(frame["published_accuracy_percent"].notna().any())
    headings = ["model", "epochs", "params", "MACs"]
    for heading, *_ in _MEASURES:
        headings += [heading, "paper"] if has_published else [heading]
    rows = []
    for (_, row), name in zip(frame.iterrows(), _model_cells(frame), strict=True):
        cells = [name, str(row["epochs"]), count(row["params"]), count(row["macs"])]
        for _, measured, published, form in _MEASURES:
            cells += [_put(row[measured], form)] + ([_put(row[published], form)] if has_published else [])
        rows.append(cells)
    return headings, rows


def _narrow_cells(table: ComparisonTable) -> tuple[list[str], list[list[str]]]:
    """The same in at most 80 columns: what the paper reports stands in a row of its own under each case."""
    frame = table.frame
    headings = ["model", "params", "MACs", *(heading for heading, *_ in _MEASURES)]
    rows = []
    for (_, row), name in zip(frame.iterrows(), _model_cells(frame), strict=True):
        measured = [_put(row[column], form) for _, column, _, form in _MEASURES]
        rows.append([name, count(row["params"]), count(row["macs"]), *measured])
        published = [_put(row[column], form) for _, _, column, form in _MEASURES]
        if any(published):
            rows.append(["  paper", "", "", *published])
    return headings, rows


def terminal_text(table: ComparisonTable, columns: int) -> str:
    """The table for a terminal of that many columns, its title and its notes."""
    body = text_table(*_wide_cells(table))
    if max(map(len, body.splitlines())) > columns:
        body = text_table(*_narrow_cells(table))
    notes = (textwrap.fill(note, columns, initial_indent="  ", subsequent_indent="    ") for note in table.notes)
    return "\n".join([textwrap.fill(table.title, columns), body, *notes])


def _markdown(table: ComparisonTable) -> str:
    headings, rows = _wide_cells(table)
    pairs = zip(["", *headings], headings, strict=False)
    headings = [f"{before} (paper)" if heading == "paper" else heading for before, heading in pairs]
    alignment = ["left"] + ["right"] * (len(headings) - 1)
    body = tabulate(rows, headings, "pipe", colalign=alignment, disable_numparse=True)
    return "\n".join([f"# {table.title}", "", body, "", *(f"- {note}" for note in table.notes), ""])


def write_tables(tables: Iterable[ComparisonTable], report_dir: Path) -> list[Path]:
    """Each table as CSV (plain numbers) and Markdown under ``report_dir/tables``: the files written."""
    folder = report_dir / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in tables:
        for suffix, text in ((".csv", table.frame.to_csv(index=False)), (".md", _markdown(table))):
            path = folder / (table.file_name + suffix)
            write_text_atomically(path, text)
            written.append(path)
    return written
