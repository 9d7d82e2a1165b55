"""Results folders side by side: the same study on two machines, or by two commits."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from harness.analysis.evidence import Evidence
from harness.analysis.stats import difference_by_seed
from harness.config.datasets import file_stem, title_of
from harness.files import safe_name
from harness.report.tables.columns import (
    DIFFERENCE,
    MEAN_EPOCH_SECONDS,
    OVER_SEEDS,
    SEED_COUNT,
    disturbed_runs,
    interval_values,
    mean_cell,
    model_column,
    model_row,
    non_empty,
)
from harness.report.tables.disturbed import disturbed_runs_note
from harness.report.tables.runs import mode_text
from harness.report.tables.table import Column, Table


def side_by_side_tables(found: Sequence[Evidence]) -> list[tuple[Evidence, Table]]:
    """Return a table, with the first folder's evidence, for each study in several folders.

    Studies are the same if they share recipe, epochs and images.
    """
    studies: dict[str, list[Evidence]] = defaultdict(list)
    for evidence in found:
        if evidence.mode != "quick" and evidence.runs:
            studies[evidence.subject].append(evidence)
    shared = [sides for sides in studies.values() if len({one.folder for one in sides}) > 1]
    tables = []
    for place, sides in enumerate(shared, 1):
        name = f"side-by-side-{place}-{safe_name(file_stem(sides[0].dataset))}"
        tables.append((sides[0], _side_table(sides, name)))
    return tables


def _side_table(sides: Sequence[Evidence], name: str) -> Table:
    """Return every model in every folder, with its accuracy minus the first folder's, paired by seed."""
    first, rows = sides[0], []
    timed = sorted({one for side in sides for one in side.hardware})
    for model in dict.fromkeys(model for side in sides for model in side.models):
        for side in sides:
            row: dict[str, Any] = model_row(side, model) | {"study": side.title}
            for measure in ("accuracy_percent", "macro_f1_percent"):
                row |= interval_values(measure, side.mean(model, measure))
            seconds = side.mean(model, "epoch_seconds") if len(timed) == 1 else None
            row |= interval_values("epoch_seconds", seconds) | {"disturbed_runs": disturbed_runs(side, model)}
            row |= _over_first(first, side, model)
            rows.append(row)
    columns = [
        model_column(),
        Column("study", "study", is_words=True),
        SEED_COUNT,
        Column("accuracy %", "accuracy_percent", mean_cell("accuracy_percent")),
        Column("macro-F1 %", "macro_f1_percent", mean_cell("macro_f1_percent")),
        *DIFFERENCE[:2],
        MEAN_EPOCH_SECONDS,
    ]
    notes = [OVER_SEEDS, f"Δ pp: accuracy minus {first.title}'s, paired by seed, with its 95 % interval"]
    if len(timed) > 1:
        notes.append(f"times are not compared: they were measured under different conditions ({'; '.join(timed)})")
    else:
        notes += [f"{side.title}: {note}" for side in sides for note in disturbed_runs_note(side)]
    title = f"{title_of(first.dataset)}: folders side by side" + mode_text(first.mode, [first.epochs])
    return Table(name, title, non_empty(columns, rows), tuple(rows), tuple(notes))


def _over_first(first: Evidence, side: Evidence, model: str) -> dict[str, Any]:
    ours, theirs = (one.values(model, "accuracy_percent") for one in (side, first))
    difference = None if side is first else difference_by_seed(ours, theirs)
    return interval_values("difference_points", None if difference is None else difference.interval)
