"""Disturbances made by hand, meters that report them, and a core shared with a real busy process."""

import contextlib

from harness.results.disturbance import Disturbance
from tests.helpers.busy import busy_processes, on_one_core

QUIET = Disturbance(1.0, threads=1, cores=2, cpu_seconds=1.0, other_cpu_seconds=0.0, involuntary_switches=3)


def busy(cores=1.0):
    """Return the disturbance by processes that used so many cores."""
    return Disturbance(
        1.0, threads=1, cores=2, cpu_seconds=1.0, other_cpu_seconds=cores, involuntary_switches=200, waiting_seconds=0.5
    )


def use_meter(monkeypatch, *readings):
    """Let each measurement read the next of the disturbances, and the last one from then on."""
    left = list(readings)

    class Meter:
        def __init__(self, device):
            pass

        def reading(self):
            return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr("harness.throughput.repetition.DisturbanceMeter", Meter)


@contextlib.contextmanager
def pinned_beside_a_busy_process():
    """Run the body on one core, which another process keeps busy."""
    with on_one_core() as core, busy_processes([core]):
        yield
