"""Judgement of one statement alone, and accuracies that are clearly low, clearly high or undecided."""

from harness.analysis.verdicts import judge
from harness.paper.claims import Claim

YES, NO, EVEN, UNKNOWN = "supported", "contradicted", "not distinguishable", "not measured"
LOW, HIGH, WIDE = [90.0, 90.1, 90.2], [92.0, 92.2, 92.1], [89.0, 94.0, 90.5]


def found(statement, **evidence):
    """Return verdict and numbers of one statement alone."""
    (finding,) = judge(Claim("C0", "", "", (statement,)), evidence).findings
    return finding.verdict, finding.numbers


def verdict(statement, **evidence):
    return found(statement, **evidence)[0]
