from math import sqrt
from statistics import stdev

from scipy import stats

from harness.analysis.budgets import AFFORDABLE, MARGIN_POINTS
from harness.analysis.claim_findings import RATIO_TOLERANCE
from harness.analysis.comparison import Comparisons
from harness.analysis.equal_cost import TIMING_ERROR
from harness.analysis.fit import MAX_SPREAD_RATIO
from harness.analysis.power import ASSUMED_SPREAD_POINTS, POWER, TARGET_POINTS, seeds_needed
from harness.analysis.sequential import MAX_LOOKS, pocock_level
from harness.analysis.single_run import ASSUMED_SPREADS_POINTS
from harness.analysis.stats import SIGNIFICANCE
from harness.analysis.trained_out import MAX_RISE_POINTS, NEAR_CHANCE
from harness.paper.expectations import TOLERANCE_PP
from harness.text import signed
from tests.records.quote import Quote
from tests.records.quotes.calibration import BUDGETS, ends
from tests.records.record import record

PAGE = "docs/statistics.md"
WIDE, DEEP, BASE = "resnet8-4", "resnet32", "resnet8"


def digits(seeds):
    """Return the digits study with its first seeds, and its models' comparisons."""
    evidence, _ = record("digits", tuple(range(seeds))).report.answers[0]
    return evidence, Comparisons(evidence)


def accuracies(seeds):
    """Return the accuracies of each model."""
    evidence, _ = digits(seeds)
    return [list(evidence.values(model, "accuracy_percent").values()) for model in evidence.models]


def means():
    evidence, compared = digits(5)
    percents = (evidence.mean(model, "accuracy_percent").mean for model in (WIDE, DEEP))
    wide, deep = (percent / 100 * evidence.test_images for percent in percents)
    return wide, deep, evidence.test_images, compared.of(WIDE, DEEP).interval.mean


def pooled_spread():
    fit, spreads = digits(5)[1].fit, [stdev(values) for values in accuracies(5)]
    assert fit.is_pooled
    ratio = max(spreads) / min(spreads)
    return fit.spread_points, fit.df, min(spreads), max(spreads), ratio, bartlett(5)


def bartlett(seeds):
    return decimals(stats.bartlett(*accuracies(seeds)).pvalue)


def errors():
    evidence, compared = digits(5)
    wide, deep = (evidence.values(model, "accuracy_percent") for model in (WIDE, DEEP))
    own = stdev(wide[seed] - deep[seed] for seed in wide) / sqrt(5)
    pooled = compared.fit.spread_points * sqrt(2 / 5)
    assert abs(contrast().standard_error - max(own, pooled)) < 1e-9
    return pooled, own


def contrast():
    return digits(5)[1].fit.contrast({WIDE: 1, DEEP: -1})


def t_test():
    found = contrast()
    return found.estimate, found.standard_error, found.t, found.df, decimals(found.p_value, 4)


def corrected():
    found = digits(5)[1].of(WIDE, DEEP)
    assert found.correction == "Holm over 2 pairs"
    assert found.p_value < SIGNIFICANCE
    return decimals(found.p_value, 4), signed(found.interval.low, 2), signed(found.interval.high, 2)


def above_base():
    found = digits(5)[1].of(WIDE, BASE)
    assert not found.is_significant
    return found.interval.mean, decimals(found.p_value)


def with_ten_seeds():
    compared = digits(10)[1]
    found = compared.of(WIDE, DEEP).interval
    assert not compared.fit.is_pooled
    return bartlett(10), signed(found.mean, 2), signed(found.low, 2), signed(found.high, 2)


def decimals(p_value, places=3):
    """Return a p-value as the report prints it, without the zero before the point."""
    return f"{p_value:.{places}f}".removeprefix("0")


def seeds_row(spread):
    return [spread, *(seeds_needed(points, 6, 2, spread) for points in (0.3, 0.5, 1.0))]


QUOTES = [
    Quote(
        "They classify {:,.1f} and {:,.1f} of the {:,} test images correctly, in the mean over seeds: ResNet-8-4 is"
        " {:.2f} percentage points (pp) ahead",
        means,
    ),
    Quote(
        "σ̂ = {:.2f} pp, with (5 − 1)(5 − 1) = {:.0f} degrees of freedom. The models' own standard deviations are"
        " between {:.2f} and {:.2f} pp. The largest is {:.1f} times the smallest, but five seeds differ as much by"
        " chance (Bartlett's test, p = {})",
        pooled_spread,
    ),
    Quote("is σ̂·√(2/n) = {:.2f} pp. The pair's own one is s_d/√n = {:.2f} pp", errors),
    Quote("t** = {:.3f}/{:.3f} = {:.1f}. With {:.0f} degrees of freedom p is {}", t_test),
    Quote("corrects p for both: p = {}. The interval is simultaneous: [{}, {}]", corrected),
    Quote("only {:.2f} pp above the base, which is not significant (p = {})", above_base),
    Quote("spreads differ significantly (p = {}). They", lambda: [bartlett(10)]),
    Quote("difference is {1} pp [{2}, {3}]", with_ten_seeds),
    Quote("a full run's accuracy is at most {:.0f} percentage points below", lambda: [TOLERANCE_PP]),
    Quote("is more than {:.0f} times the smallest", lambda: [MAX_SPREAD_RATIO]),
    Quote("test is significant at {}, spreads", lambda: [decimals(SIGNIFICANCE, 2)]),
    Quote("above α = {}", lambda: [decimals(SIGNIFICANCE, 2)]),
    Quote("the corrected p is below {} |", lambda: [decimals(SIGNIFICANCE, 2)]),
    Quote("because the corrected p is below {}.", lambda: [decimals(SIGNIFICANCE, 2)]),
    Quote(
        "the {:.0f} % interval lies inside ±m (two one-sided tests at {}, not corrected",
        lambda: [100 - 200 * SIGNIFICANCE, decimals(SIGNIFICANCE, 2)],
    ),
    Quote("m is {} percentage points, or `--margin`", lambda: [MARGIN_POINTS]),
    Quote("model within {} times the budget", lambda: [AFFORDABLE]),
    Quote("medians agree within {:.0f} %", lambda: [100 * (TIMING_ERROR - 1)]),
    Quote("by no more than {:.0f} % is compared", lambda: [100 * (TIMING_ERROR - 1)]),
    Quote("more than {:.0f} % in latency", lambda: [100 * (TIMING_ERROR - 1)]),
    Quote("| {:.1f} to {:.1f} % of studies |", lambda: ends("winner", "any budget")),
    Quote("| the same | {:.1f} to {:.1f} % |", lambda: ends("winner-three-looks", "any budget")),
    Quote("at one budget | at most {:.1f} % |", lambda: [ends("equal", *BUDGETS)[1]]),
    Quote("three seeds | *wider* at one budget | {:.1f} to {:.1f} %", lambda: ends("wider", *BUDGETS, n="3")),
    Quote("five seeds | *wider* at one budget | {:.1f} to {:.1f} %", lambda: ends("wider", *BUDGETS, n="5")),
    Quote("n seeds can detect, and how many seeds {} percentage points take", lambda: [TARGET_POINTS]),
    Quote("finds it in {:.0f} % of studies", lambda: [100 * POWER]),
    Quote("else it is {} percentage points, marked as assumed", lambda: [ASSUMED_SPREAD_POINTS]),
    *(Quote("| {} pp | {} | {} | {} |", lambda spread=spread: seeds_row(spread)) for spread in (0.2, 0.3, 0.4)),
    Quote("p for both {} and {} percentage points", lambda: ASSUMED_SPREADS_POINTS),
    Quote(
        "err with probability {}: {} for three looks",
        lambda: [decimals(SIGNIFICANCE, 2), decimals(pocock_level(MAX_LOOKS), 4)],
    ),
    Quote("1 − 2 × {}", lambda: [decimals(pocock_level(MAX_LOOKS), 4)]),
    Quote("rises by more than {} percentage points an epoch", lambda: [MAX_RISE_POINTS]),
    Quote("at least {} times that of guessing", lambda: [NEAR_CHANCE]),
    Quote("ratio lies within {:.0f} % of it", lambda: [100 * RATIO_TOLERANCE]),
]
GIVEN = [
    "After five seeds (0 to 4)",
    "which is as many times deeper",
    "`p = .021 (Holm over 2 pairs; alone .010)`",
    "a p of .04 beside an interval",
    "(nominally in 5 %)",
    "width is 0.5 pp ahead | *equal within 0.5 pp*",
    "width is 1.0 pp ahead",
    "width is 0.5 pp ahead,",
    "| δ = 0.3 pp | δ = 0.5 pp | δ = 1.0 pp |",
    "at level .05 errs more often than in 5 % of studies",
    "the level α = .05/k",
    "files of up to 100 kB",
    "four times the base's depth",
    "two and four times as wide",
    "1 of 2 measured",
]
