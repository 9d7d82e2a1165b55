"""Models compared with one another: how much more accurate one is, and whether that can be told from chance."""

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
    """One model beside another.

    Attributes:
        difference: of the model over the other one, in percentage points.
        relative_percent: the same in percent of the other one's mean; 0 where that is 0.
        seeds: those that both have.
        p_holm: the p-value, corrected for all comparisons of its family; None where nothing can be tested.
    """

    model: str
    other: str
    difference: Difference
    relative_percent: float
    seeds: tuple[int, ...]
    p_holm: float | None = None

    @property
    def is_distinguishable(self) -> bool:
        """Whether the difference can be told from chance."""
        return is_significant(self.p_holm)

    @property
    def is_better(self) -> bool:
        """Whether the model is above the other one, beyond chance."""
        return self.is_distinguishable and self.difference.estimate > 0


def compare(evidence: Evidence, model: str, other: str, measure: Measure = "accuracy_percent") -> Comparison | None:
    """A model beside another one, paired by seed; None where they have no seed in common.

    Of one common seed, accuracies are compared image by image (McNemar), where predictions are kept, and as two
    proportions where only accuracies are known; of other measures nothing can be tested then. The p-value is not
    corrected: see `corrected`.
    """
    ours, theirs = evidence.values(model, measure), evidence.values(other, measure)
    difference = difference_by_seed(ours, theirs)
    if difference is None:
        return None
    seeds = tuple(sorted(ours.keys() & theirs.keys()))
    if len(seeds) == 1 and measure == "accuracy_percent":
        difference = _of_one_seed(evidence, model, other, seeds[0])
    mean = sum(theirs[seed] for seed in seeds) / len(seeds)
    relative_percent = 100 * difference.estimate / mean if mean else 0.0
    return Comparison(model, other, difference, relative_percent, seeds, difference.p_value)


def _of_one_seed(evidence: Evidence, model: str, other: str, seed: int) -> Difference:
    runs = evidence.of(model)[seed], evidence.of(other)[seed]
    is_right, is_other_right = (run.read_correct() for run in runs)
    if is_right is not None and is_other_right is not None:
        return mcnemar_difference(is_right, is_other_right)
    return proportions_difference(runs[0].accuracy_percent, runs[1].accuracy_percent, evidence.test_images)


def corrected(family: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with their p-values corrected by Holm's method, all of them being one family."""
    p_values = holm([one.difference.p_value for one in family])
    return [replace(one, p_holm=p_value) for one, p_value in zip(family, p_values, strict=True)]


def all_comparisons(evidence: Evidence) -> list[Comparison]:
    """Every model beside every other one, the later in the study's order first named: one family."""
    pairs = [(later, earlier) for earlier, later in combinations(evidence.models, 2)]
    found = [compare(evidence, later, earlier) for later, earlier in pairs]
    return corrected([one for one in found if one is not None])


class Comparisons:
    """A study's comparisons, to be asked for by the names of the models in either order."""

    def __init__(self, evidence: Evidence) -> None:
        self.all = all_comparisons(evidence)
        self._by_pair = {(one.model, one.other): one for one in self.all}

    def of(self, model: str, other: str) -> Comparison | None:
        """A model beside another; None where they have no seed in common."""
        if (model, other) in self._by_pair:
            return self._by_pair[model, other]
        one = self._by_pair.get((other, model))
        return None if one is None else _reversed(one)


def _reversed(one: Comparison) -> Comparison:
    interval, percent = one.difference.interval, one.relative_percent
    low, high = (None if end is None else -end for end in (interval.high, interval.low))
    difference = replace(one.difference, interval=replace(interval, mean=-interval.mean, low=low, high=high))
    if percent and not math.isclose(percent, -100):
        percent = 100 * (1 / (1 + percent / 100) - 1)
    else:  # one of the two means is 0
        percent = -100.0 if interval.mean > 0 else 0.0
    return replace(one, model=one.other, other=one.model, difference=difference, relative_percent=percent)
