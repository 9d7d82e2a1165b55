from dataclasses import replace

import pytest

from harness.analysis.evidence import published_evidence
from harness.analysis.verdicts import comparable_by_dataset, judge, judge_claims
from harness.paper.claims import CLAIMS, Claim, Greater
from tests.analysis.judging import EVEN, LOW, NO, UNKNOWN, YES, found
from tests.analysis.synthetic_evidence import measured, study

PAPER = {dataset: published_evidence(dataset) for dataset in ("cifar10", "fashionmnist", "gtsrb")}

# Verdicts on the paper's own numbers, worked out by hand, statement by statement.
AUDIT = {
    "C1": [(YES, "+0.84 pp"), (YES, "+2.33 pp")],
    "C2": [(YES, "+3.64 pp"), (YES, "over 20-4")],
    "C3": [(YES, "+0.72 pp"), (EVEN, "+0.17 pp over 20-8, p = .603")],
    "C4": [(EVEN, "+0.11 pp (+0.12 % relative), p = .751, two proportions of 10,000 images, unpaired")],
    "C5": [(EVEN, "+0.17 pp (+0.18 % relative), p = .603")],
    "C6": [(YES, "+2.29 pp"), (YES, "+1.40 pp"), (EVEN, "+0.40 pp over 50, p = .162")],
    "C7": [(EVEN, "+0.49 pp (+0.53 % relative), p = .131, two proportions of 12,630 images, unpaired")],
    "C8": [(YES, "+2.29 pp (+2.47 % relative)"), (YES, "+1.89 pp (+2.04 % relative)")],
    "C9": [(YES, "+62.8 %"), (YES, "+51.9 %")],
    "C10": [(YES, "+64.7 %"), (YES, "−2.4 %")],
    "C11": [(NO, "−2.4 %"), (UNKNOWN, "")],
    "C12": [(YES, "+5.1 %"), (NO, "−38.8 %"), (NO, "−38.5 %")],
    "C13": [(NO, "2.48 times")],
    "C14": [(NO, "3.12 times"), (YES, "2.55 times")],
    "C15": [(NO, "as ω^2.00 (R² 1.000; exponential: 0.964)"), (EVEN, "as ω^1.32 (R² 0.993; exponential: 0.989)")],
    "C16": [(NO, "−2.35 pp"), (NO, "−3.10 pp"), (NO, "−4.07 pp")],
    "C17": [(NO, "GTSRB (51,839 images) 24-4 over 101 −2.29 pp")],
    "C18": [(YES, "110, F1 90.58 % at 89.50 % allows at most 90.98 %"),
         (NO, "20-2, F1 94.27 % at 93.59 % allows at most 94.25 %")],
}  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_papers_own_numbers_are_judged_as_audited(claim):
    findings = judge(claim, PAPER).findings
    expected = AUDIT[claim.name]
    assert [finding.verdict for finding in findings] == [verdict for verdict, _ in expected]
    for finding, (_, numbers) in zip(findings, expected, strict=True):
        assert numbers in finding.numbers


def test_all_claims_are_judged_in_order():
    assert [one.claim for one in judge_claims(PAPER)] == list(CLAIMS)


def test_claim_verdict_summarises_its_statements():
    assert [judge(CLAIMS[k - 1], PAPER).verdict for k in (1, 4, 13)] == [YES, EVEN, NO]
    assert judge(CLAIMS[10], PAPER).verdict == NO  # the other statement is not measured
    assert judge(CLAIMS[11], PAPER).verdict == "1 supported, 2 contradicted"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
@pytest.mark.parametrize("evidence", [{}, {"cifar10": study({}), "fashionmnist": study({}), "gtsrb": study({})}])
def test_claims_on_untrained_models_are_not_measured(claim, evidence):
    judgement = judge(claim, evidence)
    assert judgement.verdict == UNKNOWN
    assert all((one.verdict, one.numbers) == (UNKNOWN, "") and one.statement for one in judgement.findings)


def test_p_values_of_a_claim_are_one_family():
    statements = tuple(Greater("cifar10", model, "resnet20") for model in ("resnet56", "resnet20-2"))
    ahead = [90.65, 91.1, 91.55]  # by .65, 1.0 and 1.35: p = .038
    accuracies = {"resnet20": LOW, "resnet56": ahead, "resnet20-2": ahead}
    alone = [found(one, cifar10=study(accuracies)) for one in statements]
    together = judge(Claim("C0", "", "", statements), {"cifar10": study(accuracies)}).findings
    assert [one for one, _ in alone] == [YES, YES]
    assert [one.verdict for one in together] == [EVEN, EVEN]


def test_largest_comparable_study_of_each_dataset_is_chosen():
    small, large, other = measured({"resnet20": [90.0]}), measured({"resnet20": LOW}), measured({"resnet20": LOW * 2})
    other = replace(other, is_comparable=False)
    assert comparable_by_dataset([small, other, large]) == {"cifar10": large}
    assert comparable_by_dataset([other, study({})]) == {}
