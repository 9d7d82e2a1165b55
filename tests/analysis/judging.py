"""Judgement of one statement alone, and accuracies that are clearly low, clearly high or undecided."""

from harness.analysis.claim_findings import ClaimStudy
from harness.analysis.claim_verdicts import judge
from harness.analysis.comparison import Comparisons
from harness.paper.claims import Claim

YES, NO, EVEN, ONE_RUN = "supported", "contradicted", "no significant difference", "one run"
UNTESTED, ARITHMETIC, UNKNOWN = "not tested", "arithmetic", "not measured"
LOW, HIGH, WIDE = [90.0, 90.1, 90.2], [92.0, 92.2, 92.1], [89.0, 94.0, 90.5]


def claim_study(evidence, alpha=0.05):
    """Return evidence as the study that claims are judged on."""
    return ClaimStudy(evidence, Comparisons(evidence, alpha))


def finding(statement, **evidence):
    """Return the finding on one statement alone."""
    studies = {dataset: claim_study(one) for dataset, one in evidence.items()}
    (found,) = judge(Claim("C0", "", "", (statement,)), studies).findings
    return found


def found(statement, **evidence):
    """Return verdict and numbers of one statement alone."""
    one = finding(statement, **evidence)
    return one.verdict, one.numbers


def verdict(statement, **evidence):
    return finding(statement, **evidence).verdict
