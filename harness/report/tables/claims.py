"""The paper's claims, judged on its own numbers and on the measurements."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.claim_findings import VERDICT_MEANINGS, ClaimStudy, Finding
from harness.analysis.claim_verdicts import Judgement, comparable_by_dataset, judge_claims
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import published_evidence
from harness.paper.claims import Greater
from harness.paper.published import PUBLISHED
from harness.report.tables.other_code import CodeStamp, code_stamp
from harness.report.tables.table import Column, Table

CLAIMS = "claims"
"""The file name of the table of claims."""
PUBLISHED_DATASETS = tuple(dict.fromkeys(dataset for dataset, _ in PUBLISHED))


@dataclass(frozen=True)
class JudgedClaims:
    """All claims judged on the paper's own numbers and, side by side, on each folder's measurements.

    Attributes:
        measured: judgements by the folder's name.
        stamp: the code that trained the runs that were judged.
    """

    published: tuple[Judgement, ...]
    measured: dict[str, tuple[Judgement, ...]]
    stamp: CodeStamp

    @property
    def headings(self) -> list[str]:
        """The heading of each folder's judgements."""
        return [f"measured in {name}" if len(self.measured) > 1 else "measured" for name in self.measured]


def judge_all(found: Sequence[ClaimStudy]) -> JudgedClaims | None:
    """Judge the claims on the paper's own numbers and on the comparable studies of each folder.

    Returns:
        None if no study is of a dataset of the paper.
    """
    of_paper = [one for one in found if one.evidence.dataset in PUBLISHED_DATASETS]
    if not of_paper:
        return None
    names = sorted({one.evidence.folder_name for one in of_paper})
    folders = [comparable_by_dataset([one for one in of_paper if one.evidence.folder_name == name]) for name in names]
    measured = [tuple(judge_claims(studies)) for studies in folders]
    judged = [one.evidence for studies in folders for one in studies.values()]
    stamp = code_stamp({one.title: one.used_results for one in judged})
    return JudgedClaims(_judge_on_published(), dict(zip(names, measured, strict=True)), stamp)


@functools.cache
def _judge_on_published() -> tuple[Judgement, ...]:
    published = {dataset: published_evidence(dataset) for dataset in PUBLISHED_DATASETS}
    return tuple(judge_claims({dataset: ClaimStudy(one, Comparisons(one)) for dataset, one in published.items()}))


def claims_table(judged: JudgedClaims) -> Table:
    """Return every statement of every claim with its verdicts and the numbers behind them.

    The CSV file has the verdicts on direction and size in columns of their own.
    """
    columns = [Column("claim", "claim", is_words=True), Column("statement", "statement", is_words=True)]
    statements = [(judgement.claim.name, finding) for judgement in judged.published for finding in judgement.findings]
    rows: list[dict[str, Any]] = [{"claim": name, "statement": finding.text} for name, finding in statements]
    sides = [
        ("on the paper's numbers", "its numbers", "published", judged.published),
        *(
            (heading, heading.replace("measured", "numbers", 1), heading, judgements)
            for heading, judgements in zip(judged.headings, judged.measured.values(), strict=True)
        ),
    ]
    for heading, numbers_heading, key, judgements in sides:
        columns.append(Column(heading, f"{key}_verdict", is_words=True))
        columns.append(Column(numbers_heading, f"{key}_numbers", is_words=True))
        findings = [finding for judgement in judgements for finding in judgement.findings]
        for row, finding in zip(rows, findings, strict=True):
            row |= {f"{key}_{name}": value for name, value in _values(finding).items()}
    notes = tuple(f"{verdict}: {meaning}" for verdict, meaning in VERDICT_MEANINGS.items())
    table = Table(CLAIMS, "The paper's claims", tuple(columns), tuple(rows), notes)
    return judged.stamp.on(table, lambda row: any(row[f"{key}_numbers"] for key in judged.headings))


def _values(finding: Finding) -> dict[str, str]:
    """Return a finding's values by the name of their column."""
    return {
        "verdict": "; ".join(finding.verdicts),
        "direction": finding.verdict if isinstance(finding.statement, Greater) else "",
        "size": finding.size or "",
        "numbers": "; ".join(filter(None, (finding.numbers, finding.note))),
    }
