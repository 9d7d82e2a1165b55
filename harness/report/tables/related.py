"""The table of related studies: the verdicts of each, side by side."""

from collections.abc import Mapping, Sequence

from harness.analysis.budgets import BudgetVerdict
from harness.analysis.evidence import Evidence
from harness.analysis.wording import BUDGET_WORDS
from harness.report.tables.columns import (
    INTERVAL,
    SEED_COUNT,
    WIDER_MINUS_DEEPER,
    non_empty,
    p_cell,
)
from harness.report.tables.table import Column, Table
from harness.report.tables.verdicts import verdict_cell, verdict_values
from harness.text import listed


def related_answers_table(
    file_name: str,
    title: str,
    heading: str,
    studies: Mapping[str, tuple[Evidence, Sequence[BudgetVerdict]]],
    note: str,
) -> Table | None:
    """Return the verdict of each budget in each study; None without any.

    Args:
        heading: what the studies differ in.
        studies: with their verdicts, by a study's name in that.
    """
    rows = [
        {"condition": name, "study": evidence.title, **verdict_values(one)}
        for name, (evidence, verdicts) in studies.items()
        for one in verdicts
    ]
    if not rows:
        return None
    rows.sort(key=lambda row: list(BUDGET_WORDS).index(row["budget"]))
    columns = [
        Column("at equal", "budget", lambda row: BUDGET_WORDS[row["budget"]], is_words=True),
        Column(heading, "condition", is_words=True),
        Column("verdict", "verdict", verdict_cell, is_words=True),
        WIDER_MINUS_DEEPER,
        INTERVAL,
        Column("p corrected", "p_corrected", p_cell("p_corrected")),
        SEED_COUNT,
        Column("take", "take", is_words=True),
    ]
    notes = ("each verdict is that of its own study, corrected for the budgets of that study alone", note)
    return Table(file_name, title, non_empty(columns, rows), tuple(rows), notes)


def sentences_on_related(
    studies: Mapping[str, tuple[Evidence, Sequence[BudgetVerdict]]], of_other_networks: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return sentences on studies without a verdict, and on models that are not compared across studies.

    Args:
        studies: with their verdicts, by name.
        of_other_networks: by a study's name, models that had another network there than the latest.
    """
    silent = [name for name, (_, verdicts) in studies.items() if not verdicts]
    sentences = [f"No verdict for {listed(silent)}: the study's own answer has the reason."] if silent else []
    if of_other_networks:
        named = "; ".join(f"{listed(models)} for {name}" for name, models in of_other_networks.items())
        sentences.append(f"Not compared across studies, as the network has changed since: {named}.")
    return sentences
