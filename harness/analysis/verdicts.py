"""The paper's claims judged on evidence: on what was measured, and on the paper's own numbers all the same."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.analysis.comparison import Comparison, compare, corrected
from harness.analysis.evidence import Evidence, Run
from harness.analysis.f1_bound import most_macro_f1_percent
from harness.analysis.stats import Interval, fit_exponential, fit_growth, mean_interval
from harness.analysis.wording import points, short, tested, title_of
from harness.config.datasets import SPECS
from harness.config.families import parse_model
from harness.paper.claims import (
    CLAIMS,
    Claim,
    FewerImagesWider,
    Greater,
    GrowsExponentially,
    MostAccurate,
    NearLiterature,
    PossibleF1,
    Statement,
    Times,
)
from harness.paper.published import LITERATURE, STUDY
from harness.text import signed

Verdict = Literal["supported", "contradicted", "not distinguishable", "not measured"]
VERDICTS: tuple[Verdict, ...] = ("supported", "contradicted", "not distinguishable", "not measured")
RATIO_TOLERANCE = 0.05
"""A ratio bears out a claimed one if it lies within 5 % of it."""
LAW_MARGIN = 0.01
"""One law of growth is told from another by so much more of the variance that it explains."""
_QUANTITIES = {"marginal_gain": "marginal gain", "epoch_seconds": "epoch time", "params": "parameters"}
FIGURE_TOLERANCE = 0.01  # accuracy and F1 are each published to half of that


@dataclass(frozen=True)
class Finding:
    """What evidence says of one statement of a claim.

    Attributes:
        statement: in words.
        numbers: behind the verdict, in words.
    """

    statement: str
    verdict: Verdict
    numbers: str


@dataclass(frozen=True)
class Judgement:
    """What evidence says of a claim, statement by statement."""

    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """The verdict that all measured statements share; where they differ, how many have which."""
        measured = [finding.verdict for finding in self.findings if finding.verdict != "not measured"]
        if len(set(measured)) <= 1:
            return measured[0] if measured else "not measured"
        return ", ".join(f"{measured.count(one)} {one}" for one in VERDICTS if one in measured)


def judge_claims(evidence: Mapping[str, Evidence]) -> list[Judgement]:
    """Every claim judged on evidence by dataset, which has to be comparable with the paper."""
    return [judge(claim, evidence) for claim in CLAIMS]


def judge(claim: Claim, evidence: Mapping[str, Evidence]) -> Judgement:
    """A claim judged on evidence by dataset.

    Claims were stated beforehand: p-values are corrected over the comparisons of one claim, not over the study's.
    """
    orders = [one for one in claim.statements if isinstance(one, Greater) and one.quantity == "accuracy_percent"]
    compared = [(one, _comparison(one, evidence)) for one in orders]
    family = corrected([comparison for _, comparison in compared if comparison is not None])
    known = dict(zip([one for one, comparison in compared if comparison is not None], family, strict=True))
    findings = [
        _order(one, known.get(one)) if one in orders else _judge_alone(one, evidence) for one in claim.statements
    ]
    return Judgement(claim, tuple(findings))


def _comparison(statement: Greater, evidence: Mapping[str, Evidence]) -> Comparison | None:
    of_dataset = evidence.get(statement.dataset)
    return None if of_dataset is None else compare(of_dataset, statement.model, statement.other)


def _judge_alone(statement: Statement, evidence: Mapping[str, Evidence]) -> Finding:
    """A statement that is no part of a family of comparisons."""
    words, find = _JUDGES[type(statement)]
    found = find(statement, evidence)
    return Finding(words(statement), *(found or ("not measured", "")))


Found = tuple[Verdict, str] | None


def _order(statement: Greater, comparison: Comparison | None) -> Finding:
    """Whether one model is more accurate than another."""
    claimed = f", by {statement.claimed}" if statement.claimed else ""
    words = (
        f"{title_of(statement.dataset)}: {short(statement.model)} more accurate than {short(statement.other)}{claimed}"
    )
    if comparison is None:
        return Finding(words, "not measured", "")
    interval = comparison.difference.interval
    numbers = f"{points(interval)} ({signed(comparison.relative_percent, 2)} % relative), {_tested(comparison)}"
    if not comparison.is_distinguishable:
        return Finding(words, "not distinguishable", numbers)
    return Finding(words, "supported" if comparison.is_better else "contradicted", numbers)


def _tested(comparison: Comparison) -> str:
    return tested(comparison.difference, comparison.p_holm)


def _most_accurate(statement: MostAccurate, evidence: Mapping[str, Evidence]) -> Found:
    """Supported where it is above every other model of the study beyond chance, contradicted where one is above it."""
    of_dataset = evidence.get(statement.dataset)
    if of_dataset is None:
        return None
    others = [model for model in STUDY[statement.dataset] if model != statement.model]
    found = [compare(of_dataset, statement.model, other) for other in others]
    family = corrected([one for one in found if one is not None])
    if len(family) < len(others):
        return None
    nearest = min(family, key=lambda one: one.difference.estimate)
    numbers = f"{points(nearest.difference.interval)} over {short(nearest.other)}, {_tested(nearest)}"
    if any(one.is_distinguishable and not one.is_better for one in family):
        return "contradicted", numbers
    return ("supported" if all(one.is_better for one in family) else "not distinguishable"), numbers


def _ratio(statement: Times | Greater, evidence: Mapping[str, Evidence]) -> Interval | None:
    """The logarithm of the ratio between two models' quantities, paired by seed."""
    of_dataset = evidence.get(statement.dataset)
    if of_dataset is None:
        return None
    ours, theirs = (of_dataset.values(model, statement.quantity) for model in (statement.model, statement.other))
    seeds = sorted(seed for seed in ours.keys() & theirs.keys() if min(ours[seed], theirs[seed]) > 0)
    return mean_interval([math.log(ours[seed] / theirs[seed]) for seed in seeds]) if seeds else None


def _times(statement: Times, evidence: Mapping[str, Evidence]) -> Found:
    """Supported within the tolerance of the claimed ratio and on its side of 1, contradicted outside."""
    ratio = _ratio(statement, evidence)
    if ratio is None:
        return None
    least, most = (math.log(statement.ratio * (1 + sign * RATIO_TOLERANCE)) for sign in (-1, 1))
    least, most = (max(least, 0.0), most) if statement.ratio > 1 else (least, min(most, 0.0))  # more is not less
    low, high = (ratio.mean if end is None else end for end in (ratio.low, ratio.high))
    verdict: Verdict = "not distinguishable"
    if least <= low and high <= most:
        verdict = "supported"
    elif high < least or low > most:
        verdict = "contradicted"
    return verdict, _ratio_text(ratio)


def _ratio_text(ratio: Interval) -> str:
    """As ``3.12 times [3.05, 3.19], n = 3`` or, near 1, ``+5.1 %``."""
    values = [math.exp(value) for value in (ratio.mean, ratio.low, ratio.high) if value is not None]
    if 0.5 < values[0] < 2:
        texts, unit = [signed(100 * (value - 1), 1) for value in values], "%"
    else:
        texts, unit = [f"{value:.2f}" for value in values], "times"
    interval = f" [{texts[1]}, {texts[2]}], n = {ratio.n}" if len(texts) == 3 else ""
    return f"{texts[0]} {unit}{interval}"


def _greater(statement: Greater, evidence: Mapping[str, Evidence]) -> Found:
    """Whether one model has more of something that is no accuracy; of one run each, the figures alone tell."""
    ratio = _ratio(statement, evidence)
    if ratio is None:
        return None
    if ratio.mean == 0 or (ratio.low is not None and ratio.contains(0)):
        return "not distinguishable", _ratio_text(ratio)
    return ("supported" if ratio.mean > 0 else "contradicted"), _ratio_text(ratio)


def _grows_exponentially(statement: GrowsExponentially, evidence: Mapping[str, Evidence]) -> Found:
    """Which of the two laws fits the width axis better, on the logarithms: exponential, or a power of ω."""
    of_dataset = evidence.get(statement.dataset)
    if of_dataset is None or of_dataset.axes is None:
        return None
    means = {
        parse_model(model).width: mean.mean
        for model in of_dataset.axes.along("width")
        if (mean := of_dataset.mean(model, statement.quantity)) is not None
    }
    if len(means) < 3 or min(means.values()) <= 0:
        return None
    x, y = list(means), list(means.values())
    power, exponential = fit_growth(x, y), fit_exponential(x, y)
    numbers = f"as ω^{power.exponent:.2f} (R² {power.r_squared:.3f}; exponential: {exponential.r_squared:.3f})"
    lead = exponential.r_squared - power.r_squared
    if exponential.exponent > 0 and abs(lead) < LAW_MARGIN:
        return "not distinguishable", numbers
    return ("supported" if exponential.exponent > 0 and lead > 0 else "contradicted"), numbers


def _near_literature(statement: NearLiterature, evidence: Mapping[str, Evidence]) -> Found:
    """Whether an accuracy is less than so many points below He et al.'s."""
    of_dataset = evidence.get(statement.dataset)
    mean = None if of_dataset is None else of_dataset.mean(statement.model, "accuracy_percent")
    if mean is None:
        return None
    theirs = LITERATURE[0].accuracy_percent[statement.model]
    numbers = f"{signed(mean.mean - theirs, 2)} pp from He et al.'s {theirs:.2f} %, n = {mean.n}"
    least = theirs - statement.within_points
    if mean.low is not None and mean.high is not None and mean.low < least <= mean.high:
        return "not distinguishable", numbers
    return ("supported" if mean.mean >= least else "contradicted"), numbers


def _fewer_images_wider(_: FewerImagesWider, evidence: Mapping[str, Evidence]) -> Found:
    """Contradicted where depth wins on a dataset of fewer images than one where width wins, beyond chance."""
    found: list[tuple[int, str, Comparison]] = []
    for dataset, of_dataset in evidence.items():
        axes = of_dataset.axes
        if dataset not in SPECS or axes is None or not axes.counterparts:
            continue
        comparison = compare(of_dataset, *axes.counterparts[-1])
        if comparison is None:
            continue
        found.append((SPECS[dataset].train_images + SPECS[dataset].test_images, dataset, comparison))
    if len(found) < 2:
        return None
    text = "; ".join(
        f"{title_of(dataset)} ({images:,} images) {short(one.model)} over {short(one.other)} "
        f"{points(one.difference.interval)}"
        for images, dataset, one in found
    )
    family = corrected([one for *_, one in found])
    wider = [images for (images, *_), one in zip(found, family, strict=True) if one.is_better]
    deeper = [
        images for (images, *_), one in zip(found, family, strict=True) if one.is_distinguishable and not one.is_better
    ]
    if not wider or not deeper:
        return "not distinguishable", text
    return ("supported" if min(deeper) > max(wider) else "contradicted"), text


def _possible_f1(statement: PossibleF1, evidence: Mapping[str, Evidence]) -> Found:
    """Contradicted where a macro-F1 is higher than its accuracy allows."""
    of_dataset = evidence.get(statement.dataset)
    if of_dataset is None or not of_dataset.runs:
        return None
    classes = SPECS[statement.dataset].num_classes
    room = [(f1_bound(run, classes) - run.macro_f1_percent, place) for place, run in enumerate(of_dataset.runs)]
    nearest = of_dataset.runs[min(room)[1]]
    numbers = (
        f"nearest to its bound: {short(nearest.model)}, F1 {nearest.macro_f1_percent:.2f} % at "
        f"{nearest.accuracy_beside_f1_percent:.2f} % allows at most {f1_bound(nearest, classes):.2f} %"
    )
    is_possible = min(room)[0] >= -FIGURE_TOLERANCE
    return ("supported" if is_possible else "contradicted"), numbers


def f1_bound(run: Run, classes: int) -> float:
    """The highest macro-F1 in percent that a run's accuracy allows, where all classes have as many test images."""
    return most_macro_f1_percent(run.accuracy_beside_f1_percent, classes)


_JUDGES: dict[type[Any], tuple[Callable[[Any], str], Callable[[Any, Mapping[str, Evidence]], Found]]] = {
    Greater: (
        lambda one: (
            f"{title_of(one.dataset)}: {short(one.model)} has more {_QUANTITIES[one.quantity]} than {short(one.other)}"
        ),
        _greater,
    ),
    MostAccurate: (
        lambda one: f"{title_of(one.dataset)}: {short(one.model)} the most accurate of all",
        _most_accurate,
    ),
    Times: (
        lambda one: (
            f"{title_of(one.dataset)}: {_QUANTITIES[one.quantity]} of {short(one.model)} against "
            f"{short(one.other)}: {one.claimed}"
        ),
        _times,
    ),
    GrowsExponentially: (
        lambda one: f"{title_of(one.dataset)}: {_QUANTITIES[one.quantity]} exponential in ω",
        _grows_exponentially,
    ),
    NearLiterature: (
        lambda one: f"{title_of(one.dataset)}: {short(one.model)} within {one.within_points:g} pp of He et al.",
        _near_literature,
    ),
    FewerImagesWider: (
        lambda _: "width wins on the datasets of few images, depth on those of many",
        _fewer_images_wider,
    ),
    PossibleF1: (lambda one: f"{title_of(one.dataset)}: every F1 is one that its accuracy allows", _possible_f1),
}


def comparable_by_dataset(found: Sequence[Evidence]) -> dict[str, Evidence]:
    """Of each dataset the evidence with the most runs that may be held against the paper."""
    chosen: dict[str, Evidence] = {}
    for one in found:
        if one.is_comparable and one.runs and len(one.runs) > len(getattr(chosen.get(one.dataset), "runs", ())):
            chosen[one.dataset] = one
    return chosen
