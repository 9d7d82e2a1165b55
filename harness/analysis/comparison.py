"""Comparisons of pairs of models, each with one p-value: the primary test, and exploratory ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Literal

from harness.analysis.evidence import Evidence
from harness.analysis.fit import Contrast, StudyFit, Weights
from harness.analysis.multiplicity import family_size, holm
from harness.analysis.stats import (
    SIGNIFICANCE,
    Difference,
    Interval,
    mcnemar_difference,
    proportions_difference,
)
from harness.analysis.trained_out import drop_untrained
from harness.text import count_noun

Family = Literal["counterparts", "exploratory"]
_NO_ACCURACY = 1e-9  # percent: a mean of 0 % from a fit has a rounding error


@dataclass(frozen=True)
class Comparison:
    """One model compared with another, in accuracy.

    Attributes:
        interval: model minus other in percentage points, with the simultaneous interval of its family: 1 − α/k for k
            comparisons. Without ends if there is nothing to test with.
        relative_percent: the difference in percent of the other model's mean; 0 if that mean is 0.
        seeds: the seeds that both models have.
        family: ``counterparts``, the primary test: a wider and a deeper model at an equal scale factor; or
            ``exploratory``, every other pair.
        family_size: the number of tests in the family; one run each is not tested.
        p_alone: the p-value of this comparison alone; None if there is nothing to test with.
        p_value: the p-value corrected by Holm's method over the family.
        is_significant: p_value is below α.
    """

    model: str
    other: str
    interval: Interval
    relative_percent: float
    seeds: tuple[int, ...]
    family: Family
    family_size: int = 1
    p_alone: float | None = None
    p_value: float | None = None
    is_significant: bool = False

    @property
    def estimate(self) -> float:
        """The difference in percentage points."""
        return self.interval.mean

    @property
    def correction(self) -> str:
        """The correction in words, for example ``Holm over 2 pairs``; empty if there is only one test."""
        holm_over = f"Holm over {count_noun(self.family_size, 'pair')}"
        if self.family == "exploratory":
            return f"exploratory, {holm_over}"
        return holm_over if self.family_size > 1 else ""

    @property
    def is_better(self) -> bool:
        """True if the model is significantly above the other one."""
        return self.is_significant and self.estimate > 0


class Comparisons:
    """All comparisons of a study's models that are trained out, from one fit.

    Attributes:
        evidence: the study without models that are not trained out.
        untrained: those models, with the reasons.
        alpha: the level α of every test.
        estimates: the fit that every difference is taken from, tested or not; None without runs.
        fit: the same, for tests; None if there is nothing to test with, for example with one run each.
    """

    def __init__(self, evidence: Evidence, alpha: float = SIGNIFICANCE) -> None:
        self.evidence, self.untrained = drop_untrained(evidence)
        self.alpha = alpha
        values = {model: self.evidence.values(model, "accuracy_percent") for model in self.evidence.models}
        self.estimates: StudyFit | None = StudyFit(values, evidence.test_images) if values else None
        self.fit = self.estimates if self.estimates is not None and self.estimates.can_test else None

    def mean(self, model: str) -> float:
        """Return a model's mean accuracy in percent, adjusted to the same seeds as every other model's."""
        if self.estimates is None:
            raise ValueError(f"{model} has no runs")
        return self.estimates.mean(model)

    @cached_property
    def counterparts(self) -> list[Comparison]:
        """The primary test: wider minus deeper at each equal scale factor, the cheapest pair first."""
        axes = self.evidence.axes
        return [] if axes is None else self._family(axes.counterparts, "counterparts")

    @cached_property
    def exploratory(self) -> list[Comparison]:
        """Every other pair, the later model in the study's order minus the earlier one."""
        primary = {frozenset((one.model, one.other)) for one in self.counterparts}
        pairs = [(later, earlier) for earlier, later in combinations(self.evidence.models, 2)]
        return self._family([pair for pair in pairs if frozenset(pair) not in primary], "exploratory")

    @property
    def all(self) -> list[Comparison]:
        return [*self.counterparts, *self.exploratory]

    @cached_property
    def _by_pair(self) -> dict[tuple[str, str], Comparison]:
        return {(one.model, one.other): one for one in self.all}

    def of(self, model: str, other: str) -> Comparison | None:
        """Return the comparison of a model with another; None if one is not measured or not trained out."""
        if (model, other) in self._by_pair:
            return self._by_pair[model, other]
        one = self._by_pair.get((other, model))
        return None if one is None else _reversed(one)

    def _family(self, pairs: Sequence[tuple[str, str]], family: Family) -> list[Comparison]:
        """Return the comparisons of pairs, corrected as one family."""
        if self.estimates is None:
            return []
        weights: list[Weights] = [{model: 1.0, other: -1.0} for model, other in pairs]
        contrasts = self.estimates.contrasts(weights)
        p_values = holm([one.p_value for one in contrasts])
        size = family_size(p_values)
        return [
            replace(
                self._comparison(*pair, family, contrast, self.alpha / size),
                family_size=size, p_value=p_value, is_significant=p_value is not None and p_value < self.alpha,
            )
            for pair, contrast, p_value in zip(pairs, contrasts, p_values, strict=True)
        ]  # fmt: skip

    def _comparison(self, model: str, other: str, family: Family, contrast: Contrast, alpha: float) -> Comparison:
        """Return a comparison with its 1 − α interval, before the correction for its family."""
        seeds, mean = self._common_seeds(model, other), self.mean(other)
        count = len(seeds) or min(len(self.evidence.of(one)) for one in (model, other))
        interval = Interval(contrast.estimate, *contrast.interval(alpha), count, 1 - alpha)
        relative = 100 * contrast.estimate / mean if mean > _NO_ACCURACY else 0.0
        return Comparison(model, other, interval, relative, seeds, family, p_alone=contrast.p_value)

    def _common_seeds(self, model: str, other: str) -> tuple[int, ...]:
        return tuple(sorted(self.evidence.of(model).keys() & self.evidence.of(other).keys()))


def image_note(evidence: Evidence, model: str, other: str) -> Difference | None:
    """Return the test over test images of two models' runs with one seed, which is never a verdict.

    McNemar's exact test if the predictions are kept, else the z test of two proportions. Neither includes the spread
    between seeds. None if the models have more or fewer common seeds.
    """
    runs = evidence.of(model), evidence.of(other)
    seeds = runs[0].keys() & runs[1].keys()
    if len(seeds) != 1:
        return None
    (seed,) = seeds
    one, two = (of_model[seed] for of_model in runs)
    is_right, is_other_right = one.read_correct(), two.read_correct()
    if is_right is not None and is_other_right is not None:
        return mcnemar_difference(is_right, is_other_right)
    return proportions_difference(one.accuracy_percent, two.accuracy_percent, evidence.test_images)


def _reversed(one: Comparison) -> Comparison:
    """Return the same comparison with the two models exchanged."""
    interval, percent = one.interval, one.relative_percent
    low, high = (None if end is None else -end for end in (interval.high, interval.low))
    if percent and not math.isclose(percent, -100):
        percent = 100 * (1 / (1 + percent / 100) - 1)
    else:  # one of the two means is 0
        percent = -100.0 if interval.mean > 0 else 0.0
    reverse = replace(interval, mean=-interval.mean, low=low, high=high)
    return replace(one, model=one.other, other=one.model, interval=reverse, relative_percent=percent)
