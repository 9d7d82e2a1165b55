"""Disturbances as constructed values, and meters that report them."""

from harness.hardware.disturbance_meter import DisturbanceMeter
from harness.results.disturbance import Disturbance

_REAL_READING = DisturbanceMeter.reading


def disturbance(**changes):
    """Return the disturbance of a second of one thread on one core, undisturbed but for the changes."""
    quiet = {
        "wall_seconds": 1.0, "threads": 1, "cores": 1, "cpu_seconds": 0.99, "other_cpu_seconds": 0.0,
        "involuntary_switches": 0, "waiting_seconds": 0.0, "pressure_seconds": 0.0,
    }  # fmt: skip
    return Disturbance(**(quiet | changes))


def busy(cores=1.0):
    """Return the disturbance by processes that used so many cores."""
    return disturbance(cores=2, cpu_seconds=1.0, other_cpu_seconds=cores, involuntary_switches=200, waiting_seconds=0.5)


QUIET = disturbance()
"""The disturbance of a region beside which nothing else ran."""


def use_meter(monkeypatch, *readings):
    """Let each measurement read the next of the disturbances, and the last one from then on."""
    left = list(readings)
    monkeypatch.setattr(DisturbanceMeter, "reading", lambda _: left.pop(0) if len(left) > 1 else left[0])


def use_real_meter(monkeypatch):
    """Let each measurement read its own disturbance again."""
    monkeypatch.setattr(DisturbanceMeter, "reading", _REAL_READING)
