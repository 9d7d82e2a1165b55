"""The table of ensembles of seeds beside one larger model at equal cost."""

from collections.abc import Sequence
from typing import Any

from harness.analysis.ensembles import EnsembleComparison
from harness.analysis.evidence import TRAINING_COSTS, Evidence
from harness.analysis.wording import COST_WORDS, confidence_text
from harness.report.tables.columns import P_HOLM, ends_cell, interval_values, model_column, non_empty, signed_column
from harness.report.tables.table import Column, Table


def ensembles_table(evidence: Evidence, found: Sequence[EnsembleComparison]) -> Table | None:
    """Return a row per ensemble and larger model; None without one."""
    rows = [_row(one) for one in found]
    columns = [
        Column("ensemble", "ensemble", is_words=True),
        model_column("against one", "other"),
        *(Column(f"{COST_WORDS[measure]}, share", f"{measure}_share", "{:.2f}") for measure in TRAINING_COSTS),
        Column("one of them %", "single_percent", "{:.2f}"),
        Column("ensemble %", "ensemble_percent", "{:.2f}"),
        Column("larger model %", "other_percent", "{:.2f}"),
        signed_column("ensemble − larger pp", "difference_points"),
        Column("interval", "difference_points_low", ends_cell("difference_points")),
        P_HOLM,
        Column("ensembles", "ensembles"),
        Column("n", "seeds"),
    ]
    confidences = {one.difference.confidence for one in found if one.difference.low is not None}
    interval = "".join(
        f"; interval: simultaneous, {confidence_text(one)}, from leaving out a seed" for one in confidences
    )
    notes = (
        "an ensemble predicts the class with the largest mean probability; its accuracy is the mean over all ensembles "
        "of that size among the seeds (ensembles: their number; n: seeds of both models)" + interval,
        "share: the ensemble’s cost over that of the larger model; the size is the largest that costs no more MACs, "
        "and, if that needs every seed, also one fewer, because an ensemble of every seed has no interval",
    )
    title = f"{evidence.title}: ensembles of seeds against one larger model"
    name = f"{evidence.file_name}-predictions-ensembles"
    return Table(name, title, non_empty(columns, rows), tuple(rows), notes) if rows else None


def _row(one: EnsembleComparison) -> dict[str, Any]:
    return {
        "ensemble": f"{one.size} × {one.model}",
        "size": one.size,
        "model": one.model,
        "other": one.other,
        **{f"{measure}_share": one.cost_shares.get(measure) for measure in TRAINING_COSTS},
        "single_percent": one.single_percent,
        "ensemble_percent": one.ensemble_percent,
        "other_percent": one.other_percent,
        **interval_values("difference_points", one.difference),
        "p_value": one.p_value,
        "p_holm": one.p_holm,
        "ensembles": one.ensembles,
        "seeds": f"{one.seeds[0]}, {one.seeds[1]}",
    }
