"""Disagreement of networks on the test images: between models, and between seeds of one model.

Two networks that make more errors disagree on more images. Error consistency (Geirhos et al. 2020) corrects for that:
Cohen's kappa of "classified correctly", 1 if two networks fail on the same images, 0 if their errors are independent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.analysis.multiplicity import holm
from harness.analysis.predicted import PredictedModel

_MOST_SPLITS = 999  # more than two models of five seeds have: every split is tried, and no random number is drawn
_ROUNDING = 1e-12
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Alike:
    """Pairs of networks, and how alike their predictions are in the mean.

    Attributes:
        disagreement_percent: share of the test images with different predicted classes.
        error_consistency: None if neither network of a pair makes errors.
        pairs: the number of pairs of networks.
    """

    disagreement_percent: float
    error_consistency: float | None
    pairs: int


@dataclass(frozen=True)
class Disagreement:
    """Two models' networks compared with each other, and with those of the same model.

    Attributes:
        between: the pairs of a network of one model and one of the other.
        within: the pairs of seeds of one model, and of the other; None with one seed.
        excess: error consistency within the models, mean of both, less that between them; None if not tested, as with
            one seed.
        p_value: the probability of such an excess if the networks of both models were exchangeable: the share of splits
            of the runs into two groups that have one as large.
        least_p_value: the smallest p-value that so many seeds can give.
        p_holm: corrected over the pairs tested by Holm's method.
    """

    model: str
    other: str
    seeds: tuple[int, int]
    between: Alike
    within: tuple[Alike | None, Alike | None]
    excess: float | None = None
    p_value: float | None = None
    least_p_value: float | None = None
    p_holm: float | None = None


def disagreements(models: Sequence[PredictedModel], counterparts: Sequence[tuple[str, str]]) -> list[Disagreement]:
    """Return each pair of models compared.

    Args:
        counterparts: the (wider, deeper) pairs, which alone are tested: few seeds have too few splits for more tests.
    """
    if len(models) < 2:
        return []
    predictions = np.concatenate([one.predictions for one in models])
    differing, consistency = (
        _differing(predictions),
        error_consistencies(np.concatenate([m.is_correct for m in models])),
    )
    ends = np.cumsum([len(one.seeds) for one in models])
    rows = {one.model: np.arange(end - len(one.seeds), end) for one, end in zip(models, ends, strict=True)}
    tested = set(map(frozenset, counterparts))
    found = [
        _compared(
            one, other, rows[one], rows[other], differing, consistency, is_tested=frozenset((one, other)) in tested
        )
        for one, other in combinations(rows, 2)
    ]
    corrected = holm([one.p_value for one in found])
    return [replace(one, p_holm=p_holm) for one, p_holm in zip(found, corrected, strict=True)]


def _compared(
    model: str,
    other: str,
    rows: NDArray[Any],
    columns: NDArray[Any],
    differing: Matrix,
    consistency: Matrix,
    *,
    is_tested: bool,
) -> Disagreement:
    """Return two models' comparison, from the rows of their networks in the matrices of all."""

    def alike(pairs: Sequence[tuple[int, int]]) -> Alike:
        places = tuple(np.array(pairs).T)
        kappas = consistency[places]
        kappa = None if np.isnan(kappas).any() else float(kappas.mean())
        return Alike(100 * float(differing[places].mean()), kappa, len(pairs))

    def within(own: NDArray[Any]) -> Alike | None:
        return alike(list(combinations(own.tolist(), 2))) if len(own) > 1 else None

    between = alike([(one, two) for one in rows.tolist() for two in columns.tolist()])
    found = Disagreement(model, other, (len(rows), len(columns)), between, (within(rows), within(columns)))
    both = np.concatenate([rows, columns])
    if not is_tested or min(found.seeds) < 2 or np.isnan(consistency[np.ix_(both, both)]).any():
        return found
    excess, p_value, least = _exchangeability(consistency, rows, columns)
    return replace(found, excess=excess, p_value=p_value, least_p_value=least)


def _exchangeability(consistency: Matrix, rows: NDArray[Any], columns: NDArray[Any]) -> tuple[float, float, float]:
    """Return the excess of consistency within two groups, its p-value, and the least possible one."""

    def total(one: NDArray[Any], two: NDArray[Any]) -> Any:
        return consistency[one[..., :, None], two[..., None, :]].sum((-2, -1))

    def within(own: NDArray[Any]) -> Any:
        count = own.shape[-1]
        return (total(own, own) - count) / (count * (count - 1))  # without each network's with itself, which is 1

    def excess(one: NDArray[Any], two: NDArray[Any], axis: int) -> Any:
        return (within(one) + within(two)) / 2 - total(one, two) / (one.shape[-1] * two.shape[-1])

    test = stats.permutation_test(
        (rows, columns), excess, vectorized=True, n_resamples=_MOST_SPLITS, alternative="greater"
    )
    null = test.null_distribution
    least = float(np.mean(null >= null.max() - _ROUNDING))
    return float(test.statistic), float(test.pvalue), least


def _differing(predictions: NDArray[Any]) -> Matrix:
    """Return the share of images that each two networks classify differently, (networks, networks)."""
    return np.array([(predictions != one).mean(axis=1) for one in predictions])


def error_consistencies(is_correct: NDArray[np.bool_]) -> Matrix:
    """Return Cohen's kappa of each two networks' correctness, (networks, networks).

    It is not a number for two networks of which both classify every image correctly, or none.

    Args:
        is_correct: (networks, N).
    """
    accuracies = is_correct.mean(axis=1)
    expected = accuracies[:, None] * (1 - accuracies) + accuracies * (1 - accuracies[:, None])
    with np.errstate(invalid="ignore"):
        return np.asarray(1 - _differing(is_correct) / expected)
