"""The figures of docs/teaching.md: the digits with ten seeds, which the lesson shows, and its first runs."""

import math
from functools import partial
from statistics import NormalDist

from harness.analysis.stats import CONFIDENCE
from harness.paper.claims import CLAIMS
from harness.text import count, duration, short_time, signed
from tests.records.quote import Quote
from tests.records.quotes.tutorial import FIVE, TEN, WIDTH, accuracies, pair
from tests.records.record import record

PAGE = "docs/teaching.md"
ONE = partial(record, "digits", (0,))


def _training_time(of):
    return duration(sum(one.wall_seconds for one in of().results))


def _width_of_interval(of):
    interval = of().verdict("scale_factor").interval
    return interval.high - interval.low


def _ranges():
    return [end(accuracies(model)) for model in ("resnet32", "resnet8-4") for end in (min, max)]


def _latencies():
    wide, deep = (TEN().mean(model, "latency_seconds") for model in ("resnet8-4", "resnet32"))
    macs = TEN().mean("resnet8-4", "macs") / TEN().mean("resnet32", "macs")
    return macs, short_time(wide), short_time(deep)


def _interval():
    interval = TEN().verdict("scale_factor").interval
    return signed(interval.low, 2), signed(interval.high, 2)


def _wider_than_the_base():
    points, _, high, p = pair("resnet8-4", "resnet8")
    return points, p, high


def _two_runs():
    return [0.4 * math.sqrt(2) * NormalDist().inv_cdf((1 + CONFIDENCE) / 2)]


def _beyond_the_mean():
    return [max(accuracies(model)) - TEN().mean(model) for model in ("resnet32", "resnet8-4")]


def _errors():
    models = ("resnet32", "resnet8-4")
    return TEN().verdict("scale_factor").interval.mean, *(100 - TEN().mean(model) for model in models)


QUOTES = (
    Quote("--full-training --seeds 0`: {} |", lambda: [_training_time(ONE)]),
    Quote("--full-training`: {} |", lambda: [_training_time(FIVE)]),
    Quote("--seeds 0-9`: {} |", lambda: [_training_time(TEN)]),
    Quote("The first one ends with {}", lambda: [ONE().answer(WIDTH)]),
    Quote("All {} are in", lambda: [len(CLAIMS)]),
    Quote("reach from {:.2f} to {:.2f} %, those of `resnet8-4` from {:.2f} to {:.2f} %", _ranges),
    Quote(
        "Four times the channels: {} against {}.",
        lambda: [count(TEN().mean(model, "params")) for model in ("resnet8-4", "resnet32")],
    ),
    Quote("has {:.1f} times the MACs of `resnet32`. Why does it answer sooner, in {} instead of {}?", _latencies),
    Quote("The interval at equal scale factor is {} to {}.", _interval),
    Quote("at most {:.0f} miss the true difference", lambda: [100 * (1 - CONFIDENCE)]),
    Quote("from {:.2f} pp wide with five seeds to {:.2f} pp with ten", lambda: map(_width_of_interval, (FIVE, TEN))),
    Quote(
        "`resnet8-4` is {:.2f} pp above `resnet8`, {}. Is it better?** That is not shown. Nor is it shown that they "
        "are equal: the interval ends at {} pp",
        _wider_than_the_base,
    ),
    Quote("`resnet32` is {:.2f} pp above its mean, that of `resnet8-4` {:.2f} pp", _beyond_the_mean),
    Quote("Is {:.2f} pp much?** `resnet32` gets {:.2f} % of the test images wrong, `resnet8-4` {:.2f} %", _errors),
    Quote("vary by 0.4 pp (one standard deviation), two of them differ by more than {:.1f} pp in one", _two_runs),
    Quote("in {} epochs from {} images", lambda: [TEN().results[0].epochs, TEN().results[0].train_images]),
)
GIVEN = (
    "a plan for 45 minutes",
    "8 layers and 4 times the channels",  # what the name means
    "Can the true difference be 2.5 pp?",  # a question
    "of 100 such intervals",
    "And with p = .049?",
    "p is below .001. So is the probability that both are equally good below .001?",  # a question
    "zoom the browser to 125 %",
)
