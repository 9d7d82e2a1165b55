"""The paper's claims judged on evidence: on the measurements, and on the paper's own numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.evidence import Evidence
from harness.analysis.judges import VERDICTS, Finding, judge_order, judge_statement
from harness.paper.claims import CLAIMS, Claim, Greater


@dataclass(frozen=True)
class Judgement:
    """The findings on a claim, statement by statement."""

    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """The verdict shared by all measured statements; if they differ, the number of each verdict."""
        measured = [finding.verdict for finding in self.findings if finding.verdict != "not measured"]
        if len(set(measured)) <= 1:
            return measured[0] if measured else "not measured"
        return ", ".join(f"{measured.count(one)} {one}" for one in VERDICTS if one in measured)


def judge_claims(evidence: Mapping[str, Evidence]) -> list[Judgement]:
    """Judge every claim of the paper on evidence by dataset, which must be comparable with the paper."""
    return [judge(claim, evidence) for claim in CLAIMS]


def judge(claim: Claim, evidence: Mapping[str, Evidence]) -> Judgement:
    """Judge a claim on evidence by dataset.

    The claims were stated in advance, so p-values are corrected over the comparisons of one claim, not of the study.
    """
    orders = [one for one in claim.statements if isinstance(one, Greater) and one.quantity == "accuracy_percent"]
    compared = {one: _comparison(one, evidence) for one in orders}
    findings = [
        judge_order(one, compared[one]) if one in compared else judge_statement(one, evidence)
        for one in claim.statements
    ]
    return Judgement(claim, tuple(findings))


def _comparison(statement: Greater, evidence: Mapping[str, Evidence]) -> Comparison | None:
    study = evidence.get(statement.dataset)
    return None if study is None else Comparisons(study).of(statement.model, statement.other)


def comparable_by_dataset(found: Sequence[Evidence]) -> dict[str, Evidence]:
    """Choose, for each dataset, the study with the most runs among those comparable with the paper."""
    chosen: dict[str, Evidence] = {}
    for one in found:
        if one.is_comparable and one.runs and len(one.runs) > len(getattr(chosen.get(one.dataset), "runs", ())):
            chosen[one.dataset] = one
    return chosen
