"""The figures of docs/tutorial.md: the digits with five and with ten seeds, and with three for an open verdict."""

from functools import partial

from harness.analysis.budgets import MARGIN_POINTS
from harness.analysis.stats import CONFIDENCE, SIGNIFICANCE
from harness.text import duration, p_value, short_time, signed
from tests.records.quote import Quote
from tests.records.record import record

PAGE = "docs/tutorial.md"
TEN = partial(record, "digits")
FIVE = partial(record, "digits", tuple(range(5)))
THREE = partial(record, "digits", tuple(range(3)))
_LEVEL = f"{SIGNIFICANCE:g}".lstrip("0")
WIDTH = 96  # of a terminal in which the lines have their units


def _ends(interval):
    return signed(interval.low, 2), signed(interval.high, 2)


def _mean_and_ends(interval):
    return signed(interval.mean, 2), *_ends(interval)


def pair(model, other):
    """Return the difference of a pair with ten seeds, the ends of its interval, and its corrected p."""
    (row,) = (row for row in TEN().rows("digits-differences") if (row["model"], row["other"]) == (model, other))
    points, low, high = (float(row[f"difference_points{end}"]) for end in ("", "_low", "_high"))
    return points, signed(low, 2), signed(high, 2), p_value(float(row["p_holm"]))


def _deeper_than_the_base():
    points, _, _, p = pair("resnet32", "resnet8")
    return -points, p


def _wider_than_the_base():
    points, low, high, p = pair("resnet8-4", "resnet8")
    return points, low, high, p, high


def _the_wider_models():
    points, *_ = pair("resnet8-4", "resnet8-2")
    return signed(points, 2), TEN().mean("resnet8-4", "macs") / TEN().mean("resnet8-2", "macs")


def _verdict_of_the_scale_factor():
    interval = FIVE().verdict("scale_factor").interval
    return interval.mean, 10 * interval.mean, *_ends(interval)


def _three_seeds():
    interval = THREE().verdict("latency_seconds").interval
    return interval.high, -interval.low


def _five_seeds():
    verdict = FIVE().verdict("latency_seconds")
    return *_ends(verdict.interval), p_value(verdict.p_value)


def accuracies(model):
    return [one.accuracy_percent for one in TEN().of(model).values()]


def _latency(model):
    return short_time(TEN().mean(model, "latency_seconds"))


def _images():
    result = TEN().results[0]
    return result.train_images, result.case.recipe.image_size, result.case.recipe.image_size


def _decision():
    verdict = TEN().verdict("params")
    points, low, high = _mean_and_ends(verdict.interval)
    return points, 100 * CONFIDENCE, low, high, p_value(verdict.p_value), TEN().results[0].test_images


QUOTES = (
    Quote("The 25 trainings take {} on two cores", lambda: [duration(sum(one.wall_seconds for one in FIVE().results))]),
    Quote("The run ends with the answer: {}", lambda: [FIVE().answer(80)]),
    Quote(
        "Here it is {:.2f} percentage points (pp): of every thousand test images the wider network gets about {:.0f} "
        "more right. - Below it the **interval**, {} to {}:",
        _verdict_of_the_scale_factor,
    ),
    Quote("in at least {:.0f} of 100 studies", lambda: [100 * CONFIDENCE]),
    Quote("The shaded band is ±{:g} pp", lambda: [MARGIN_POINTS]),
    Quote("p is below {}: luck", lambda: [_LEVEL]),
    Quote("| *equal within {:g} pp* |", lambda: [MARGIN_POINTS]),
    Quote("`resnet32` is {:.2f} pp below `resnet8` ({})", _deeper_than_the_base),
    Quote(
        "`resnet8-4` is {:.2f} pp above `resnet8`, with an interval from {} to {} ({}). Ten seeds exclude neither "
        "that the two are equal, nor that the wider one gains {} pp.",
        _wider_than_the_base,
    ),
    Quote("the difference is {} pp, and `resnet8-4` takes {:.1f} times the MACs", _the_wider_models),
    Quote("`resnet8` reaches {:.2f} %", lambda: [TEN().mean("resnet8")]),
    Quote("wider is ahead by {} pp, from {} to {}", lambda: _mean_and_ends(TEN().verdict("params").interval)),
    Quote(
        "one image takes `resnet8` {}, `resnet8-2` {} and `resnet32` {}",
        lambda: map(_latency, ("resnet8", "resnet8-2", "resnet32")),
    ),
    Quote(
        "`resnet8-2`: {} pp above the deeper side, {:.0f} % interval {} to {}, {}, ten seeds of each model, {:,} test "
        "images",
        _decision,
    ),
    Quote("the digits were open at one budget: {}", lambda: [THREE().answer(80)]),
    Quote("until p falls below {}", lambda: [_LEVEL]),
    Quote("{} digits of {}×{} pixels", _images),
    Quote("Only *equal within {:g} pp* says so", lambda: [MARGIN_POINTS]),
    Quote(
        "The best run of `resnet32` reached {:.2f} %, the worst of `resnet8` {:.2f} %",
        lambda: [max(accuracies("resnet32")), min(accuracies("resnet8"))],
    ),
    Quote('"It will reach {:.2f} % in use."', lambda: [TEN().mean("resnet8-2")]),
    Quote('"Training takes {}."', lambda: [duration(TEN().mean("resnet8-2", "total_seconds"))]),
    Quote("may be up to {:.2f} pp better, or up to {:.2f} pp worse", _three_seeds),
    Quote("With five the interval is {} to {} ({}): wider", _five_seeds),
)
GIVEN = (
    "8 layers, with 2 and 4 times the channels",  # what the names mean
    "an answer within 1 ms",  # a reader's wish
)
