"""Comparisons of pairs of models: the tested difference, with p-values corrected over all pairs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from harness.analysis.evidence import Evidence, Measure
from harness.analysis.stats import (
    Difference,
    difference_by_seed,
    holm,
    is_significant,
    mcnemar_difference,
    proportions_difference,
)


@dataclass(frozen=True)
class Comparison:
    """One model compared with another.

    Attributes:
        difference: model minus other, in percentage points.
        relative_percent: the difference in percent of the other model's mean; 0 if that mean is 0.
        seeds: the seeds that both models have.
        p_holm: the p-value after Holm's correction over the family of comparisons; None if nothing can be tested.
    """

    model: str
    other: str
    difference: Difference
    relative_percent: float
    seeds: tuple[int, ...]
    p_holm: float | None = None

    @property
    def is_distinguishable(self) -> bool:
        """True if the difference is significant at α = 0.05 after the correction."""
        return is_significant(self.p_holm)

    @property
    def is_better(self) -> bool:
        """True if the model is significantly above the other one."""
        return self.is_distinguishable and self.difference.estimate > 0


def compare(evidence: Evidence, model: str, other: str, measure: Measure = "accuracy_percent") -> Comparison | None:
    """Compare a model with another, paired by seed; return None if they have no seed in common.

    With one common seed, accuracies are compared image by image (McNemar's test) if predictions are kept, else as two
    proportions; other measures are not tested then. The p-value is not corrected: see `corrected`.
    """
    ours, theirs = evidence.values(model, measure), evidence.values(other, measure)
    difference = difference_by_seed(ours, theirs)
    if difference is None:
        return None
    seeds = tuple(sorted(ours.keys() & theirs.keys()))
    if len(seeds) == 1 and measure == "accuracy_percent":
        difference = _one_seed_difference(evidence, model, other, seeds[0])
    mean = sum(theirs[seed] for seed in seeds) / len(seeds)
    relative_percent = 100 * difference.estimate / mean if mean else 0.0
    return Comparison(model, other, difference, relative_percent, seeds, difference.p_value)


def _one_seed_difference(evidence: Evidence, model: str, other: str, seed: int) -> Difference:
    runs = evidence.of(model)[seed], evidence.of(other)[seed]
    is_right, is_other_right = (run.read_correct() for run in runs)
    if is_right is not None and is_other_right is not None:
        return mcnemar_difference(is_right, is_other_right)
    return proportions_difference(runs[0].accuracy_percent, runs[1].accuracy_percent, evidence.test_images)


def corrected(family: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons as one family: with p-values corrected by Holm's method."""
    p_values = holm([one.difference.p_value for one in family])
    return [replace(one, p_holm=p_value) for one, p_value in zip(family, p_values, strict=True)]


def all_comparisons(evidence: Evidence) -> list[Comparison]:
    """Compare every pair of models, the later in the study's order with the earlier, as one family."""
    pairs = [(later, earlier) for earlier, later in combinations(evidence.models, 2)]
    found = [compare(evidence, later, earlier) for later, earlier in pairs]
    return corrected([one for one in found if one is not None])


class Comparisons:
    """All comparisons of a study, looked up by two model names in either order."""

    def __init__(self, evidence: Evidence) -> None:
        self.all = all_comparisons(evidence)
        self._by_pair = {(one.model, one.other): one for one in self.all}

    def of(self, model: str, other: str) -> Comparison | None:
        """Return the comparison of a model with another; None if they have no seed in common."""
        if (model, other) in self._by_pair:
            return self._by_pair[model, other]
        one = self._by_pair.get((other, model))
        return None if one is None else _reversed(one)


def _reversed(one: Comparison) -> Comparison:
    """Return the same comparison with the two models exchanged."""
    interval, percent = one.difference.interval, one.relative_percent
    low, high = (None if end is None else -end for end in (interval.high, interval.low))
    difference = replace(one.difference, interval=replace(interval, mean=-interval.mean, low=low, high=high))
    if percent and not math.isclose(percent, -100):
        percent = 100 * (1 / (1 + percent / 100) - 1)
    else:  # one of the two means is 0
        percent = -100.0 if interval.mean > 0 else 0.0
    return replace(one, model=one.other, other=one.model, difference=difference, relative_percent=percent)
