"""One judge for each kind of statement that the paper's claims are made of: studies in, finding out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.analysis.claim_findings import ClaimStudy, Finding, Verdict
from harness.analysis.claim_ratios import judge_greater_ratio, judge_growth, judge_ratio
from harness.analysis.comparison import Comparison, image_note
from harness.analysis.f1_bound import FIGURE_TOLERANCE, f1_bound
from harness.analysis.multiplicity import holm
from harness.analysis.stats import Interval, mean_interval
from harness.analysis.training_sizes import SizeTrend, size_trend
from harness.analysis.wording import comparison_p_text, difference_text, ends_text, image_note_text, trend_text
from harness.config.datasets import SPECS, title_of
from harness.config.families import parse_model
from harness.config.recipes import PUBLISHED_RECIPES
from harness.paper.claims import (
    Amount,
    FewerImagesWider,
    Greater,
    GrowsExponentially,
    MostAccurate,
    NearLiterature,
    PossibleF1,
    Statement,
    Times,
)
from harness.paper.literature import LITERATURE
from harness.paper.published import STUDY_MODELS
from harness.text import signed

Studies = Mapping[str, ClaimStudy]
"""The study of each dataset."""


def judge_statement(statement: Statement, studies: Studies) -> Finding:
    """Judge a statement of a claim."""
    if isinstance(statement, FewerImagesWider):
        return _fewer_images_wider(statement, studies)
    study = studies.get(statement.dataset)
    finding = None if study is None else _JUDGES[type(statement)](statement, study)
    return finding or Finding(statement, "not measured")


def _greater(statement: Greater, study: ClaimStudy) -> Finding | None:
    if statement.quantity == "accuracy_percent":
        return _more_accurate(statement, study)
    return judge_greater_ratio(statement, study)


def _more_accurate(statement: Greater, study: ClaimStudy) -> Finding:
    """Judge that one model is more accurate than another, and by the claimed size."""
    comparison = study.comparisons.of(statement.model, statement.other)
    if comparison is None:
        return Finding(statement, "not measured", note=study.reason_missing(statement.model, statement.other))
    measured = _in_unit(comparison, statement.claimed, study)
    parts = [difference_text(comparison.interval)]
    if statement.claimed is not None:
        if statement.claimed.unit == "% relative":
            parts.append(_relative_text(measured))
        parts.append(f"claimed {statement.claimed.text}")
    if comparison.p_value is None:
        return _without_test(statement, comparison, study, ", ".join(parts))
    numbers = ", ".join([*parts, comparison_p_text(comparison)])
    size = None if statement.claimed is None else _size(statement.claimed, measured)
    return Finding(statement, _direction(comparison), numbers, size=size)


def _direction(comparison: Comparison) -> Verdict:
    if not comparison.is_significant:
        return "no significant difference"
    return "supported" if comparison.is_better else "contradicted"


def _without_test(
    statement: Greater | MostAccurate, comparison: Comparison, study: ClaimStudy, numbers: str
) -> Finding:
    """Return the finding on a pair without a test: with one run each, a test over images is a note."""
    if comparison.interval.n > 1:
        return Finding(statement, "no significant difference", numbers)
    note = image_note(study.evidence, comparison.model, comparison.other)
    return Finding(statement, "one run", numbers, "" if note is None else image_note_text(note))


def _in_unit(comparison: Comparison, claimed: Amount | None, study: ClaimStudy) -> Interval:
    """Return a difference in the unit of the claimed size."""
    others = study.comparisons.mean(comparison.other)
    is_relative = claimed is not None and claimed.unit == "% relative" and others
    return comparison.interval.scaled(100 / others) if is_relative else comparison.interval


def _size(claimed: Amount, measured: Interval) -> Verdict:
    """Judge a claimed size: supported if a number that is printed like it lies inside the interval."""
    half_a_digit = 0.5 * 10**-claimed.decimals
    nearest = min(max(measured.mean, claimed.value - half_a_digit), claimed.value + half_a_digit)
    return "supported" if measured.contains(nearest) else "contradicted"


def _relative_text(interval: Interval) -> str:
    """Return a difference in percent of the other model's accuracy, as ``+2.47 % [+1.8, +3.1] relative``."""
    parts = (f"{signed(interval.mean, 2)} %", ends_text(interval, 2, is_signed=True), "relative")
    return " ".join(filter(None, parts))


def _most_accurate(statement: MostAccurate, study: ClaimStudy) -> Finding:
    """Judge a model the most accurate by an intersection-union test.

    It is supported if the model is significantly above every other model of the paper, by each pair's own p-value.
    """
    others = [model for model in STUDY_MODELS[statement.dataset] if model != statement.model]
    pairs = {other: study.comparisons.of(statement.model, other) for other in others}
    found = [one for one in pairs.values() if one is not None]
    if len(found) < len(others):
        reasons = [study.reason_missing(statement.model, other) for other, one in pairs.items() if one is None]
        return Finding(statement, "not measured", note=reasons[0] if all(reasons) else "")
    above = [one for one in found if one.is_significant and not one.is_better]
    decides = min(above, key=lambda one: one.estimate) if above else _weakest(found)
    numbers = f"{difference_text(decides.interval)} over {decides.other}"
    if decides.p_value is None:
        return _without_test(statement, decides, study, numbers)
    numbers += f", {comparison_p_text(decides)}"
    if above:
        return Finding(statement, "contradicted", numbers)
    is_above_all = all(one.is_better for one in found)
    return Finding(statement, "supported" if is_above_all else "no significant difference", numbers)


def _weakest(found: Sequence[Comparison]) -> Comparison:
    """Return the comparison with the largest p-value, which is that of the whole statement."""
    return max(found, key=lambda one: (one.p_value or 0.0, -one.estimate))


def _near_literature(statement: NearLiterature, study: ClaimStudy) -> Finding | None:
    """Judge that an accuracy is at most so many percentage points below that of He et al."""
    accuracies = study.evidence.values(statement.model, "accuracy_percent")
    if not accuracies:
        return None
    mean = mean_interval(list(accuracies.values()), 1 - study.comparisons.alpha)
    theirs = LITERATURE[0].accuracy_percent[statement.model]
    if statement.against == "mean":
        theirs = LITERATURE[0].repeated[statement.model].mean_percent
    low, high = (None if end is None else end - theirs for end in (mean.low, mean.high))
    difference = Interval(mean.mean - theirs, low, high, mean.n, mean.confidence)
    numbers = difference_text(difference)
    if mean.n == 1:
        return Finding(statement, "one run", numbers)
    if low is None or high is None or low < -statement.within_points <= high:
        return Finding(statement, "no significant difference", numbers)
    return Finding(statement, "supported" if low >= -statement.within_points else "contradicted", numbers)


def _fewer_images_wider(statement: FewerImagesWider, studies: Studies) -> Finding:
    """Judge that wider minus deeper falls as the training set grows, on shares of one dataset's images.

    Datasets of different sizes never test it, for they differ in more than their size.
    """
    trends = {
        dataset: trend
        for dataset, study in studies.items()
        if study.shares
        and (trend := size_trend({**study.shares, 1.0: study.comparisons}))
        and _are_of_paper(dataset, trend.wide, trend.deep)
    }
    return _trends_finding(statement, trends) if trends else _between_datasets(statement, studies)


def _are_of_paper(dataset: str, *models: str) -> bool:
    """Return whether the paper has these models on a dataset."""
    return set(models) <= set(STUDY_MODELS.get(dataset, ()))


def _trends_finding(statement: FewerImagesWider, trends: Mapping[str, SizeTrend]) -> Finding:
    """Return the finding on the trends of datasets, which are one family (Holm)."""
    numbers = "; ".join(f"{title_of(dataset)}: {trend_text(one)}" for dataset, one in trends.items())
    p_values = holm([one.p_value for one in trends.values()])
    if all(one is None for one in p_values):
        return Finding(statement, "one run", numbers)
    pairs = zip(trends.values(), p_values, strict=True)
    alpha = min(one.alpha for one in trends.values())
    falls = {one.slope.mean < 0 for one, p_value in pairs if p_value is not None and p_value < alpha}
    if len(falls) != 1:
        return Finding(statement, "no significant difference", numbers)
    return Finding(statement, "supported" if falls.pop() else "contradicted", numbers)


def _between_datasets(statement: FewerImagesWider, studies: Studies) -> Finding:
    """Return the numbers of datasets of different sizes, which test nothing."""
    found = {
        dataset: pairs[-1]
        for dataset, study in studies.items()
        if (pairs := study.comparisons.counterparts) and _are_of_paper(dataset, pairs[-1].model, pairs[-1].other)
    }
    if len(found) < 2:
        return Finding(statement, "not measured")
    numbers = "; ".join(
        f"{title_of(dataset)} ({SPECS[dataset].train_images + SPECS[dataset].test_images:,} images) {one.model} over "
        f"{one.other} {difference_text(one.interval)}"
        for dataset, one in found.items()
    )
    aspects = ", ".join(_differing_aspects(list(found)))
    return Finding(statement, "not tested", numbers, f"the datasets differ in more than their size: {aspects}")


def _differing_aspects(datasets: list[str]) -> list[str]:
    """Return what differs between the studies of datasets beside the number of images."""
    recipes = [PUBLISHED_RECIPES[dataset] for dataset in datasets]
    aspects: dict[str, list[object]] = {
        "block type": [parse_model(STUDY_MODELS[dataset][0]).family for dataset in datasets],
        "resolution": [recipe.image_size for recipe in recipes],
        "epochs": [recipe.epochs for recipe in recipes],
        "batch size": [recipe.batch_size for recipe in recipes],
        "augmentation": [recipe.augmentation for recipe in recipes],
    }
    return [aspect for aspect, values in aspects.items() if len(set(values)) > 1]


def _possible_f1(statement: PossibleF1, study: ClaimStudy) -> Finding | None:
    """Check that no macro-F1 exceeds the bound set by its accuracy."""
    runs = study.evidence.runs
    if not runs:
        return None
    classes = SPECS[statement.dataset].num_classes
    room = [(f1_bound(run, classes) - run.macro_f1_percent, place) for place, run in enumerate(runs)]
    least, place = min(room)
    nearest = runs[place]
    word = "possible" if least >= -FIGURE_TOLERANCE else "impossible"
    numbers = (
        f"{word}: {nearest.model} is nearest to its bound, F1 {nearest.macro_f1_percent:.2f} % at "
        f"{nearest.accuracy_beside_f1_percent:.2f} % allows at most {f1_bound(nearest, classes):.2f} %"
    )
    return Finding(statement, "arithmetic", numbers)


_JUDGES: dict[type[Any], Callable[[Any, ClaimStudy], Finding | None]] = {
    Greater: _greater,
    MostAccurate: _most_accurate,
    Times: judge_ratio,
    GrowsExponentially: judge_growth,
    NearLiterature: _near_literature,
    PossibleF1: _possible_f1,
}
