"""Logarithmic axes with round ticks: numbers and durations that people use."""

import math
import re
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes as Plot
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, NullFormatter

from harness.text import count, duration


def _powers(*factors: int) -> list[float]:
    return [factor * 10.0**power for power in range(-9, 19) for factor in factors]


def _times(*factors: int) -> list[float]:
    return [
        factor * unit for unit in _TIME_UNITS.values() for factor in factors if factor * unit < 36000 or unit > 3600
    ]


_TIME_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
# From dense to sparse: an axis takes the first choice with few enough ticks.
NUMBER_TICKS = (_powers(1, 2, 5), _powers(1, 3), _powers(1))
THROUGHPUT_TICKS = (_powers(1, 2, 5), _powers(1, 5), _powers(1))  # their reciprocals are round too
DURATION_TICKS = (_times(1, 2, 5, 10, 30), _times(1, 5, 20), _times(1, 10), _times(1))
_MAX_TICKS = 5
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class RoundTicks(Locator):
    """Two to five round values on a logarithmic axis of any span."""

    def __init__(self, choices: Sequence[Sequence[float]]) -> None:
        self.choices = choices

    def __call__(self) -> list[float]:
        low, high = self.axis.get_view_interval()  # type: ignore[union-attr]
        return self.tick_values(low, high)

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Return the ticks between two values."""
        for values in self.choices:
            found = [value for value in values if vmin <= value <= vmax]
            if 2 <= len(found) <= _MAX_TICKS:
                return found
        if len(found) > _MAX_TICKS:
            return found[:: -(-len(found) // _MAX_TICKS)]
        even = MaxNLocator(_MAX_TICKS - 1, steps=[1, 2, 5, 10]).tick_values(vmin, vmax)
        return [float(value) for value in even if vmin <= value <= vmax]


def set_log_axis(plot: Plot, which: str, form: Callable[[float], str]) -> None:
    """Make the ``x`` or ``y`` axis logarithmic, with round ticks in the given format."""
    getattr(plot, f"set_{which}scale")("log")
    axis = getattr(plot, f"{which}axis")
    axis.set_major_locator(round_ticks(form))
    axis.set_major_formatter(FuncFormatter(lambda value, _: form(value)))
    axis.set_minor_formatter(NullFormatter())


def round_ticks(form: Callable[[float], str]) -> RoundTicks:
    """Return the ticks for values that are printed in a format."""
    return RoundTicks({tick_duration: DURATION_TICKS, tick_throughput: THROUGHPUT_TICKS}.get(form, NUMBER_TICKS))


def tick_count(number: float) -> str:
    """Return a round number with its prefix: ``200k``, ``5M``."""
    return re.sub(r"\.0+(?=\D|$)", "", count(number)) if number >= 1000 else f"{number:g}"


def tick_power(value: float) -> str:
    """Return a power of ten: ``1``, ``10⁻⁶``."""
    exponent = round(math.log10(value))
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}" if exponent else "1"


def tick_duration(seconds: float) -> str:
    """Return a round time with its unit: ``30 min``, ``2 h``, ``0.25 s``."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    unit = next(
        (one for one in reversed(_TIME_UNITS) if seconds >= _TIME_UNITS[one] and not seconds % _TIME_UNITS[one]), ""
    )
    return f"{seconds / _TIME_UNITS[unit]:g} {unit}" if unit else duration(seconds)


def tick_short_time(seconds: float) -> str:
    """Return a round short time with its unit: ``0.5 ms``, ``20 ms``, ``2 s``."""
    return f"{1000 * seconds:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"


def tick_throughput(image_seconds: float) -> str:
    """Return seconds per image as a round number of images per second: ``200``, ``5k``."""
    return tick_count(float(f"{1 / image_seconds:.3g}"))
