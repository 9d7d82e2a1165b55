"""One judge for each kind of statement that the paper's claims are made of: evidence in, finding out."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.evidence import Evidence
from harness.analysis.f1_bound import FIGURE_TOLERANCE, f1_bound
from harness.analysis.stats import Interval, fit_exponential, fit_power_law, mean_interval
from harness.analysis.wording import comparison_p_text, difference_text
from harness.config.datasets import SPECS, title_of
from harness.config.families import parse_model
from harness.paper.claims import (
    FewerImagesWider,
    Greater,
    GrowsExponentially,
    MostAccurate,
    NearLiterature,
    PossibleF1,
    Statement,
    Times,
)
from harness.paper.published import LITERATURE, STUDY_MODELS
from harness.text import signed

Verdict = Literal["supported", "contradicted", "not distinguishable", "not measured"]
VERDICTS: tuple[Verdict, ...] = ("supported", "contradicted", "not distinguishable", "not measured")
RATIO_TOLERANCE = 0.05
"""A ratio supports a claimed ratio if it lies within 5 % of it."""
LAW_MARGIN = 0.01
"""A law of growth fits better than another if its R² is larger by this much."""
_QUANTITIES = {"marginal_gain": "marginal gain", "epoch_seconds": "epoch time", "params": "parameters"}
Outcome = tuple[Verdict, str] | None
"""A verdict and the numbers behind it, or None if a model was not measured."""


@dataclass(frozen=True)
class Finding:
    """The verdict on one statement of a claim.

    Attributes:
        statement: the statement in words.
        numbers: the numbers behind the verdict, in words.
    """

    statement: str
    verdict: Verdict
    numbers: str


def judge_statement(statement: Statement, evidence: Mapping[str, Evidence]) -> Finding:
    """Judge a statement on its own, that is, outside the family of a claim's comparisons."""
    words, judge = _JUDGES[type(statement)]
    return Finding(words(statement), *(judge(statement, evidence) or ("not measured", "")))


def judge_order(statement: Greater, comparison: Comparison | None) -> Finding:
    """Judge that one model is more accurate than another, from their comparison, already corrected."""
    claimed = f", by {statement.claimed}" if statement.claimed else ""
    model, other = statement.model, statement.other
    words = f"{title_of(statement.dataset)}: {model} more accurate than {other}{claimed}"
    if comparison is None:
        return Finding(words, "not measured", "")
    interval = comparison.interval
    numbers = (
        f"{difference_text(interval)} ({signed(comparison.relative_percent, 2)} % relative), {_tested(comparison)}"
    )
    if not comparison.is_significant:
        return Finding(words, "not distinguishable", numbers)
    return Finding(words, "supported" if comparison.is_better else "contradicted", numbers)


def _tested(comparison: Comparison) -> str:
    return comparison_p_text(comparison)


def _most_accurate(statement: MostAccurate, evidence: Mapping[str, Evidence]) -> Outcome:
    """Judge a model the most accurate if it is significantly above every other model of the study."""
    study = evidence.get(statement.dataset)
    if study is None:
        return None
    others = [model for model in STUDY_MODELS[statement.dataset] if model != statement.model]
    comparisons = Comparisons(study)
    family = [one for other in others if (one := comparisons.of(statement.model, other)) is not None]
    if len(family) < len(others):
        return None
    nearest = min(family, key=lambda one: one.estimate)
    numbers = f"{difference_text(nearest.interval)} over {nearest.other}, {_tested(nearest)}"
    if any(one.is_significant and not one.is_better for one in family):
        return "contradicted", numbers
    return ("supported" if all(one.is_better for one in family) else "not distinguishable"), numbers


def _ratio(statement: Times | Greater, evidence: Mapping[str, Evidence]) -> Interval | None:
    """Return the logarithm of the ratio between two models' quantities, paired by seed."""
    study = evidence.get(statement.dataset)
    if study is None:
        return None
    ours, theirs = (study.values(model, statement.quantity) for model in (statement.model, statement.other))
    seeds = sorted(seed for seed in ours.keys() & theirs.keys() if min(ours[seed], theirs[seed]) > 0)
    return mean_interval([math.log(ours[seed] / theirs[seed]) for seed in seeds]) if seeds else None


def _times(statement: Times, evidence: Mapping[str, Evidence]) -> Outcome:
    """Judge a ratio: supported within the tolerance of the claimed one and on its side of 1."""
    ratio = _ratio(statement, evidence)
    if ratio is None:
        return None
    least, most = (math.log(statement.ratio * (1 + sign * RATIO_TOLERANCE)) for sign in (-1, 1))
    least, most = (
        (max(least, 0.0), most) if statement.ratio > 1 else (least, min(most, 0.0))
    )  # a claim of more is not supported by less, nor the reverse
    low, high = (ratio.mean if end is None else end for end in (ratio.low, ratio.high))
    verdict: Verdict = "not distinguishable"
    if least <= low and high <= most:
        verdict = "supported"
    elif high < least or low > most:
        verdict = "contradicted"
    return verdict, _ratio_text(ratio)


def _ratio_text(ratio: Interval) -> str:
    """Return a ratio as ``3.12 times [3.05, 3.19], n = 3`` or, near 1, ``+5.1 %``."""
    values = [math.exp(value) for value in (ratio.mean, ratio.low, ratio.high) if value is not None]
    if 0.5 < values[0] < 2:
        texts, unit = [signed(100 * (value - 1), 1) for value in values], "%"
    else:
        texts, unit = [f"{value:.2f}" for value in values], "times"
    interval = f" [{texts[1]}, {texts[2]}], n = {ratio.n}" if len(texts) == 3 else ""
    return f"{texts[0]} {unit}{interval}"


def _greater(statement: Greater, evidence: Mapping[str, Evidence]) -> Outcome:
    """Judge that one model has more of a quantity than another; with one run each, by the figures alone."""
    ratio = _ratio(statement, evidence)
    if ratio is None:
        return None
    if ratio.mean == 0 or (ratio.low is not None and ratio.contains(0)):
        return "not distinguishable", _ratio_text(ratio)
    return ("supported" if ratio.mean > 0 else "contradicted"), _ratio_text(ratio)


def _grows_exponentially(statement: GrowsExponentially, evidence: Mapping[str, Evidence]) -> Outcome:
    """Judge growth along the width axis exponential if that law fits better than a power of ω."""
    study = evidence.get(statement.dataset)
    if study is None or study.axes is None:
        return None
    means = {
        parse_model(model).width: mean.mean
        for model in study.axes.along("width")
        if (mean := study.mean(model, statement.quantity)) is not None
    }
    if len(means) < 3 or min(means.values()) <= 0:
        return None
    x, y = list(means), list(means.values())
    power, exponential = fit_power_law(x, y), fit_exponential(x, y)
    numbers = f"as ω^{power.exponent:.2f} (R² {power.r_squared:.3f}; exponential: {exponential.r_squared:.3f})"
    lead = exponential.r_squared - power.r_squared
    if exponential.exponent > 0 and abs(lead) < LAW_MARGIN:
        return "not distinguishable", numbers
    return ("supported" if exponential.exponent > 0 and lead > 0 else "contradicted"), numbers


def _near_literature(statement: NearLiterature, evidence: Mapping[str, Evidence]) -> Outcome:
    """Judge that an accuracy is at most so many percentage points below that of He et al."""
    study = evidence.get(statement.dataset)
    mean = None if study is None else study.mean(statement.model, "accuracy_percent")
    if mean is None:
        return None
    theirs = LITERATURE[0].accuracy_percent[statement.model]
    numbers = f"{signed(mean.mean - theirs, 2)} pp from He et al.'s {theirs:.2f} %, n = {mean.n}"
    least = theirs - statement.within_points
    if mean.low is not None and mean.high is not None and mean.low < least <= mean.high:
        return "not distinguishable", numbers
    return ("supported" if mean.mean >= least else "contradicted"), numbers


def _fewer_images_wider(_: FewerImagesWider, evidence: Mapping[str, Evidence]) -> Outcome:
    """Judge that width wins on small datasets and depth on large ones, by significant differences only."""
    found = _largest_counterparts(evidence)
    if len(found) < 2:
        return None
    text = "; ".join(
        f"{title_of(dataset)} ({images:,} images) {one.model} over {one.other} {difference_text(one.interval)}"
        for images, dataset, one in found
    )
    wider = [images for images, _, one in found if one.is_better]
    deeper = [images for images, _, one in found if one.is_significant and not one.is_better]
    if not wider or not deeper:
        return "not distinguishable", text
    return ("supported" if min(deeper) > max(wider) else "contradicted"), text


def _largest_counterparts(evidence: Mapping[str, Evidence]) -> list[tuple[int, str, Comparison]]:
    """Return (images, dataset, comparison at the largest equal scale factor) by dataset of the study."""
    found = []
    for dataset, study in evidence.items():
        if dataset not in SPECS or study.axes is None or not study.axes.counterparts:
            continue
        comparison = Comparisons(study).of(*study.axes.counterparts[-1])
        if comparison is not None:
            found.append((SPECS[dataset].train_images + SPECS[dataset].test_images, dataset, comparison))
    return found


def _possible_f1(statement: PossibleF1, evidence: Mapping[str, Evidence]) -> Outcome:
    """Judge that no macro-F1 exceeds the bound set by its accuracy."""
    study = evidence.get(statement.dataset)
    if study is None or not study.runs:
        return None
    classes = SPECS[statement.dataset].num_classes
    room = [(f1_bound(run, classes) - run.macro_f1_percent, place) for place, run in enumerate(study.runs)]
    nearest = study.runs[min(room)[1]]
    numbers = (
        f"nearest to its bound: {nearest.model}, F1 {nearest.macro_f1_percent:.2f} % at "
        f"{nearest.accuracy_beside_f1_percent:.2f} % allows at most {f1_bound(nearest, classes):.2f} %"
    )
    is_possible = min(room)[0] >= -FIGURE_TOLERANCE
    return ("supported" if is_possible else "contradicted"), numbers


_JUDGES: dict[type[Any], tuple[Callable[[Any], str], Callable[[Any, Mapping[str, Evidence]], Outcome]]] = {
    Greater: (
        lambda one: f"{title_of(one.dataset)}: {one.model} has more {_QUANTITIES[one.quantity]} than {one.other}",
        _greater,
    ),
    MostAccurate: (
        lambda one: f"{title_of(one.dataset)}: {one.model} the most accurate of all",
        _most_accurate,
    ),
    Times: (
        lambda one: (
            f"{title_of(one.dataset)}: {_QUANTITIES[one.quantity]} of {one.model} against {one.other}: {one.claimed}"
        ),
        _times,
    ),
    GrowsExponentially: (
        lambda one: f"{title_of(one.dataset)}: {_QUANTITIES[one.quantity]} exponential in ω",
        _grows_exponentially,
    ),
    NearLiterature: (
        lambda one: f"{title_of(one.dataset)}: {one.model} within {one.within_points:g} pp of He et al.",
        _near_literature,
    ),
    FewerImagesWider: (
        lambda _: "width wins on the datasets of few images, depth on those of many",
        _fewer_images_wider,
    ),
    PossibleF1: (lambda one: f"{title_of(one.dataset)}: every F1 is one that its accuracy allows", _possible_f1),
}
