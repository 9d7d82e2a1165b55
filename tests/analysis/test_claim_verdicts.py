import pytest

from harness.analysis.claim_verdicts import comparable_by_dataset, judge, judge_claims
from harness.analysis.evidence import published_evidence
from harness.paper.claims import CLAIMS
from tests.analysis.judging import ARITHMETIC, EVEN, LOW, NO, ONE_RUN, UNKNOWN, UNTESTED, YES, claim_study
from tests.analysis.synthetic_evidence import study

PAPER = {dataset: claim_study(published_evidence(dataset)) for dataset in ("cifar10", "fashionmnist", "gtsrb")}

# Verdicts on the paper's own numbers, worked out by hand, statement by statement: numbers, and the end of the note.
IMAGES = "images: p {}, without the spread between seeds"
DEVICE = "timed on the paper's GPU, which it does not name; another device gives other times"
AUDIT = {
    "C1": [(ONE_RUN, "+0.84 pp", IMAGES.format("= .044")), (ONE_RUN, "+2.33 pp", IMAGES.format("< .001"))],
    "C2": [(ONE_RUN, "+3.64 pp, claimed 3.64 pp", IMAGES.format("< .001")),
           (ONE_RUN, "+1.31 pp over resnet20-4", IMAGES.format("< .001"))],
    "C3": [(ONE_RUN, "+0.72 pp, claimed 0.72 pp", IMAGES.format("= .031")),
           (ONE_RUN, "+0.17 pp over resnet20-8", IMAGES.format("= .603"))],
    "C4": [(ONE_RUN, "+0.11 pp, claimed 0.11 pp", "two proportions of 10,000 " + IMAGES.format("= .751"))],
    "C5": [(ONE_RUN, "+0.17 pp", IMAGES.format("= .603"))],
    "C6": [(ONE_RUN, "+2.29 pp", IMAGES.format("< .001")), (ONE_RUN, "+1.40 pp", IMAGES.format("< .001")),
           (ONE_RUN, "+0.40 pp over resnet50", IMAGES.format("= .162"))],
    "C7": [(ONE_RUN, "+0.49 pp, claimed 0.45 pp", "two proportions of 12,630 " + IMAGES.format("= .131"))],
    "C8": [(ONE_RUN, "+2.29 pp, +2.47 % relative, claimed 2.47 % relative", IMAGES.format("< .001")),
           (ONE_RUN, "+1.89 pp, +2.04 % relative, claimed 2.04 % relative", IMAGES.format("< .001"))],
    "C9": [(ONE_RUN, "+62.8 %", DEVICE), (ONE_RUN, "+51.9 %", DEVICE)],
    "C10": [(ONE_RUN, "+64.7 %", DEVICE), (ONE_RUN, "−2.4 %", DEVICE)],
    "C11": [(ONE_RUN, "−2.4 %", DEVICE), (UNKNOWN, "", "")],
    "C12": [(YES, "+5.1 %", DEVICE), (NO, "−38.8 %", DEVICE), (NO, "−38.5 %", DEVICE)],
    "C13": [(NO, "2.48 times", "")],
    "C14": [(NO, "3.12 times", DEVICE), (YES, "2.55 times", DEVICE)],
    "C15": [(NO, "as ω^2.00 (R² 1.000; exponential: 0.964)", ""),
            (UNTESTED, "as ω^1.32 (R² 0.993; exponential: 0.989)", DEVICE)],
    "C16": [(ONE_RUN, "−2.35 pp", ""), (ONE_RUN, "−3.10 pp", ""), (ONE_RUN, "−4.07 pp", ""),
            (ONE_RUN, "−3.89 pp", "")],
    "C17": [(UNTESTED, "CIFAR-10 (60,000 images) resnet20-4 over resnet110 +2.33 pp; FashionMNIST (70,000 images) "
             "resnet20-4 over resnet110 +0.72 pp; GTSRB (51,839 images) resnet24-4 over resnet101 −2.29 pp",
             "block type, resolution, epochs, batch size, augmentation")],
    "C18": [(ARITHMETIC, "possible: resnet110 is nearest to its bound, F1 90.58 % at 89.50 % allows at most 90.98 %",
             ""),
            (ARITHMETIC, "impossible: resnet20-2 is nearest to its bound, F1 94.27 % at 93.59 % allows at most "
             "94.25 %", "")],
}  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_papers_own_numbers_are_judged_as_audited(claim):
    findings = judge(claim, PAPER).findings
    assert [(one.verdict, one.numbers) for one in findings] == [expected[:2] for expected in AUDIT[claim.name]]
    for finding, (*_, note) in zip(findings, AUDIT[claim.name], strict=True):
        assert finding.note.endswith(note)
        assert bool(finding.note) == bool(note)
        assert finding.size is None


def test_no_accuracy_of_one_run_is_a_verdict():
    for number in (*range(1, 9), 16):
        assert judge(CLAIMS[number - 1], PAPER).verdict == ONE_RUN


def test_all_claims_are_judged_in_order():
    assert [one.claim for one in judge_claims(PAPER)] == list(CLAIMS)


def test_claim_verdict_summarises_its_statements():
    assert judge(CLAIMS[10], PAPER).verdict == "one run (1 of 2 measured)"
    assert judge(CLAIMS[11], PAPER).verdict == "1 supported, 2 contradicted"
    measured = study({"resnet20-2": [91.0, 91.2, 91.2], "resnet56": LOW}, "fashionmnist")
    judgement = judge(CLAIMS[3], {"fashionmnist": claim_study(measured)})
    assert judgement.verdict == "direction supported; size contradicted"
    assert judgement.verdicts == ("direction supported", "size contradicted")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
@pytest.mark.parametrize("studies", [{}, dict.fromkeys(PAPER, claim_study(study({})))])
def test_claims_on_untrained_models_are_not_measured(claim, studies):
    judgement = judge(claim, studies)
    assert judgement.verdict == UNKNOWN
    assert not judgement.is_measured
    assert all((one.verdict, one.numbers, one.note) == (UNKNOWN, "", "") for one in judgement.findings)
    assert all(one.text for one in judgement.findings)


def test_claims_are_tested_at_the_level_of_the_study():
    evidence = study({"resnet20": LOW, "resnet56": LOW, "resnet20-2": [90.4, 90.6, 90.6]})
    of_level = {level: judge_claims({"cifar10": claim_study(evidence, level)})[0].findings[0] for level in (0.05, 1e-6)}
    assert [finding.verdict for finding in of_level.values()] == [YES, EVEN]
    assert judge_claims({"cifar10": claim_study(evidence)})[0].is_measured


def test_largest_comparable_study_of_each_dataset_is_chosen():
    small, large = claim_study(study({"resnet20": [90.0]})), claim_study(study({"resnet20": LOW}))
    other = claim_study(study({"resnet20": LOW * 2}, is_trained_as_published=False))
    assert comparable_by_dataset([small, other, large]) == {"cifar10": large}
    assert comparable_by_dataset([other, claim_study(study({}))]) == {}
