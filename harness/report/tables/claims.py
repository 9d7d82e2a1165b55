"""The paper's claims, judged on its own numbers and on the measurements."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from harness.analysis.evidence import Evidence, published_evidence
from harness.analysis.judges import RATIO_TOLERANCE, Finding
from harness.analysis.verdicts import Judgement, comparable_by_dataset, judge_claims
from harness.paper.published import PUBLISHED
from harness.report.tables.table import Column, Table


@dataclass(frozen=True)
class JudgedClaims:
    """All claims judged on the paper's own numbers and, side by side, on each folder's measurements.

    Attributes:
        measured: judgements by folder name.
    """

    published: tuple[Judgement, ...]
    measured: dict[str, tuple[Judgement, ...]]


def judge_all(found: Sequence[Evidence]) -> JudgedClaims:
    """Judge the claims on the paper's own numbers and on the comparable evidence of each folder."""

    def folder(evidence: Evidence) -> Path:
        return evidence.folder or Path()

    by_folder = groupby(sorted(found, key=folder), key=folder)
    groups = [list(group) for _, group in by_folder]
    measured = {group[0].folder_name: tuple(judge_claims(comparable_by_dataset(group))) for group in groups}
    return JudgedClaims(_judge_on_published(), measured)


@functools.cache
def _judge_on_published() -> tuple[Judgement, ...]:
    return tuple(judge_claims({dataset: published_evidence(dataset) for dataset, _ in PUBLISHED}))


def claims_table(judged: JudgedClaims) -> Table:
    """Return every statement of every claim with its verdicts and the numbers behind them."""
    columns = [
        Column("claim", "claim", is_words=True),
        Column("statement", "statement", is_words=True),
        Column("on the paper's numbers", "published_verdict", is_words=True),
        Column("its numbers", "published_numbers", is_words=True),
    ]
    rows = [
        {
            "claim": judgement.claim.name,
            "statement": finding.statement,
            "published_verdict": finding.verdict,
            "published_numbers": finding.numbers,
        }
        for judgement in judged.published
        for finding in judgement.findings
    ]
    for folder, judgements in judged.measured.items():
        suffix = "" if len(judged.measured) == 1 else f" in {folder}"
        key = "measured" + suffix
        columns.append(Column("measured" + suffix, f"{key}_verdict", is_words=True))
        columns.append(Column("numbers" + suffix, f"{key}_numbers", is_words=True))
        findings: list[Finding] = [finding for judgement in judgements for finding in judgement.findings]
        for row, finding in zip(rows, findings, strict=True):
            row |= {f"{key}_verdict": finding.verdict, f"{key}_numbers": finding.numbers}
    notes = (
        "more accurate: supported or contradicted at α = 0.05, p corrected (Holm) over the statements of one claim",
        f"a ratio: supported within {RATIO_TOLERANCE:.0%} of the claimed one, with several seeds by the whole interval",
        "only studies trained as published count as measured",
    )
    return Table("claims", "The paper's claims", tuple(columns), tuple(rows), notes)
