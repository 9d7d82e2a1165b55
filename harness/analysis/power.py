"""Power: the differences that a number of seeds can detect, and the seeds that a difference takes."""

import functools
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from scipy import stats
from scipy.optimize import brentq

from harness.analysis.axes import Axes
from harness.analysis.evidence import Evidence
from harness.analysis.fit import StudyFit
from harness.analysis.stats import SIGNIFICANCE
from harness.config.case import Mode
from harness.text import count_noun, duration

POWER = 0.8
ASSUMED_SPREAD_POINTS = 0.3
TARGET_POINTS = 0.5
MAX_SEEDS = 10_000
"""More seeds are not looked for."""
_MAX_SHIFT = 1000.0  # in standard errors: certainty, which scipy computes without overflow


@dataclass(frozen=True)
class Spread:
    """The standard deviation of accuracy between seeds, in percentage points.

    Attributes:
        is_measured: false for the assumed value, without a study of several seeds.
    """

    points: float
    is_measured: bool

    @property
    def text(self) -> str:
        """The spread in words: ``assumed spread between seeds 0.30 pp``."""
        source = "measured" if self.is_measured else "assumed"
        return f"{source} spread between seeds {self.points:.2f} pp"


SpreadKey = tuple[str, Mode, int, float]
"""What studies of one spread share: dataset, mode, epochs, and share of the training images."""
ASSUMED_SPREAD = Spread(ASSUMED_SPREAD_POINTS, is_measured=False)


def spread_key(evidence: Evidence) -> SpreadKey:
    """Return what the study shares with those of the same spread."""
    shares = (one.case.train_fraction for one in evidence.used_results)
    return evidence.dataset, evidence.mode, evidence.epochs, next(shares, 1.0)


def seed_spreads(found: Iterable[Evidence]) -> dict[SpreadKey, Spread]:
    """Return the spread of each kind of study, pooled over those of several folders and recipes.

    A study of tuned learning rates has no part in it beside that at the recipe's rate: they may share runs.
    """
    alike: dict[SpreadKey, list[Evidence]] = defaultdict(list)
    for evidence in found:
        if evidence.untuned is None:
            alike[spread_key(evidence)].append(evidence)
    return {key: seed_spread(studies) for key, studies in alike.items()}


def seed_spread(studies: Iterable[Evidence]) -> Spread:
    """Return the spread of those studies that have several seeds, pooled; 0.3 pp is assumed without any."""
    squares = degrees = 0.0
    for evidence in studies:
        values = {model: evidence.values(model, "accuracy_percent") for model in evidence.models}
        fit = StudyFit(values, evidence.test_images) if values else None
        if fit is not None and fit.can_test:
            squares, degrees = squares + fit.df * fit.spread_points**2, degrees + fit.df
    return Spread(math.sqrt(squares / degrees), True) if degrees else ASSUMED_SPREAD


def tested_pairs(axes: Axes | None) -> int:
    """Return the number k of counterpart pairs, whose tests have the level .05/k; 1 without any."""
    return 1 if axes is None else max(1, len(axes.counterparts))


def power_of(points: float, seeds: int, models: int, pairs: int, spread_points: float) -> float:
    """Return the probability that a true difference of a pair of models is found, with its sign.

    Args:
        points: the true difference, in percentage points.
        models: of the study, all with the same seeds; df = (models − 1)(seeds − 1).
        pairs: the number of counterpart pairs k; the level is .05/k.
        spread_points: the standard deviation between seeds.
    """
    df = (models - 1) * (seeds - 1)
    if df < 1:
        return 0.0
    shift = points / (spread_points * math.sqrt(2 / seeds))
    return float(stats.nct.sf(stats.t.isf(SIGNIFICANCE / pairs / 2, df), df, min(shift, _MAX_SHIFT)))


def seeds_needed(points: float, models: int, pairs: int, spread_points: float) -> int:
    """Return the least number of seeds that finds a true difference with 80 % power; at most 10,000."""
    seeds = range(2, MAX_SEEDS + 1)
    place = bisect_left(seeds, POWER, key=lambda one: power_of(points, one, models, pairs, spread_points))
    return seeds[min(place, len(seeds) - 1)]


def detectable_points(seeds: int, models: int, pairs: int, spread_points: float) -> float | None:
    """Return the least true difference that so many seeds find with 80 % power; None for one seed."""
    if (models - 1) * (seeds - 1) < 1:
        return None
    most = 100 * spread_points
    while power_of(most, seeds, models, pairs, spread_points) < POWER:
        most *= 2
    found = brentq(lambda points: power_of(points, seeds, models, pairs, spread_points) - POWER, 0, most, xtol=1e-3)
    return float(found)


def detectable_contrast(standard_error: float, df: float, alpha: float) -> float:
    """Return the least true value of a contrast that its t test at level α finds with 80 % power."""
    critical = stats.t.isf(alpha / 2, df)
    errors = brentq(lambda size: stats.nct.sf(critical, df, size) - POWER, 0, _MAX_SHIFT, xtol=1e-3)
    return float(errors) * standard_error


@functools.lru_cache(maxsize=256)  # a report asks three times for each open study
def outlook(seeds: int, models: int, pairs: int, spread_points: float) -> tuple[float | None, int | None]:
    """Return the difference that the seeds can detect, and the seeds that 0.5 pp takes.

    The first is None for one seed, the second if the seeds are enough.
    """
    can = detectable_points(seeds, models, pairs, spread_points)
    if can is not None and can <= TARGET_POINTS:
        return can, None
    return can, seeds_needed(TARGET_POINTS, models, pairs, spread_points)


def power_sentence(seeds: int, models: int, pairs: int, spread: Spread, seconds_per_seed: float | None) -> str:
    """Return the difference that the seeds can detect, and the seeds and time that 0.5 pp takes.

    Args:
        seconds_per_seed: the training time of all models with one seed; None if it is unknown.
    """
    can, needed = outlook(seeds, models, pairs, spread.points)
    basis = f"80 % power, {spread.text}"
    able = (
        "One run each detects nothing"
        if can is None
        else f"{count_noun(seeds, 'seed')} can detect {_two_figures(can)} pp"
    )
    if needed is None:
        return f"{able} ({basis})."
    if needed == MAX_SEEDS:
        return f"{able}; {TARGET_POINTS:g} pp takes thousands ({basis})."
    cost = "" if seconds_per_seed is None else f", about {duration((needed - seeds) * seconds_per_seed)} here"
    return f"{able}; {TARGET_POINTS:g} pp takes {needed}: {needed - seeds} more{cost} ({basis})."


def brief_power_text(seeds: int, models: int, pairs: int, spread: Spread, seconds_per_seed: float | None) -> str:
    """Return `power_sentence` briefly: ``3 more seeds of each model (9m05s here) detect 0.5 pp``."""
    basis = "" if spread.is_measured else f" (spread {spread.points:g} assumed)"
    can, needed = outlook(seeds, models, pairs, spread.points)
    if can is not None and needed is None:
        return f"{count_noun(seeds, 'seed')} can detect {_two_figures(can)} pp{basis}"
    if needed is None or needed == MAX_SEEDS:
        return f"{TARGET_POINTS:g} pp takes thousands of seeds{basis}"
    more = needed - seeds
    cost = "" if seconds_per_seed is None else f" ({duration(more * seconds_per_seed)} here)"
    verb = "detects" if more == 1 else "detect"
    return f"{more} more {'seed' if more == 1 else 'seeds'} of each model{cost} {verb} {TARGET_POINTS:g} pp{basis}"


def _two_figures(points: float) -> str:
    return f"{points:.0f}" if points >= 10 else f"{points:.2g}"
