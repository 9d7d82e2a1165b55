import math
from dataclasses import replace

import pytest

from harness.analysis.evidence import published_evidence
from harness.analysis.verdicts import comparable_by_dataset, f1_bound, judge, judge_claims
from harness.paper.claims import (
    CLAIMS,
    Claim,
    FewerImagesWider,
    Greater,
    GrowsExponentially,
    MostAccurate,
    NearLiterature,
    PossibleF1,
    Times,
)
from harness.paper.published import STUDY
from tests.analysis.synthetic_evidence import measured, study

PAPER = {dataset: published_evidence(dataset) for dataset in ("cifar10", "fashionmnist", "gtsrb")}
YES, NO, EVEN, UNKNOWN = "supported", "contradicted", "not distinguishable", "not measured"

# What the study's audit says of each claim on the paper's own numbers, statement by statement.
ON_THE_PAPERS_OWN_NUMBERS = {
    1: [(YES, "+0.84 pp"), (YES, "+2.33 pp")],
    2: [(YES, "+3.64 pp"), (YES, "over 20-4")],
    3: [(YES, "+0.72 pp"), (EVEN, "+0.17 pp over 20-8, p = .603")],
    4: [(EVEN, "+0.11 pp (+0.12 % relative), p = .751, two proportions of 10,000 images, unpaired")],
    5: [(EVEN, "+0.17 pp (+0.18 % relative), p = .603")],
    6: [(YES, "+2.29 pp"), (YES, "+1.40 pp"), (EVEN, "+0.40 pp over 50, p = .162")],
    7: [(EVEN, "+0.49 pp (+0.53 % relative), p = .131, two proportions of 12,630 images, unpaired")],
    8: [(YES, "+2.29 pp (+2.47 % relative)"), (YES, "+1.89 pp (+2.04 % relative)")],
    9: [(YES, "+62.8 %"), (YES, "+51.9 %")],
    10: [(YES, "+64.7 %"), (YES, "−2.4 %")],
    11: [(NO, "−2.4 %"), (UNKNOWN, "")],
    12: [(YES, "+5.1 %"), (NO, "−38.8 %"), (NO, "−38.5 %")],
    13: [(NO, "2.48 times")],
    14: [(NO, "3.12 times"), (YES, "2.55 times")],
    15: [(NO, "as ω^2.00 (R² 1.000; exponential: 0.964)"), (EVEN, "as ω^1.32 (R² 0.993; exponential: 0.989)")],
    16: [(NO, "−2.35 pp"), (NO, "−3.10 pp"), (NO, "−4.07 pp")],
    17: [(NO, "GTSRB (51,839 images) 24-4 over 101 −2.29 pp")],
    18: [(YES, "110, F1 90.58 % at 89.50 % allows at most 90.98 %"),
         (NO, "20-2, F1 94.27 % at 93.59 % allows at most 94.25 %")],
}  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_the_papers_own_numbers_are_judged_as_they_were_audited(claim):
    findings = judge(claim, PAPER).findings
    expected = ON_THE_PAPERS_OWN_NUMBERS[int(claim.name[1:])]
    assert [finding.verdict for finding in findings] == [verdict for verdict, _ in expected]
    for finding, (_, numbers) in zip(findings, expected, strict=True):
        assert numbers in finding.numbers


def test_all_claims_are_judged_in_order():
    assert [one.claim for one in judge_claims(PAPER)] == list(CLAIMS)


def test_the_verdict_of_a_claim_is_its_statements_own_where_they_agree():
    assert [judge(CLAIMS[k - 1], PAPER).verdict for k in (1, 4, 13)] == [YES, EVEN, NO]
    assert judge(CLAIMS[10], PAPER).verdict == NO  # of what was measured
    assert judge(CLAIMS[11], PAPER).verdict == "1 supported, 2 contradicted"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
@pytest.mark.parametrize("evidence", [{}, {"cifar10": study({}), "fashionmnist": study({}), "gtsrb": study({})}])
def test_what_nobody_trained_is_not_measured(claim, evidence):
    judgement = judge(claim, evidence)
    assert judgement.verdict == UNKNOWN
    assert all((one.verdict, one.numbers) == (UNKNOWN, "") and one.statement for one in judgement.findings)


def found(statement, **evidence):
    """Verdict and numbers of one statement alone."""
    (finding,) = judge(Claim("C0", "", "", (statement,)), evidence).findings
    return finding.verdict, finding.numbers


def verdict(statement, **evidence):
    return found(statement, **evidence)[0]


LOW, HIGH, WIDE = [90.0, 90.1, 90.2], [92.0, 92.2, 92.1], [89.0, 94.0, 90.5]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [(HIGH, LOW, YES), (LOW, HIGH, NO), (WIDE, LOW, EVEN), (LOW, LOW, EVEN), ([100.0] * 3, [0.0] * 3, EVEN)],
)
def test_whether_one_model_is_more_accurate_is_told_by_the_seeds(ours, theirs, expected):
    statement = Greater("cifar10", "resnet20-2", "resnet56")
    assert verdict(statement, cifar10=measured({"resnet20-2": ours, "resnet56": theirs})) == expected


def test_one_seed_with_predictions_is_judged_image_by_image_and_has_no_interval():
    statement = Greater("cifar10", "resnet20-2", "resnet56")
    said, numbers = found(statement, cifar10=measured({"resnet20-2": [92.0], "resnet56": [90.0]}))
    assert said == YES
    assert numbers.endswith("McNemar on 10,000 images")
    assert "[" not in numbers
    assert "n = " not in numbers


def test_a_claims_p_values_are_one_family():
    statements = tuple(Greater("cifar10", model, "resnet20") for model in ("resnet56", "resnet20-2"))
    ahead = [90.65, 91.1, 91.55]  # by .65, 1.0 and 1.35: p = .038
    accuracies = {"resnet20": LOW, "resnet56": ahead, "resnet20-2": ahead}
    alone = [found(one, cifar10=study(accuracies)) for one in statements]
    together = judge(Claim("C0", "", "", statements), {"cifar10": study(accuracies)}).findings
    assert [one for one, _ in alone] == [YES, YES]
    assert [one.verdict for one in together] == [EVEN, EVEN]


def test_a_statement_of_models_of_which_one_is_missing_is_not_measured():
    statement = Greater("cifar10", "resnet20-2", "resnet56")
    assert verdict(statement, cifar10=study({"resnet20-2": HIGH})) == UNKNOWN
    disjoint = study({"resnet20-2": {0: 92.0, 1: 92.1}, "resnet56": {2: 90.0, 3: 90.1}})
    assert verdict(statement, cifar10=disjoint) == UNKNOWN


def best(**others):
    accuracies = {model: [89.0, 89.2, 89.1] for model in STUDY["gtsrb"]} | {"resnet101": [93.0, 93.11, 93.3]}
    return study(accuracies | others, "gtsrb")


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (best(), YES),
        (best(resnet50=[92.0, 93.8, 93.4]), EVEN),
        (best(resnet50=[96.0, 96.25, 96.2]), NO),
        (best(resnet50={7: 92.0, 8: 92.1}), UNKNOWN),
    ],
)
def test_the_most_accurate_is_above_every_other_model_of_the_study_beyond_chance(evidence, expected):
    assert verdict(MostAccurate("gtsrb", "resnet101"), gtsrb=evidence) == expected


TWICE = Times("cifar10", "resnet20-4", "resnet110", "epoch_seconds", 2.0, "twice")


@pytest.mark.parametrize(
    ("seconds", "expected", "numbers"),
    [
        ((20.0, 20.2, 20.1), YES, "2.01 times [1.99, 2.03], n = 3"),
        ((15.0, 15.2, 15.1), NO, "+51.0 % [+48.5, +53.5], n = 3"),
        ((19.0, 22.0, 20.0), EVEN, None),
        ((20.4, 21.4, 21.2), EVEN, None),  # on the edge of what is tolerated
    ],
)
def test_a_ratio_is_borne_out_where_its_whole_interval_lies_within_the_tolerance(seconds, expected, numbers):
    evidence = measured({"resnet20-4": LOW, "resnet110": LOW}, seconds={"resnet20-4": seconds})
    said, said_numbers = found(TWICE, cifar10=evidence)
    assert said == expected
    assert numbers in (None, said_numbers)


@pytest.mark.parametrize(
    ("claimed", "seconds", "expected"),
    [(1.02, 10.1, YES), (1.02, 9.9, NO), (0.98, 9.9, YES), (0.98, 10.1, NO)],
)
def test_more_is_not_borne_out_by_less_however_near_it_is(claimed, seconds, expected):
    evidence = study({"resnet20-4": [90.0], "resnet110": [90.0]}, seconds={"resnet20-4": seconds, "resnet110": 10.0})
    assert verdict(replace(TWICE, ratio=claimed), cifar10=evidence) == expected


def test_a_ratio_of_one_run_each_has_no_interval():
    evidence = measured({"resnet20-4": [90.0], "resnet110": [90.0]}, seconds={"resnet20-4": 19.2})
    assert found(TWICE, cifar10=evidence) == (YES, "+92.0 %")


def test_a_ratio_of_parameters_is_the_same_with_every_seed():
    statement = Times("cifar10", "resnet20-4", "resnet110", "params", 4.0, "four times")
    evidence = measured({"resnet20-4": LOW, "resnet110": LOW})
    assert found(statement, cifar10=evidence) == (NO, "2.48 times")
    assert verdict(replace(statement, ratio=2.5), cifar10=evidence) == YES
    assert verdict(Greater("cifar10", "resnet20-4", "resnet110", "params"), cifar10=evidence) == YES


@pytest.mark.parametrize("statement", [TWICE, Greater("cifar10", "resnet20-4", "resnet110", "marginal_gain")])
def test_times_on_different_hardware_zero_seconds_and_accuracies_of_0_are_not_judged(statement):
    both = {"resnet20-4": [0.0], "resnet110": [0.0]}
    assert verdict(statement, cifar10=study(both, seconds={"resnet110": {0: None}})) == UNKNOWN
    if statement is not TWICE:
        assert verdict(statement, cifar10=study(both)) == UNKNOWN
    one, other = measured({"resnet20-4": LOW}), measured({"resnet110": LOW}, environment={"cpu": "Intel Xeon"})
    assert verdict(statement, cifar10=replace(one, runs=one.runs + other.runs)) == UNKNOWN


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [((10.0, 10.2, 10.1), NO), ((1.0, 1.02, 1.01), YES), ((5.0, 1.0, 4.0), EVEN), (3.0, EVEN)],
)
def test_whether_one_model_has_the_greater_marginal_gain_is_told_by_the_seeds(seconds, expected):
    statement = Greater("cifar10", "resnet20-4", "resnet110", "marginal_gain")
    evidence = measured({"resnet20-4": LOW, "resnet110": LOW}, seconds={"resnet20-4": seconds, "resnet110": 3.0})
    assert verdict(statement, cifar10=evidence) == expected


def widths(*seconds):
    by_model = dict(zip(("resnet24", "resnet24-2", "resnet24-4", "resnet24-8"), seconds, strict=False))
    return study({model: [90.0] for model in by_model}, "gtsrb", by_model)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (widths(*(math.exp(width) for width in (1, 2, 4, 8))), YES),
        (widths(1.0, 4.0, 16.0), NO),
        (widths(201.0, 438.0, 1255.6), EVEN),  # three points leave both laws as good
        (widths(3.0, 3.0, 3.0), NO),
        (widths(*(math.exp(-width) for width in (1, 2, 4))), NO),  # it falls
        (widths(1.0, 4.0), UNKNOWN),
        (widths(1.0, {0: None}, 16.0), UNKNOWN),
    ],
)
def test_growth_is_exponential_where_that_law_fits_better_than_a_power_of_width(evidence, expected):
    assert verdict(GrowsExponentially("gtsrb", "epoch_seconds"), gtsrb=evidence) == expected


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([91.0, 91.1], YES), ([95.0, 95.1], YES), ([89.25], YES), ([89.24], NO), ([80.0, 80.1], NO),
        ([88.0, 90.0, 89.5], EVEN), ([89.0, 89.0], NO),
    ],
)  # fmt: skip
def test_an_accuracy_is_near_the_literature_where_it_is_not_too_far_below(accuracies, expected):
    assert verdict(NearLiterature("resnet20", 2.0), cifar10=study({"resnet20": accuracies})) == expected


def wins(width, depth, dataset="cifar10"):
    if dataset == "gtsrb":
        return study({"resnet24": LOW, "resnet50": depth, "resnet24-2": width}, "gtsrb")
    return study({"resnet20": LOW, "resnet56": depth, "resnet20-2": width}, dataset)


@pytest.mark.parametrize(
    ("small", "large", "expected"),
    [
        ((HIGH, LOW), (LOW, HIGH), YES),
        ((LOW, HIGH), (HIGH, LOW), NO),
        ((HIGH, LOW), (HIGH, LOW), EVEN),
        ((HIGH, LOW), (WIDE, LOW), EVEN),
    ],
)
def test_few_images_are_said_to_call_for_width_and_many_for_depth(small, large, expected):
    evidence = {"gtsrb": wins(*small, "gtsrb"), "fashionmnist": wins(*large, "fashionmnist")}
    assert verdict(FewerImagesWider(), **evidence) == expected


def test_one_dataset_tells_nothing_of_small_and_large_ones_nor_do_users_folders():
    assert verdict(FewerImagesWider(), gtsrb=wins(HIGH, LOW, "gtsrb")) == UNKNOWN
    evidence = {"gtsrb": wins(HIGH, LOW, "gtsrb"), "folder:/x/photos": wins(LOW, HIGH, "folder:/x/photos")}
    assert judge(Claim("C0", "", "", (FewerImagesWider(),)), evidence).verdict == UNKNOWN


def test_the_datasets_of_small_and_large_are_one_family():
    near = [91.0, 91.6, 91.2], [90.0, 90.1, 90.2]  # p = .02 alone
    evidence = {"gtsrb": wins(*near, "gtsrb"), "fashionmnist": wins(*near[::-1], "fashionmnist")}
    assert verdict(FewerImagesWider(), **evidence) == YES
    assert verdict(FewerImagesWider(), **evidence, cifar10=wins(*near, "cifar10")) == EVEN


def test_an_f1_above_its_bound_contradicts_and_one_within_rounding_does_not():
    def with_f1(above):
        evidence = study({"resnet20": [90.0, 91.0]})
        last = evidence.runs[1]
        return replace(evidence, runs=(evidence.runs[0], replace(last, macro_f1_percent=f1_bound(last, 10) + above)))

    assert verdict(PossibleF1("cifar10"), cifar10=with_f1(-0.5)) == YES
    assert verdict(PossibleF1("cifar10"), cifar10=with_f1(0.009)) == YES
    said, numbers = found(PossibleF1("cifar10"), cifar10=with_f1(0.02))
    assert said == NO
    assert "at 91.00 %" in numbers


def test_what_was_measured_never_has_an_impossible_f1():
    assert verdict(PossibleF1("cifar10"), cifar10=measured({"resnet20": [0.0, 10.0, 55.0, 100.0]})) == YES


def test_of_each_dataset_the_largest_comparable_study_is_held_against_the_paper():
    small, large, other = measured({"resnet20": [90.0]}), measured({"resnet20": LOW}), measured({"resnet20": LOW * 2})
    other = replace(other, is_comparable=False)
    assert comparable_by_dataset([small, other, large]) == {"cifar10": large}
    assert comparable_by_dataset([other, study({})]) == {}
