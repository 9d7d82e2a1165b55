"""The fit of a study: accuracy by model and seed, and the contrasts between models that it estimates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.regression.linear_model import OLS

from harness.analysis.stats import SIGNIFICANCE

Weights = Mapping[str, float]
"""A weight for each model; the weights of a contrast add up to 0."""
Values = Mapping[str, Mapping[int, float]]
"""Accuracies in percent by model and seed."""
MAX_SPREAD_RATIO = 3.0
"""Spreads between seeds with a larger ratio are not pooled, unless chance explains the ratio."""


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of models' accuracies in percentage points, with its standard error.

    Attributes:
        standard_error: None if there is nothing to test with.
        df: degrees of freedom of its t distribution; 0 if there is nothing to test with.
    """

    estimate: float
    standard_error: float | None = None
    df: float = 0.0

    @property
    def t(self) -> float | None:
        """The estimate over its standard error; None if there is nothing to test with."""
        return None if self.standard_error is None else self.estimate / self.standard_error

    @property
    def p_value(self) -> float | None:
        """The two-sided p-value of the contrast alone, uncorrected; None if there is nothing to test with."""
        return None if self.t is None else float(2 * stats.t.sf(abs(self.t), self.df))

    def interval(self, alpha: float) -> tuple[float | None, float | None]:
        """Return the ends of the 1 − α interval; (None, None) if there is nothing to test with."""
        if self.standard_error is None:
            return None, None
        half = float(stats.t.ppf(1 - alpha / 2, self.df)) * self.standard_error
        return self.estimate - half, self.estimate + half


@dataclass(frozen=True)
class JointTest:
    """A test that several contrasts are all 0.

    Attributes:
        method: ``F``; or ``Welch``, the smallest p-value of the contrasts by Welch's method, corrected by Bonferroni's.
        statistic: F, or the largest t.
        df: degrees of freedom of the contrasts, and of their error.
    """

    method: Literal["F", "Welch"]
    statistic: float
    df: tuple[int, float]
    p_value: float


class StudyFit:
    """Ordinary least squares of accuracy on model and seed, over all runs of a study.

    If common seeds do not link every model with every other, directly or through further models, the effects of seeds
    and of models cannot be separated, and the fit is on models alone.

    Attributes:
        models: in the order of the values.
        df: the residual degrees of freedom, (models − 1)(seeds − 1) if every model has every seed.
        can_test: false without degrees of freedom, as with one run each, and if the models differ alike in every seed.
        spread_points: the residual standard deviation between seeds, in percentage points.
    """

    def __init__(self, values: Values, test_images: int) -> None:
        """Fit the values, one run at least of each model."""
        self.models, self._values = list(values), values
        self._places = {model: place for place, model in enumerate(self.models)}
        self._table = _table(values)
        self._counts = np.isfinite(self._table).sum(axis=1)
        models, seeds = np.nonzero(np.isfinite(self._table))
        by_seed = np.eye(self._table.shape[1])[seeds, 1:] if _share_seeds(values) else np.empty((len(models), 0))
        design = np.hstack([np.eye(len(self.models))[models], by_seed])
        self._ols = OLS(self._table[models, seeds], design).fit()
        self.df = float(self._ols.df_resid)
        # An accuracy is a count of images: a spread below its rounding error cannot be measured.
        self._least_spread = 100 / max(1, test_images) / np.sqrt(12)
        self.can_test = self.df >= 1 and bool(self._ols.ssr >= 1e-12)
        self.spread_points = float(np.sqrt(self._ols.ssr / self.df)) if self.df >= 1 else 0.0

    @cached_property
    def is_pooled(self) -> bool:
        """False if the models' seed spreads differ by more than a factor of 3, and by more than chance."""
        of_models = [list(of_model.values()) for of_model in self._values.values() if len(of_model) > 1]
        if not self.can_test or len(of_models) < 2:
            return True
        spreads = np.array([max(np.std(one, ddof=1), self._least_spread) for one in of_models])
        if spreads.max() <= MAX_SPREAD_RATIO * spreads.min():
            return True
        return _bartlett_p_value(spreads**2, np.array([len(one) - 1 for one in of_models])) >= SIGNIFICANCE

    def mean(self, model: str) -> float:
        """Return a model's mean accuracy in percent, adjusted to the same seeds as every other model's."""
        return float(self._means[self._places[model]])

    @cached_property
    def _means(self) -> NDArray[np.float64]:
        if not self.is_pooled:
            return np.asarray(np.nanmean(self._table, axis=1))
        effects = self._ols.params[len(self.models) :]
        return np.asarray(self._ols.params[: len(self.models)] + effects.sum() / (len(effects) + 1), dtype=np.float64)

    def contrast(self, weights: Weights) -> Contrast:
        """Return the weighted sum of models' accuracies; see `contrasts`."""
        return self.contrasts([weights])[0]

    def contrasts(self, several: Sequence[Weights]) -> list[Contrast]:
        """Return weighted sums of models' accuracies, tested if their models' runs allow it.

        The standard error is the larger of the pooled one and the contrast's own over the seeds that its models share:
        a pair of models that vary more than the others is not judged by the others' spread. A contrast of more than two
        models, interpolated, has at least Welch's. If spreads are not pooled, every contrast has Welch's. Models with
        one run each are not tested, even if other models have more.
        """
        if not several:
            return []
        if not self.can_test or not self.is_pooled:
            return [self._untested(one) if self._cannot_test(one) else self._welch(one) for one in several]
        return [
            self._untested(weights)
            if self._cannot_test(weights)
            else replace(self._untested(weights), standard_error=float(error), df=self.df)
            for weights, error in zip(several, self._errors(several), strict=True)
        ]

    def joint_test(self, several: Sequence[Weights]) -> JointTest | None:
        """Return the test that independent contrasts are all 0; None if there is nothing to test with."""
        if not several or all(self._cannot_test(one) for one in several):
            return None
        if not self.is_pooled:
            return self._welch_test(several)
        matrix, size = self._matrix(several), len(several)
        values, covariance = matrix @ self._ols.params, matrix @ self._ols.normalized_cov_params @ matrix.T
        variance = max(self.spread_points, self._least_spread) ** 2  # at least that of rounding
        statistic = float(values @ np.linalg.solve(covariance, values) / variance) / size
        return JointTest("F", statistic, (size, self.df), float(stats.f.sf(statistic, size, self.df)))

    def _welch_test(self, several: Sequence[Weights]) -> JointTest | None:
        tested = [self._welch(one) for one in several if not self._cannot_test(one)]
        smallest = min(tested, key=lambda one: one.p_value or 0.0)
        p_value = min(1.0, len(several) * (smallest.p_value or 0.0))
        return JointTest("Welch", abs(smallest.t or 0.0), (len(several), smallest.df), p_value)

    def correlation(self, several: Sequence[Weights]) -> NDArray[np.float64]:
        """Return the correlations between tested contrasts, (contrasts, contrasts)."""
        matrix = self._matrix(several)
        if self.is_pooled:
            covariance = matrix @ self._ols.normalized_cov_params @ matrix.T
        else:
            variances = np.where(self._counts > 1, self._mean_variances, 0.0)
            covariance = matrix[:, : len(variances)] * variances @ matrix[:, : len(variances)].T
        deviations = np.sqrt(np.diag(covariance))
        return np.asarray(covariance / np.outer(deviations, deviations), dtype=np.float64)

    def _cannot_test(self, weights: Weights) -> bool:
        """Return whether a contrast has no error: one run each, or one run of a model whose spread is its own."""
        counts = [self._counts[self._places[model]] for model, weight in weights.items() if weight]
        return not self.can_test or (max(counts) if self.is_pooled else min(counts)) < 2

    def _untested(self, weights: Weights) -> Contrast:
        return Contrast(float(sum(weight * self.mean(model) for model, weight in weights.items())))

    def _matrix(self, several: Sequence[Weights]) -> NDArray[np.float64]:
        """Return the weights of all parameters, (contrasts, parameters); the seeds' are 0."""
        matrix = np.zeros((len(several), len(self._ols.params)))
        for row, weights in enumerate(several):
            for model, weight in weights.items():
                matrix[row, self._places[model]] = weight
        return matrix

    def _errors(self, several: Sequence[Weights]) -> NDArray[np.float64]:
        """Return the contrasts' standard errors, at least those of rounding to whole images."""
        found = np.empty(len(several))
        used = [{self._places[model]: weight for model, weight in weights.items() if weight} for weights in several]
        for size in {len(one) for one in used}:
            rows = [row for row, one in enumerate(used) if len(one) == size]
            places, weights = (np.array([list(part(used[row])) for row in rows]) for part in (dict.keys, dict.values))
            found[rows] = self._errors_of(places, weights)
        return found

    def _errors_of(self, places: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the errors of contrasts of equally many models.

        Args:
            places, weights: the models' places and weights, (contrasts, models).
        """
        covariance = self._ols.normalized_cov_params[places[:, :, None], places[:, None, :]]
        pooled = self.spread_points * np.sqrt(np.einsum("ij,ijk,ik->i", weights, covariance, weights))
        counts = self._counts[places]
        rounding = self._least_spread * np.sqrt((weights**2 / counts).sum(axis=1))
        found: NDArray[np.float64] = np.maximum(pooled, rounding)
        if places.shape[1] > 2:
            welch = np.sqrt((weights**2 * self._mean_variances[places]).sum(axis=1))
            found = np.where(counts.min(axis=1) > 1, np.maximum(found, welch), found)
        by_seed = np.einsum("ij,ijk->ik", weights, self._table[places])
        shared = np.isfinite(by_seed).sum(axis=1)
        rows = shared > 1
        own = np.nanstd(by_seed[rows], axis=1, ddof=1) / np.sqrt(shared[rows])
        found[rows] = np.maximum(found[rows], own)
        return found

    @cached_property
    def _mean_variances(self) -> NDArray[np.float64]:
        """The variance of each model's mean by its own spread; not a number for one run."""
        found = np.full(len(self.models), np.nan)
        rows = self._counts > 1
        spreads = np.nanstd(self._table[rows], axis=1, ddof=1)
        found[rows] = np.maximum(spreads, self._least_spread) ** 2 / self._counts[rows]
        return found

    def _welch(self, weights: Weights) -> Contrast:
        """Return a contrast by Welch's method, with Satterthwaite's degrees of freedom."""
        places, used = zip(*((self._places[model], weight) for model, weight in weights.items() if weight), strict=True)
        parts = np.square(used) * self._mean_variances[list(places)]
        df = parts.sum() ** 2 / (parts**2 / (self._counts[list(places)] - 1)).sum()
        return replace(self._untested(weights), standard_error=float(np.sqrt(parts.sum())), df=float(df))


def _table(values: Values) -> NDArray[np.float64]:
    """Return accuracies, (models, seeds); not a number for a missing run."""
    places = {seed: place for place, seed in enumerate(sorted(set().union(*values.values())))}
    found = np.full((len(values), len(places)), np.nan)
    for row, of_model in enumerate(values.values()):
        found[row, [places[seed] for seed in of_model]] = list(of_model.values())
    return found


def _share_seeds(values: Values) -> bool:
    """Return whether common seeds link every model with every other, directly or through further models."""
    reached, *rest = (set(of_model) for of_model in values.values())
    while linked := [seeds for seeds in rest if seeds & reached]:
        rest = [seeds for seeds in rest if not seeds & reached]
        reached.update(*linked)
    return not rest


def _bartlett_p_value(variances: NDArray[np.float64], df: NDArray[np.int_]) -> float:
    """Return the p-value of Bartlett's test of equal variances; scipy's takes samples, not variances."""
    total, groups = df.sum(), len(df)
    pooled = (df * variances).sum() / total
    statistic = total * np.log(pooled) - (df * np.log(variances)).sum()
    correction = 1 + ((1 / df).sum() - 1 / total) / (3 * (groups - 1))
    return float(stats.chi2.sf(statistic / correction, groups - 1))
