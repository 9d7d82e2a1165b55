"""The paper's claims judged on evidence: on the measurements, and on the paper's own numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.analysis.claim_findings import ClaimStudy, Finding, summarise
from harness.analysis.claim_judges import Studies, judge_statement
from harness.analysis.related import related_studies
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


def judge_claims(studies: Studies) -> list[Judgement]:
    """Judge every claim of the paper on studies by dataset, which must be comparable with the paper."""
    return [judge(claim, studies) for claim in CLAIMS]


def judge(claim: Claim, studies: Studies) -> Judgement:
    """Judge a claim on studies by dataset."""
    return Judgement(claim, tuple(judge_statement(statement, studies) for statement in claim.statements))


def comparable_by_dataset(found: Sequence[ClaimStudy]) -> dict[str, ClaimStudy]:
    """Choose, for each dataset, the study with the most runs among those comparable with the paper.

    It comes with the studies that differ from it in the share of the training images alone.
    """
    chosen: dict[str, ClaimStudy] = {}
    for one in found:
        dataset = one.evidence.dataset
        runs = chosen[dataset].evidence.runs if dataset in chosen else ()
        if one.evidence.is_trained_as_published and len(one.evidence.runs) > len(runs):
            chosen[dataset] = one
    groups = related_studies([one.evidence for one in found], "train_fraction")
    places = {id(one): place for place, one in enumerate(found)}
    shares = {group.pop(max(group)): group for group in groups}
    return {
        dataset: replace(
            one, shares={share: found[place].comparisons for share, place in shares.get(places[id(one)], {}).items()}
        )
        for dataset, one in chosen.items()
    }
