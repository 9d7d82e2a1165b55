"""The model to take for a budget, of all measured models, and how certain that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Measure
from harness.analysis.fit import StudyFit

_DRAWS = 4000  # an error of a probability below 0.8 percentage points


@dataclass(frozen=True)
class Choice:
    """The model to take for a range of budgets.

    Attributes:
        measure: the kind of cost that is limited.
        model: of the affordable models the one with the highest mean accuracy.
        least, below: the range: from the model's own cost to that of the next choice; None without a limit.
        affordable: the models that cost less than ``below``, cheapest first.
        probability: that none of them is truly more accurate; None if there is nothing to test with.
        not_worse: the affordable models not shown to be worse than the best one, cheapest first, the model among them;
            the best one is among them in at least 1 − α of all studies. None if there is nothing to test with.
    """

    measure: Measure
    model: str
    least: float
    below: float | None
    affordable: tuple[str, ...]
    probability: float | None
    not_worse: tuple[str, ...] | None


class Affordable:
    """The choices among a study's models that are trained out."""

    def __init__(self, comparisons: Comparisons) -> None:
        self._comparisons, self._evidence = comparisons, comparisons.evidence

    def choices(self, measure: Measure) -> list[Choice]:
        """Return the choices from the cheapest budget to the dearest; none if costs are unknown."""
        costs = {model: mean.mean for model in self._evidence.models if (mean := self._evidence.mean(model, measure))}
        ordered = sorted(costs, key=lambda model: (costs[model], -self._comparisons.mean(model)))
        best: list[str] = []
        for model in ordered:
            if not best or self._comparisons.mean(model) > self._comparisons.mean(best[-1]):
                best.append(model)
        limits = [*(costs[model] for model in best), None][1:]
        return [
            self._choice(measure, model, costs[model], limit, [one for one in ordered if _is_below(costs[one], limit)])
            for model, limit in zip(best, limits, strict=True)
        ]

    def _choice(self, measure: Measure, model: str, least: float, below: float | None, models: list[str]) -> Choice:
        fit = self._comparisons.fit
        errors = [] if fit is None else [error for one in models if (error := fit.error_of_mean(one)) is not None]
        if fit is None or len(errors) < len(models):
            return Choice(measure, model, least, below, tuple(models), None, None)
        not_worse = self._not_worse(fit, model, models)
        kept = [models.index(one) for one in not_worse]
        means = np.array([fit.mean(one) for one in not_worse])
        probability = _probability(means, np.array(errors)[kept].T, not_worse.index(model))
        return Choice(measure, model, least, below, tuple(models), probability, not_worse)

    def _not_worse(self, fit: StudyFit, model: str, models: Sequence[str]) -> tuple[str, ...]:
        """Return the models that one-sided tests against the best mean, with Bonferroni, do not exclude."""
        others = [one for one in models if one != model]
        contrasts = fit.contrasts([{model: 1.0, one: -1.0} for one in others])
        level = 2 * self._comparisons.alpha / max(1, len(others))  # of two-sided p-values
        worse = {
            one
            for one, contrast in zip(others, contrasts, strict=True)
            if contrast.p_value is not None and contrast.estimate > 0 and contrast.p_value < level
        }
        return tuple(one for one in models if one not in worse)


def _probability(means: NDArray[np.float64], errors_and_df: NDArray[np.float64], place: int) -> float:
    """Return the probability that the mean at a place is truly the highest of several.

    It is the share of draws of the true means, given the measured ones, in which it is the best. The means are shrunken
    towards their common mean as far as they differ by chance (empirical Bayes): the highest of many measured means is
    too high. Draws are always the same for the same means.
    """
    errors, degrees = errors_and_df
    between = max(0.0, float(np.var(means, ddof=1) - np.mean(errors**2))) if len(means) > 1 else 0.0
    if not between:  # every order is as likely as any other
        return 1 / len(means)
    kept = between / (between + errors**2)
    generator = np.random.default_rng(0)
    scale = np.sqrt(degrees / generator.chisquare(degrees, (_DRAWS, len(means))))
    noise = generator.standard_normal((_DRAWS, len(means))) * scale
    drawn = kept * (means - means.mean()) + np.sqrt(kept) * errors * noise
    return float(np.mean(drawn.argmax(axis=1) == place))


def _is_below(cost: float, limit: float | None) -> bool:
    return limit is None or cost < limit
