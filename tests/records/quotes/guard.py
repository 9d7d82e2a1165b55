"""docs/guard.md: how often the guard errs, in the simulated comparisons of tests/analysis/test_guard_calibration.py."""

from functools import cache

from tests.analysis.test_guard_calibration import violation_rate
from tests.helpers.guarding import limits
from tests.records.quote import Quote

PAGE = "docs/guard.md"
POINTS, SHARE = 0.35, 0.02  # the spread between seeds


@cache
def _accuracy(after):
    return 100 * violation_rate(limits()["accuracy_percent"], 96.0, after, POINTS)


@cache
def _time(after):
    return 100 * violation_rate(limits()["epoch_seconds"], 1.0, after, SHARE)


QUOTES = [
    Quote("a spread between seeds of {} points and of {:.0f} % of the epoch time", lambda: [POINTS, 100 * SHARE]),
    Quote("| none | {:.1f} % | {:.1f} % |", lambda: [_accuracy(96.0), _time(1.0)]),
    Quote("| as large as the limit | {:.1f} % | {:.1f} % |", lambda: [_accuracy(95.5), _time(1.1)]),
    Quote("| two points less accurate | {:.0f} % | |", lambda: [_accuracy(94.0)]),
    Quote("| epochs a quarter slower | | {:.0f} % |", lambda: [_time(1.25)]),
]
GIVEN = ["the one-sided 95 % interval"]
