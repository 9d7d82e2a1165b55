from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.claim_findings import VERDICTS, ClaimStudy, Finding
from harness.analysis.claim_judges import judge_statement
from harness.analysis.comparison import Comparisons, image_note
from harness.analysis.f1_bound import f1_bound
from harness.analysis.wording import comparison_p_text, image_note_text
from harness.paper.claims import (
    CLAIMS,
    Amount,
    FewerImagesWider,
    Greater,
    MostAccurate,
    NearLiterature,
    PossibleF1,
)
from harness.paper.published import STUDY_MODELS
from harness.results.result import LearningCurve
from tests.analysis.judging import (
    ARITHMETIC,
    EVEN,
    HIGH,
    LOW,
    NO,
    ONE_RUN,
    UNKNOWN,
    UNTESTED,
    WIDE,
    YES,
    finding,
    found,
    verdict,
)
from tests.analysis.synthetic_evidence import measured, study

WIDER = Greater("cifar10", "resnet20-2", "resnet56")


def random_study(seed, dataset="cifar10", seeds=4, spread=0.3):
    """A study of all the paper's models whose true accuracies lie a few tenths of a point apart."""
    generator = np.random.default_rng(seed)
    means = 91 + generator.normal(0, 0.5, len(STUDY_MODELS[dataset]))
    values = {
        model: list(mean + generator.normal(0, spread, seeds))
        for model, mean in zip(STUDY_MODELS[dataset], means, strict=True)
    }
    return study(values, dataset)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [(HIGH, LOW, YES), (LOW, HIGH, NO), (WIDE, LOW, EVEN), (LOW, LOW, EVEN), ([100.0] * 3, [0.0] * 3, EVEN)],
)
def test_more_accurate_is_judged_over_seeds(ours, theirs, expected):
    assert verdict(WIDER, cifar10=study({"resnet20-2": ours, "resnet56": theirs})) == expected


@pytest.mark.parametrize("seed", range(6))
def test_claims_have_the_p_of_the_counterparts(seed):
    evidence = {dataset: random_study(seed, dataset) for dataset in ("cifar10", "fashionmnist", "gtsrb")}
    pairs = {
        (dataset, one.model, one.other): one
        for dataset, of_dataset in evidence.items()
        for one in Comparisons(of_dataset).counterparts
    }
    checked = 0
    for statement in (one for claim in CLAIMS for one in claim.statements):
        if not isinstance(statement, Greater) or statement.quantity != "accuracy_percent":
            continue
        ahead = pairs.get((statement.dataset, statement.model, statement.other))
        behind = pairs.get((statement.dataset, statement.other, statement.model))
        pair = ahead or behind
        if pair is None:
            continue
        checked += 1
        judged = finding(statement, **evidence)
        is_ahead = pair.estimate > 0 if ahead else pair.estimate < 0
        assert judged.numbers.endswith(comparison_p_text(pair))
        assert "Holm over 2 pairs" in judged.numbers
        assert judged.verdict == ((YES if is_ahead else NO) if pair.is_significant else EVEN)
    assert checked == 7


def test_other_pairs_have_the_p_of_the_exploratory_family():
    evidence = random_study(0)
    pair = Comparisons(evidence).of("resnet20-8", "resnet110")
    judged = finding(Greater("cifar10", "resnet20-8", "resnet110"), cifar10=evidence)
    assert judged.numbers.endswith(comparison_p_text(pair))
    assert "exploratory, Holm over 13 pairs" in judged.numbers


def test_one_run_each_has_no_verdict_but_a_test_over_images():
    evidence = study({"resnet20-2": [94.0], "resnet56": [90.0]})
    judged = finding(replace(WIDER, claimed=Amount(3.64, "pp")), cifar10=evidence)
    assert (judged.verdict, judged.size, judged.numbers) == (ONE_RUN, None, "+4.00 pp, claimed 3.64 pp")
    assert judged.note == image_note_text(image_note(evidence, "resnet20-2", "resnet56"))
    assert judged.note.startswith("two proportions of 10,000 images: p < .001")
    correct = {("resnet20-2", 0): np.arange(100) < 94, ("resnet56", 0): np.arange(100) < 90}
    predicted = study({"resnet20-2": [94.0], "resnet56": [90.0]}, test_images=100, correct=correct)
    assert finding(WIDER, cifar10=predicted).note.startswith("McNemar on 100 images: p = .125")


def test_statement_on_a_missing_model_is_not_measured():
    assert verdict(WIDER, cifar10=study({"resnet20-2": HIGH})) == UNKNOWN
    assert verdict(WIDER, cifar10=study({"resnet20-2": [], "resnet56": LOW})) == UNKNOWN


def test_one_run_beside_models_of_several_runs_has_no_verdict():
    evidence = study({"resnet20": LOW, "resnet20-2": [94.0], "resnet56": [90.0]})
    assert found(WIDER, cifar10=evidence) == (ONE_RUN, "+4.00 pp")
    apart = study({"resnet20-2": {0: 92.0}, "resnet56": {2: 90.0}})
    assert finding(WIDER, cifar10=apart) == Finding(WIDER, ONE_RUN, "+2.00 pp")


def test_statement_on_a_model_not_trained_out_says_so():
    evidence = study({"resnet20": LOW, "resnet20-2": HIGH, "resnet56": LOW})
    rising = LearningCurve(tuple(map(float, range(100))), final_train_loss=0.1)
    runs = [replace(run, read_curve=lambda: rising) if run.model == "resnet56" else run for run in evidence.runs]
    judged = finding(WIDER, cifar10=replace(evidence, runs=tuple(runs)))
    assert (judged.verdict, judged.numbers) == (UNKNOWN, "")
    assert judged.note == "resnet56: its accuracy still rises by 1.00 pp an epoch"


def test_claimed_size_far_outside_the_interval_is_contradicted():
    evidence = study({"resnet20-2": [90.74, 90.85, 90.93], "resnet56": [90.0, 90.1, 90.2]})
    judged = finding(replace(WIDER, claimed=Amount(3.64, "pp")), cifar10=evidence)
    assert judged.verdicts == ("direction supported", "size contradicted")
    assert judged.numbers.startswith("+0.74 pp [")
    assert ", n = 3, claimed 3.64 pp, p " in judged.numbers
    assert judged.text == "CIFAR-10: resnet20-2 more accurate than resnet56, by 3.64 pp"


@pytest.mark.parametrize("unit", ["pp", "% relative"])
@pytest.mark.parametrize("seed", range(5))
def test_size_is_supported_inside_the_interval_as_printed(unit, seed):
    evidence = random_study(seed)
    comparisons = Comparisons(evidence)
    interval = comparisons.of("resnet20-2", "resnet56").interval
    factor = 1.0 if unit == "pp" else 100 / comparisons.fit.mean("resnet56")
    low, high = round(interval.low * factor, 2), round(interval.high * factor, 2)

    def size(value):
        return finding(replace(WIDER, claimed=Amount(value, unit)), cifar10=evidence).size

    assert [size(value) for value in (low, interval.mean * factor, high)] == [YES] * 3
    assert [size(value) for value in (low - 0.011, high + 0.011, -100.0)] == [NO] * 3


def test_size_may_be_supported_without_a_significant_difference():
    evidence = study({"resnet20-2": WIDE, "resnet56": LOW})
    judged = finding(replace(WIDER, claimed=Amount(0.5, "pp")), cifar10=evidence)
    assert judged.verdicts == (EVEN, "size supported")


def test_relative_size_is_printed_with_its_interval():
    statement = replace(WIDER, claimed=Amount(2.2, "% relative"))
    numbers = finding(statement, cifar10=study({"resnet20-2": HIGH, "resnet56": LOW})).numbers
    assert numbers.startswith("+2.00 pp [")
    assert ", +2.22 % [+1.94, +2.50] relative, claimed 2.20 % relative, p < .001" in numbers


def best(**others):
    accuracies = {model: [89.0, 89.2, 89.1] for model in STUDY_MODELS["gtsrb"]} | {"resnet101": [93.0, 93.11, 93.3]}
    return study(accuracies | others, "gtsrb")


@pytest.mark.parametrize(
    ("evidence", "expected", "decides"),
    [
        (best(), YES, "over resnet"),
        (best(resnet50=[93.0, 92.9, 93.0]), EVEN, "over resnet50"),
        (best(resnet50=[96.0, 96.25, 96.2]), NO, "−3.01 pp"),
        (best(resnet50=[]), UNKNOWN, ""),
        (
            study({model: [90.0] for model in STUDY_MODELS["gtsrb"]} | {"resnet101": [95.0]}, "gtsrb"),
            ONE_RUN,
            "+5.00 pp",
        ),
    ],
)
def test_most_accurate_is_significantly_above_every_other_model(evidence, expected, decides):
    judged, numbers = found(MostAccurate("gtsrb", "resnet101"), gtsrb=evidence)
    assert judged == expected
    assert decides in numbers


@pytest.mark.parametrize("seed", range(8))
def test_most_accurate_is_an_intersection_union_test(seed):
    evidence = random_study(seed, spread=0.1)
    comparisons, models = Comparisons(evidence), STUDY_MODELS["cifar10"]
    for model in models:
        pairs = [comparisons.of(model, other) for other in models if other != model]
        judged, numbers = found(MostAccurate("cifar10", model), cifar10=evidence)
        assert (judged == YES) == all(one.is_better for one in pairs)
        assert (judged == NO) == any(one.is_significant and one.estimate < 0 for one in pairs)
        if judged != NO:
            assert comparison_p_text(max(pairs, key=lambda one: (one.p_value, -one.estimate))) in numbers


def test_only_models_of_the_paper_must_be_less_accurate():
    evidence = random_study(0)
    better = study({"resnet218": [99.0, 99.1, 99.3, 99.2]})
    both = replace(evidence, runs=evidence.runs + better.runs)
    assert "resnet218" not in found(MostAccurate("cifar10", "resnet20-8"), cifar10=both)[1]


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([91.0, 91.1], YES), ([95.0, 95.1], YES), ([80.0, 80.1], NO), ([88.0, 90.0, 89.5], EVEN),
        ([91.0], ONE_RUN), ([80.0], ONE_RUN), ([89.0, 89.0], EVEN), ([], UNKNOWN),
    ],
)  # fmt: skip
def test_near_literature_means_not_too_far_below(accuracies, expected):
    assert verdict(NearLiterature("resnet20", 2.0), cifar10=study({"resnet20": accuracies})) == expected


def test_literature_is_compared_with_its_best_run_and_its_mean():
    evidence = study({"resnet110": [91.46, 91.50, 91.54]})  # 2.07 below the best of five runs, 1.89 below their mean
    best_run, mean = (NearLiterature("resnet110", 2.0, against) for against in ("best", "mean"))
    assert found(best_run, cifar10=evidence) == (EVEN, "−2.07 pp [−2.17, −1.97], n = 3")
    assert found(mean, cifar10=evidence) == (YES, "−1.89 pp [−1.99, −1.79], n = 3")
    assert finding(best_run).text == "CIFAR-10: resnet110 at most 2 pp below He et al.'s best of 5 runs (93.57 %)"
    assert finding(mean).text == "CIFAR-10: resnet110 at most 2 pp below He et al.'s mean of 5 runs (93.39 ± 0.16 %)"
    assert finding(NearLiterature("resnet20", 2.0)).text.endswith("resnet20 at most 2 pp below He et al.'s 91.25 %")


def wins(width, depth, dataset="cifar10"):
    if dataset == "gtsrb":
        return study({"resnet24": LOW, "resnet50": depth, "resnet24-2": width}, "gtsrb")
    return study({"resnet20": LOW, "resnet56": depth, "resnet20-2": width}, dataset)


@pytest.mark.parametrize(("small", "large"), [((HIGH, LOW), (LOW, HIGH)), ((LOW, HIGH), (HIGH, LOW))])
def test_size_of_datasets_is_never_tested_by_the_papers(small, large):
    evidence = {"gtsrb": wins(*small, "gtsrb"), "fashionmnist": wins(*large, "fashionmnist")}
    judged = finding(FewerImagesWider(), **evidence)
    assert judged.verdict == UNTESTED
    assert judged.note == (
        "the datasets differ in more than their size: block type, resolution, epochs, batch size, augmentation"
    )
    assert judged.numbers.startswith("GTSRB (51,839 images) resnet24-2 over resnet50 ")
    evidence = {"cifar10": wins(*small), "fashionmnist": wins(*large, "fashionmnist")}
    assert finding(FewerImagesWider(), **evidence).note.endswith("size: resolution, epochs, augmentation")


def by_share(leads, models=("resnet110", "resnet20-4"), seeds=3, alpha=0.05):
    """A study of CIFAR-10 with smaller shares of its images; ``leads`` of the wide model by share."""
    deep, wide = models
    noise = np.random.default_rng(4).normal(0, 0.05, (len(leads), seeds))
    found = {
        share: Comparisons(
            study({"resnet20": [85.0] * seeds, deep: [90.0] * seeds, wide: list(90.0 + lead + noise[place])},
                  train_images=round(50_000 * share)), alpha,
        )
        for place, (share, lead) in enumerate(leads.items())
    }  # fmt: skip
    whole = found.pop(1.0)
    return {"cifar10": ClaimStudy(whole.evidence, whole, found)}


def test_shares_test_the_claim_on_sizes_with_the_papers_models():
    falling, rising = {0.1: 3.0, 0.5: 1.5, 1.0: 0.0}, {0.1: 0.0, 0.5: 1.5, 1.0: 3.0}
    assert judge_statement(FewerImagesWider(), by_share(falling)).verdict == YES
    assert judge_statement(FewerImagesWider(), by_share(rising)).verdict == NO
    assert judge_statement(FewerImagesWider(), by_share(falling, alpha=1e-12)).verdict == EVEN
    for models in (("resnet116", "resnet20-4"), ("resnet110", "resnet20-5")):
        assert judge_statement(FewerImagesWider(), by_share(falling, models)).verdict == UNKNOWN


def test_dataset_size_claim_needs_two_datasets_of_the_study():
    assert verdict(FewerImagesWider(), gtsrb=wins(HIGH, LOW, "gtsrb")) == UNKNOWN
    evidence = {"gtsrb": wins(HIGH, LOW, "gtsrb"), "folder:/x/photos": wins(LOW, HIGH, "folder:/x/photos")}
    assert verdict(FewerImagesWider(), **evidence) == UNKNOWN


def test_f1_is_checked_for_arithmetic_except_for_rounding():
    def with_f1(above):
        evidence = study({"resnet20": [90.0, 91.0]})
        last = evidence.runs[1]
        return replace(evidence, runs=(evidence.runs[0], replace(last, macro_f1_percent=f1_bound(last, 10) + above)))

    for above, word in ((-0.5, "possible: "), (0.009, "possible: "), (0.02, "impossible: ")):
        judged, numbers = found(PossibleF1("cifar10"), cifar10=with_f1(above))
        assert judged == ARITHMETIC
        assert numbers.startswith(word)
        assert "at 91.00 %" in numbers


def test_measured_f1_is_never_impossible():
    accuracies = [0.0, 10.0, 55.0, 100.0]
    numbers = found(PossibleF1("cifar10"), cifar10=measured({"resnet20": accuracies}))[1]
    assert numbers.startswith("possible: ")


def test_verdicts_are_those_of_the_key():
    assert (YES, NO, EVEN, ONE_RUN, UNTESTED, ARITHMETIC, UNKNOWN) == VERDICTS
