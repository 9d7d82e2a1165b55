"""Ensembles of seeds against one larger model at equal cost: "three resnet20 or one resnet20-2?".

An ensemble predicts the class with the largest mean probability over its networks. Its accuracy is the mean over all
subsets of a model's seeds of its size. Subsets share networks, so the spread between subsets is not that between
ensembles: the standard error is the jackknife's, from leaving out one seed at a time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.analysis.evidence import TRAINING_COSTS, Evidence, Measure
from harness.analysis.multiplicity import family_size, holm
from harness.analysis.predicted import PredictedModel
from harness.analysis.stats import SIGNIFICANCE, Interval

_LEAST_SHARE = 0.4  # of the larger model's cost: a cheaper ensemble is no comparison at equal cost
_ROUNDING = 1e-9
Subset = tuple[int, ...]


@dataclass(frozen=True)
class EnsembleComparison:
    """An ensemble of k networks of one model beside single networks of a dearer one.

    Attributes:
        size: the number k of networks.
        cost_shares: the ensemble's cost over the larger model's, by measure.
        single_percent, ensemble_percent, other_percent: mean accuracy of one network, of the ensembles, and of the
            dearer model's networks.
        ensembles: their number.
        seeds: of the model, and of the dearer one.
        difference: ensemble less dearer model in percentage points; without ends if an ensemble needs every seed, the
            dearer model has one seed, or no accuracy varies.
        standard_error, df: of the difference; None without an interval.
        p_holm: corrected over all comparisons of the study; None without an interval.
    """

    model: str
    size: int
    other: str
    cost_shares: Mapping[Measure, float]
    single_percent: float
    ensemble_percent: float
    other_percent: float
    ensembles: int
    seeds: tuple[int, int]
    difference: Interval
    standard_error: float | None = None
    df: float | None = None
    p_holm: float | None = None

    @property
    def p_value(self) -> float | None:
        """The p-value of this comparison alone; None without an interval."""
        if self.standard_error is None:
            return None
        return float(2 * stats.t.sf(abs(self.difference.mean) / self.standard_error, self.df))


def compare_ensembles(
    evidence: Evidence, ensembles: Sequence["Ensembles"], others: Sequence[PredictedModel], alpha: float = SIGNIFICANCE
) -> list[EnsembleComparison]:
    """Return each model's ensembles beside every other model that costs at least two of its networks.

    The intervals are simultaneous at the level α, and the p-values corrected, over all of them.
    """
    found = [
        _compared(evidence, one, other, size)
        for one in ensembles
        for other in others
        for size in _sizes(evidence, one.model, other)
    ]
    corrected = holm([one.p_value for one in found])
    confidence = 1 - alpha / family_size(corrected)
    return [_tested(one, p_holm, confidence) for one, p_holm in zip(found, corrected, strict=True)]


class Ensembles:
    """The ensembles of a model's networks, whose accuracies are computed once."""

    def __init__(self, model: PredictedModel, probabilities: NDArray[np.float32]) -> None:
        self.model, self._probabilities = model, probabilities
        self._accuracies: dict[Subset, float] = {}

    def accuracy_percent(self, size: int, left_out: int | None = None) -> float:
        """Return the mean accuracy of all ensembles of a size, or of those without one network."""
        networks = [k for k in range(len(self.model.seeds)) if k != left_out]
        return float(np.mean([self._of(subset) for subset in combinations(networks, size)]))

    def variance(self, size: int) -> float | None:
        """Return the jackknife's variance of that mean over seeds; None if an ensemble needs every seed."""
        count = len(self.model.seeds)
        if size >= count:
            return None
        left = [self.accuracy_percent(size, left_out) for left_out in range(count)]
        return (count - 1) * float(np.var(left))

    @property
    def sizes(self) -> range:
        """The sizes from one network to all."""
        return range(1, len(self.model.seeds) + 1)

    def _of(self, subset: Subset) -> float:
        if subset not in self._accuracies:
            total: NDArray[Any] = sum(self._probabilities[k] for k in subset)
            self._accuracies[subset] = 100 * float(np.mean(total.argmax(axis=1) == self.model.labels))
        return self._accuracies[subset]


def ensembles_of(models: Sequence[PredictedModel]) -> list[Ensembles]:
    """Return the ensembles of each model whose logits are kept."""
    return [Ensembles(one, one.probabilities) for one in models if one.probabilities is not None]


def _sizes(evidence: Evidence, model: PredictedModel, other: PredictedModel) -> list[int]:
    """Return the sizes of ensembles to compare: the largest affordable, and the largest with an interval."""
    one, two = (evidence.mean(each.model, "macs") for each in (model, other))
    if one is None or two is None or not one.mean:
        return []
    ratio, count = two.mean / one.mean * (1 + _ROUNDING), len(model.seeds)
    sizes = {min(int(ratio), count), min(int(ratio), count - 1)}
    return sorted(size for size in sizes if size > 1 and size >= _LEAST_SHARE * ratio)


def _compared(evidence: Evidence, ensembles: Ensembles, other: PredictedModel, size: int) -> EnsembleComparison:
    model = ensembles.model
    mean, of_others = ensembles.accuracy_percent(size), 100 * other.is_correct.mean(axis=1)
    seeds = len(model.seeds), len(other.seeds)
    return EnsembleComparison(
        model=model.model,
        size=size,
        other=other.model,
        cost_shares=_cost_shares(evidence, model.model, other.model, size),
        single_percent=100 * float(model.is_correct.mean()),
        ensemble_percent=mean,
        other_percent=float(of_others.mean()),
        ensembles=math.comb(seeds[0], size),
        seeds=seeds,
        difference=Interval(mean - float(of_others.mean()), None, None, min(seeds), 1.0),
        **_error(ensembles.variance(size), of_others, seeds),
    )


def _error(variance: float | None, of_others: NDArray[Any], seeds: tuple[int, int]) -> dict[str, float]:
    """Return a difference's standard error and degrees of freedom (Welch); empty if unknown."""
    if variance is None or seeds[1] < 2:
        return {}
    variances = variance, float(np.var(of_others, ddof=1)) / seeds[1]
    if not sum(variances) > _ROUNDING:
        return {}
    parts = (one**2 / (count - 1) for one, count in zip(variances, seeds, strict=True))
    return {"standard_error": math.sqrt(sum(variances)), "df": sum(variances) ** 2 / sum(parts)}


def _tested(one: EnsembleComparison, p_holm: float | None, confidence: float) -> EnsembleComparison:
    """Return a comparison with its simultaneous interval and its corrected p-value."""
    if one.standard_error is None or one.df is None:
        return one
    half = float(stats.t.ppf((1 + confidence) / 2, one.df)) * one.standard_error
    mean = one.difference.mean
    return replace(one, difference=Interval(mean, mean - half, mean + half, min(one.seeds), confidence), p_holm=p_holm)


def _cost_shares(evidence: Evidence, model: str, other: str, size: int) -> dict[Measure, float]:
    found: dict[Measure, float] = {}
    for measure in TRAINING_COSTS:
        one, two = evidence.mean(model, measure), evidence.mean(other, measure)
        if one is not None and two is not None and two.mean:
            found[measure] = size * one.mean / two.mean
    return found
