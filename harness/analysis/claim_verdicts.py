"""The paper's claims judged on evidence: on the measurements, and on the paper's own numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.claim_findings import ClaimStudy, Finding, summarise
from harness.analysis.claim_judges import Studies, judge_statement
from harness.analysis.evidence import Evidence
from harness.analysis.stats import SIGNIFICANCE
from harness.paper.claims import CLAIMS, Claim


@dataclass(frozen=True)
class Judgement:
    """The findings on a claim, statement by statement."""

    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdict of the claim in words, on direction and size apart; see `summarise`."""
        return summarise(self.findings)

    @property
    def verdict(self) -> str:
        """The verdict of the claim in words: ``direction supported; size contradicted``."""
        return "; ".join(self.verdicts)

    @property
    def is_measured(self) -> bool:
        """True if at least one statement was measured."""
        return any(finding.verdict != "not measured" for finding in self.findings)


def judge_claims(evidence: Mapping[str, Evidence], alphas: Mapping[str, float] | None = None) -> list[Judgement]:
    """Judge every claim of the paper on evidence by dataset, which must be comparable with the paper.

    Args:
        alphas: the level of each dataset's tests, if it is not 0.05.
    """
    studies = {dataset: ClaimStudy(one, (alphas or {}).get(dataset, SIGNIFICANCE)) for dataset, one in evidence.items()}
    return [_judge(claim, studies) for claim in CLAIMS]


def judge(claim: Claim, evidence: Mapping[str, Evidence]) -> Judgement:
    """Judge a claim on evidence by dataset.

    A pair of models has the p-value that it has in `Comparisons` of its study.
    """
    return _judge(claim, {dataset: ClaimStudy(one) for dataset, one in evidence.items()})


def _judge(claim: Claim, studies: Studies) -> Judgement:
    return Judgement(claim, tuple(judge_statement(statement, studies) for statement in claim.statements))


def comparable_by_dataset(found: Sequence[Evidence]) -> dict[str, Evidence]:
    """Choose, for each dataset, the study with the most runs among those comparable with the paper."""
    chosen: dict[str, Evidence] = {}
    for one in found:
        runs = chosen[one.dataset].runs if one.dataset in chosen else ()
        if one.is_trained_as_published and len(one.runs) > len(runs):
            chosen[one.dataset] = one
    return chosen
