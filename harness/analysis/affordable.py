"""The model to take for a budget, of all measured models, and which others may be as good."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Measure
from harness.analysis.fit import Contrast

MAX_CHOICES = 30
"""Choices for one kind of cost; of more, as many at even distances, the cheapest and the dearest among them."""


@dataclass(frozen=True)
class Choice:
    """The model to take for a range of budgets.

    Attributes:
        measure: the kind of cost that is limited.
        model: of the affordable models the one with the highest mean accuracy.
        least, below: the range: from the model's own cost to that of the next better model; None without a limit.
        affordable: the models that cost less than ``below``, cheapest first.
        not_worse: the tested models not shown to be worse than the best one, cheapest first, the model among them; the
            truly best tested one is among them in at least 1 − α of all studies, for each choice alone. None if there
            is nothing to test with.
        untested: the affordable models that cannot be tested against the model, as one run cannot; cheapest first.
    """

    measure: Measure
    model: str
    least: float
    below: float | None
    affordable: tuple[str, ...]
    not_worse: tuple[str, ...] | None
    untested: tuple[str, ...] = ()


class Affordable:
    """The choices among a study's models that are trained out."""

    def __init__(self, comparisons: Comparisons) -> None:
        self._comparisons, self._evidence = comparisons, comparisons.evidence
        self._means = {model: comparisons.mean(model) for model in self._evidence.models}

    def choices(self, measure: Measure) -> list[Choice]:
        """Return the choices from the cheapest budget to the dearest; none if costs are unknown."""
        costs = {model: mean.mean for model in self._evidence.models if (mean := self._evidence.mean(model, measure))}
        ordered = sorted(costs, key=lambda model: (costs[model], -self._means[model]))
        best: list[str] = []
        for model in ordered:
            if not best or self._means[model] > self._means[best[-1]]:
                best.append(model)
        limits = [*(costs[model] for model in best), None][1:]
        kept = np.unique(np.linspace(0, len(best) - 1, min(len(best), MAX_CHOICES)).round().astype(int))
        return [
            self._choice(
                measure,
                best[k],
                costs[best[k]],
                limits[k],
                [one for one in ordered if _is_below(costs[one], limits[k])],
            )
            for k in kept
        ]

    def _choice(self, measure: Measure, model: str, least: float, below: float | None, models: list[str]) -> Choice:
        """Return a choice with one-sided tests of the others against its mean, by Bonferroni's correction."""
        fit, others = self._comparisons.fit, [one for one in models if one != model]
        contrasts = [] if fit is None else fit.contrasts([{model: 1.0, one: -1.0} for one in others])
        tested = {one: found for one, found in zip(others, contrasts, strict=fit is not None) if found.t is not None}
        untested = tuple(one for one in others if one not in tested)
        if fit is None or (others and not tested):
            return Choice(measure, model, least, below, tuple(models), None, untested)
        worse = _shown_above_zero(tested, self._comparisons.alpha)
        not_worse = tuple(one for one in models if one not in worse and (one == model or one in tested))
        return Choice(measure, model, least, below, tuple(models), not_worse, untested)


def _shown_above_zero(tested: dict[str, Contrast], alpha: float) -> set[str]:
    """Return the names whose contrasts are above 0 by one-sided tests at α together."""
    degrees, places = np.unique([one.df for one in tested.values()], return_inverse=True)
    thresholds = stats.t.isf(alpha / max(1, len(tested)), degrees)[places]
    return {name for (name, one), least in zip(tested.items(), thresholds, strict=True) if (one.t or 0.0) > least}


def _is_below(cost: float, limit: float | None) -> bool:
    return limit is None or cost < limit
