"""Synthetic results of one case for the guard's tests, and its comparison at chosen limits."""

import numpy as np

from harness.analysis.guard import _excess_interval, compare_case
from harness.config.limits import limits_from, overridden, parse_limits
from harness.config.settings import read_settings
from tests.helpers.synthetic import failed_result, synthetic_result

BEFORE, AFTER = ("2026-11-23T12:00:00.000+00:00", "2026-11-24T12:00:00.000+00:00")
CASES = 2000


def trained(accuracies=(96.0, 96.2, 95.8), seconds=1.0, at=AFTER, seeds=None, **changes):
    """Return a result per accuracy, of seeds 0, 1, …; ``seconds``: of an epoch, by place or of all."""
    times = seconds if isinstance(seconds, tuple) else (seconds,) * len(accuracies)
    return [
        synthetic_result("digits", "resnet8", seed, accuracy, time, started_at=at, finished_at=at, **changes)
        for seed, accuracy, time in zip(seeds or range(len(accuracies)), accuracies, times, strict=True)
    ]


def before(*arguments, **changes):
    return trained(*arguments, at=BEFORE, **changes)


def failed(seed, status="diverged", at=AFTER):
    return failed_result(status, dataset="digits", model="resnet8", seed=seed, started_at=at, finished_at=at)


def limits(**own):
    """Return the default limits, replaced by these."""
    return overridden(limits_from(vars(read_settings({}, {}))), parse_limits(own))


def compare(base, new, **own):
    return compare_case("digits resnet8", base, new, limits(**own))


def violated(verdict):
    return [one.limit.measure.name for one in verdict.violations]


def violation_rate(limit, before, after, spread, seeds=3):
    """Return the share of cases in which normal values around two means violate a limit."""
    random, found = np.random.default_rng(0), 0
    for _ in range(CASES):
        old, new = (dict(enumerate(random.normal(mean, spread, seeds))) for mean in (before, after))
        found += _excess_interval(limit, old, new)[0].low > 0
    return found / CASES
