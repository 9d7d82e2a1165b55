"""Every run of a study: its figures as plain values, the notes on it, and the table of all runs."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.analysis.evidence import Evidence
from harness.config.datasets import is_own_images
from harness.config.recipes import PUBLISHED_RECIPES
from harness.paper.expectations import comparable_published
from harness.report.short_paths import short_command, without_absolute_paths
from harness.report.tables.columns import model_column, non_empty
from harness.report.tables.disturbed import EPOCH_SECONDS, UNDISTURBED, disturbed_notes, disturbed_values
from harness.report.tables.table import Column, Row, Table
from harness.report.truncation import MAX_NAMES, first_lines, join_names
from harness.results.result import Result
from harness.results.timing import processes_of
from harness.text import count, count_noun, duration, listed

_MAX_NODES = 8
MODE_WORDS = {
    "full": "",
    "shortened": " · SHORTENED ({epochs}): not the recipe's own epochs, not comparable with published figures",
    "quick": " · SMOKE: a quick run tests the machinery and measures nothing",
}


def mode_text(mode: str, epochs: Iterable[int]) -> str:
    """Return what a table's title adds for a mode, with the numbers of epochs; empty for full training."""
    counts = sorted(set(epochs))
    numbers = count_noun(counts[0] if len(counts) == 1 else ", ".join(map(str, counts)), "epoch")
    return MODE_WORDS[mode].format(epochs=numbers)


def runs_table(evidence: Evidence) -> Table:
    """Return every result of a study, complete or not, a row each."""
    order = {model: place for place, model in enumerate(evidence.models)}
    results = sorted(evidence.results, key=lambda one: (order.get(one.model, len(order)), one.model, one.seed))
    superseded = {id(one) for one in evidence.superseded}
    rows = [
        run_row(result)
        | {"runs": {result.seed: evidence.folder_of(result)}, "is_superseded": id(result) in superseded or None}
        for result in results
    ]
    has_rates = len({result.case.recipe.learning_rate for result in results}) > 1
    columns = [
        model_column(),
        Column("seed", "seed"),
        *[Column("learning rate", "learning_rate", "{:g}")] * has_rates,
        Column("status", "status", _status_text, is_words=True),
        Column("epochs", "epochs"),
        Column("params", "params", lambda row: count(row["params"])),
        Column("MACs", "macs", lambda row: count(row["macs"])),
        EPOCH_SECONDS,
        Column("paper", "published_epoch_seconds", "{:g}"),
        UNDISTURBED,
        Column("total", "total_seconds", lambda row: duration(row["total_seconds"])),
        Column("accuracy %", "accuracy_percent", "{:.2f}"),
        Column("paper", "published_accuracy_percent", "{:.2f}"),
        Column("F1 %", "macro_f1_percent", "{:.2f}"),
        Column("paper", "published_macro_f1_percent", "{:.2f}"),
        Column("gain %/s", "marginal_gain", "{:.4g}"),
        Column("paper", "published_marginal_gain", "{:.4g}"),
    ]
    title = f"{evidence.title}: every run" + mode_text(evidence.mode, [evidence.epochs])
    return Table(evidence.file_name, title, non_empty(columns, rows), tuple(rows), tuple(run_notes(results)))


def _status_text(row: Row) -> str:
    return f"{str(row['status']).replace('_', ' ')}{', superseded' if row['is_superseded'] else ''}"


_PUBLISHED = ("epoch_seconds", "total_seconds", "accuracy_percent", "macro_f1_percent", "marginal_gain")


def run_row(result: Result) -> dict[str, object]:
    """Return a result as plain values, with the published ones if they are comparable."""
    published, is_mixed = comparable_published(result), bool(result.changes_between_attempts)
    return {
        "model": result.model,
        "seed": result.seed,
        "status": result.status,
        "mode": result.mode,
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
        **{f"published_{name}": published and getattr(published, name) for name in _PUBLISHED},
        "images_per_second": None if is_mixed else result.images_per_second,
        "peak_memory_bytes": result.peak_memory_bytes,
        "peak_reserved_bytes": result.peak_reserved_bytes,
        **{name: getattr(result, name) for name in ("latency_seconds", "image_seconds", "activations", "weight_bytes")},
        "device": result.environment["gpu"] or result.environment["cpu"],
        "threads": result.environment.get("threads"),
        "processes": result.environment.get("processes", 1),
        "node": ", ".join(_nodes(result)),
        "co_scheduled": result.is_co_scheduled,
        **{name: getattr(result.case, name) for name in ("precision", "pipeline", "deterministic")},
        **_acceleration_values(result),
        "checkpoint_seconds": None if is_mixed else result.checkpoint_seconds,
        "interruptions": len(result.interrupted_after),
        "interrupted_after": " ".join(map(str, result.interrupted_after)),
        "changes_between_attempts": ", ".join(result.changes_between_attempts),
        "train_images": result.train_images,
        "val_split": result.case.val_split,
        "train_fraction": result.case.train_fraction,
        "recipe": result.case.recipe.name,
        "learning_rate": result.case.recipe.learning_rate,
        "data_fingerprint": result.case.data_fingerprint[:12],
        "training_code": result.environment.get("training_code"),
        "is_unsteady": _is_unsteady(result),
        **disturbed_values(result),
        "notes": "; ".join(result.notes),
        "cause": None if result.cause is None else without_absolute_paths(result.cause),
        "commands": "; ".join(dict.fromkeys(short_command(one.command) for one in result.attempts if one.command)),
        "case": result.case.identity[:12],
    }


def _device(result: Result, on: Mapping[str, Any]) -> str:
    """Return everything that times depend on: device, CPU threads, precision and pipeline."""
    parts = [on["gpu"]] if on["gpu"] else [on["cpu"], count_noun(on.get("threads"), "thread")]
    if on.get("processes", 1) > 1:
        parts.append(processes_of(on))
    parts += [result.case.precision, *["deterministic"] * result.case.deterministic]
    if result.case.pipeline != "fast":
        parts.append(f"{result.case.pipeline} pipeline")
    if on.get("co_scheduled"):
        parts.append("co-scheduled")
    return ", ".join(parts)


def _is_unsteady(result: Result) -> bool:
    """Return whether an epoch took more than twice the median: of two epochs, the shorter one."""
    if result.changes_between_attempts or not result.epoch_seconds:
        return False
    return max(result.epoch_seconds) > 2 * statistics.median_low(result.epoch_seconds)


def _acceleration_values(result: Result) -> dict[str, Any]:
    """Return what a case was compiled for, how long it took, and the accelerations that were switched off."""
    return {
        "compiled": result.case.compiled,
        "compile_seconds": None if result.changes_between_attempts else result.compile_seconds,
        "switched_off": "; ".join(f"{name}: {reason}" for name, reason in result.switched_off.items()) or None,
    }


def run_notes(results: Sequence[Result]) -> list[str]:
    """Return the notes that readers need to judge the rows."""
    devices = sorted({_device(result, on) for result in results for on in result.training_environments})
    measured_on = f"measured on {' and '.join(devices)}"
    failed = [f"{_name(r)}: {r.status} ({without_absolute_paths(r.cause or '')})" for r in results if not r.is_complete]
    return [
        measured_on + ("; times compare only within one" if len(devices) > 1 else ""),
        *_machine_notes(results),
        *_time_notes(results),
        *_image_notes(results),
        *_training_notes(results),
        *_network_notes(results),
        *first_lines(failed, "not completed (status and cause in the CSV)", MAX_NAMES),
    ]


def _name(result: Result) -> str:
    return f"{result.model} seed {result.seed}"


def _time_notes(results: Sequence[Result]) -> list[str]:
    """Return notes on disturbed, unsteady, interrupted and compiled runs."""
    notes = disturbed_notes(results)
    unsteady = [r for r in results if r.mode != "quick" and _is_unsteady(r) and not r.has_disturbed_times]
    for is_known, reason in ((False, "the machine was busy"), (True, "no disturbance was found")):
        if of_reason := [_name(r) for r in unsteady if (r.disturbed_epochs is not None) is is_known]:
            names = join_names(of_reason, "is_unsteady in the CSV")
            notes.append(f"epoch times vary more than twofold, {reason}: {names}")
    interrupted = [_interruption_note(result) for result in results if result.interrupted_after]
    notes += first_lines(interrupted, "interrupted and resumed (interrupted_after in the CSV)", MAX_NAMES)
    if compiled := [f"{_name(r)} {duration(r.compile_seconds)}" for r in results if r.case.compiled]:
        names = join_names(compiled, "compile_seconds in the CSV")
        notes.append(f"compile time, in no epoch's time: {names}")
    return notes


def _image_notes(results: Sequence[Result]) -> list[str]:
    """Return notes on the images."""
    notes = []
    if len({r.case.data_fingerprint for r in results}) > 1:
        notes.append("trained on different images (data_fingerprint in the CSV): not comparable with one another")
    if any(r.stand_in for r in results):
        notes.append("the dataset is not on disk: resized digits replace it")
    if partial := [r for r in results if not r.dataset_whole and r.mode != "quick"]:
        notes.append(f"not the whole dataset ({partial[0].train_images:,} training images): published values left out")
    if any(not r.dataset_verified and r.mode == "full" and not is_own_images(r.dataset) for r in results):
        notes.append("this layout of the images has no checksums: they are not verified as the published ones")
    return notes


def _training_notes(results: Sequence[Result]) -> list[str]:
    """Return notes on recipes, validation splits, pipelines, and rows of one name."""
    notes = []
    own = {r.model: None for r in results if r.mode == "full" and r.case.recipe != PUBLISHED_RECIPES.get(r.dataset)}
    if own and results[0].dataset in PUBLISHED_RECIPES:
        names = join_names(list(own), "recipe in the CSV")
        notes.append(f"{names}: not trained by the study's recipe, published values left out")
    if splits := sorted({r.case.val_split for r in results if r.case.val_split}):
        notes.append(
            f"{', '.join(f'{100 * split:.12g}%' for split in splits)} of the training images held out for validation"
        )
    if {r.case.pipeline for r in results} == {"fast", "reference"}:
        notes.append("ref: trained by the reference pipeline, as in the paper; the others by the fast pipeline")
    kinds = {(r.model, r.seed, r.case.pipeline, r.case.recipe.learning_rate) for r in results}
    if len(kinds) < len(results):
        notes.append(
            "#: rows of one name are different cases (recipe, images, precision, validation split): see the CSV"
        )
    return notes


def _network_notes(results: Sequence[Result]) -> list[str]:
    """Return the notes on how networks were trained or counted, each with its models."""
    models: dict[str, list[str]] = {}
    for result in results:
        switched_off = [f"trained without {name}: {reason}" for name, reason in result.switched_off.items()]
        for note in [*result.notes, *switched_off]:
            models.setdefault(note, []).append(result.model)
    notes = [f"{join_names(list(dict.fromkeys(names)), 'notes in the CSV')}: {note}" for note, names in models.items()]
    return first_lines(notes, "notes on networks (notes in the CSV)", MAX_NAMES)


def _nodes(result: Result) -> list[str]:
    """Return the names of the machines that trained the result's epochs; none for older results."""
    return list(dict.fromkeys(on["node"] for on in result.training_environments if on.get("node")))


def _machine_notes(results: Sequence[Result]) -> list[str]:
    """Return notes on the machines that trained the cases, if several, and on co-scheduling."""
    notes = []
    counts = Counter(node for result in results for node in _nodes(result))
    if len(counts) > 1:
        shown = [f"{node} ({count_noun(count, 'case')})" for node, count in counts.most_common(_MAX_NODES)]
        more = [f"{len(counts) - _MAX_NODES} more (node in the CSV)"] if len(counts) > _MAX_NODES else []
        notes.append(f"trained on {', '.join(shown + more)}")
    if any(result.is_co_scheduled for result in results):
        notes.append(
            "co-scheduled: other cases trained on the machine at the same time and made the times longer; "
            "for comparable times, train one case at a time, or on a cluster with --exclusive"
        )
    return notes


def _interruption_note(result: Result) -> str:
    """Return the note on an interrupted training and on the comparability of its figures."""
    epochs = [str(one) for one in result.interrupted_after]
    note = (
        f"{_name(result)}: interrupted after {'epochs' if len(epochs) > 1 else 'epoch'} {listed(epochs)}, and resumed"
    )
    if changes := result.changes_between_attempts:
        note += f" with a change ({', '.join(changes)}): its accuracy is comparable, its times are not"
    return note
