"""The values of options, read from text; a wrong one is a `ValueError` that says what to give instead."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from harness.config.case import SEED_LIMIT
from harness.errors import InputError
from harness.files import expand_home

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
_TIME = re.compile("".join(rf"(?:([0-9]+(?:\.[0-9]+)?){unit})?" for unit in "dhms"))
_SEEDS = re.compile("([0-9]{1,19})(?:-([0-9]{1,19}))?")
_MOST_SEEDS = 10_000  # a slip such as 0-9999999 would collect cases without end
Number = TypeVar("Number", int, float)
_MOST_RATE = 1000.0  # no network learns at a higher one
_UNIT_SECONDS = (86_400, 3600, 60, 1)
_TRACKER = re.compile(r"tensorboard|mlflow|[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def boolean(text: str) -> bool:
    """Read a flag."""
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError("give true or false")
    return text.lower() in _TRUE


def positive(text: str) -> int:
    """Read a whole number, 1 or more."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise ValueError("give a whole number, 1 or more")
    return int(text)


def positive_or_auto(text: str) -> int | Literal["auto"]:
    """Read a whole number, 1 or more, or ``auto``."""
    try:
        return "auto" if text == "auto" else positive(text)
    except ValueError as error:
        raise ValueError(f"{error}, or auto") from error


def seeds(text: str) -> tuple[int, ...]:
    """Read different whole numbers, and ranges of them such as ``0-9``, separated by commas."""
    ranges = [_seed_range(part.strip()) for part in text.split(",")]
    if (count := sum(one.stop - one.start for one in ranges)) > _MOST_SEEDS:  # len() cannot count that far
        raise ValueError(f"these are {count:,} seeds; give at most {_MOST_SEEDS:,}, e.g. 0-9")
    numbers = tuple(itertools.chain.from_iterable(ranges))
    ((seed, times),) = Counter(numbers).most_common(1)
    if times > 1:
        raise ValueError(f"seed {seed} is given twice; give each seed once, e.g. 0,1,2 or 0-9")
    return numbers


def _seed_range(text: str) -> range:
    """Read a whole number, or a range such as ``0-9``, which includes both ends."""
    found = _SEEDS.fullmatch(text)
    if found is None or max(first := int(found[1]), last := int(found[2] or found[1])) >= SEED_LIMIT:
        raise ValueError("give whole numbers or ranges of them, separated by commas, e.g. 0,1,2 or 0-9")
    if last < first:
        raise ValueError(f"the range {text} is empty; give its smaller end first: {last}-{first}")
    return range(first, last + 1)


def schedules(text: str) -> tuple[int, ...]:
    """Read different numbers of epochs separated by commas."""
    try:
        numbers = tuple(positive(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise ValueError("give whole numbers, 1 or more, separated by commas, e.g. 30 or 30,100,300") from error
    return _each_once(numbers, "number of epochs")


def rates(text: str) -> tuple[float, ...]:
    """Read two or more different learning rates separated by commas, in ascending order."""
    found = _numbers(text, most=_MOST_RATE)
    if len(found) < 2:
        raise ValueError(f"give two or more numbers above 0 and up to {_MOST_RATE:g}, e.g. 0.02,0.05,0.1")
    return tuple(sorted(_each_once(found, "learning rate")))


def shares(text: str) -> tuple[float, ...]:
    """Read different shares of the training images, above 0 and up to 1, separated by commas."""
    found = _numbers(text, most=1)
    if not found:
        raise ValueError("give shares of the training images, above 0 and up to 1, e.g. 0.1,0.5,1")
    return _each_once(found, "share")


def share(text: str) -> float:
    """Read a share, above 0 and up to 1."""
    found = _numbers(text, most=1)
    if len(found) != 1:
        raise ValueError("give a share above 0 and up to 1, e.g. 0.25")
    return found[0]


def percentage(text: str) -> float:
    """Read a percentage, above 0 and up to 100."""
    found = _numbers(text, most=100)
    if len(found) != 1:
        raise ValueError("give a percentage above 0 and up to 100, e.g. 90")
    return found[0]


def _numbers(text: str, *, most: float) -> tuple[float, ...]:
    """Return the finite numbers above 0 and up to ``most`` in a list; empty if any part is none."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        return ()
    return found if all(0 < one <= most and math.isfinite(one) for one in found) else ()


def _each_once(values: tuple[Number, ...], noun: str) -> tuple[Number, ...]:
    if len(set(values)) < len(values):
        raise ValueError(f"a {noun} is given twice; give each once")
    return values


def fraction(text: str) -> float:
    """Read a share of the training images, 0 or more and below 1."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise ValueError("give a share of the training images, 0 or more and below 1, e.g. 0.1")
    return share


def gpu_share(text: str) -> float:
    """Read a share of one GPU, 0 to 1."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError("give 0, 1 or a share of one GPU, e.g. 0.5; to train a case on several GPUs use torchrun")
    return share


def cluster_address(text: str) -> str:
    """Read the address of a Ray cluster."""
    host, _, port = text.rpartition(":")
    if text.startswith("ray://"):
        raise ValueError(
            "results are written on the machine that runs pytest: run it on a machine of the cluster, and give auto"
        )
    if text != "auto" and not (host and port.isascii() and port.isdecimal()):
        raise ValueError("give auto or HOST:PORT, e.g. 10.0.0.1:6379")
    return text


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a parser that accepts these values alone."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"give {', '.join(choices[:-1])} or {choices[-1]}")
        return text

    return parse


def path(text: str) -> Path:
    """Read a folder; ``~`` is the user's own."""
    if not text:
        raise ValueError("give a folder, e.g. ~/data")
    try:
        return expand_home(text).absolute()
    except InputError as error:  # the option's own message has the text
        raise ValueError(str(error).removeprefix(f"{text}: ")) from error


def percentage_points(text: str) -> float:
    """Read a positive number of percentage points."""
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not 0 < points < math.inf:
        raise ValueError("give percentage points above 0, e.g. 0.5")
    return points


def time_seconds(text: str) -> float:
    """Read a time with units, from days to seconds, in seconds: ``90s``, ``1h30m``, ``1.5h``."""
    found = _TIME.fullmatch(text)
    parts = [float(number or 0) for number in found.groups()] if found else []
    seconds = sum(number * unit for number, unit in zip(parts, _UNIT_SECONDS, strict=True)) if found else 0.0
    if not 0 < seconds < math.inf:
        raise ValueError("give a time above 0 with its unit, e.g. 90s, 30m, 2h, 1d or 1h30m")
    return seconds


def trackers(text: str) -> tuple[str, ...]:
    """Read different names of trackers separated by commas."""
    names = tuple(part.strip() for part in text.split(","))
    if wrong := [name for name in names if not _TRACKER.fullmatch(name)]:
        raise ValueError(f"{wrong[0]!r} is not a tracker; give tensorboard, mlflow or MODULE:CLASS, a tracker of yours")
    if len(set(names)) < len(names):
        raise ValueError("a tracker is given twice; give each once, e.g. tensorboard,mlflow")
    return names
