"""Disturbances made by hand, meters that report them, and a real process that keeps a core busy."""

import contextlib
import os
import subprocess
import sys

from harness.results.disturbance import Disturbance

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
def busy_process(core):
    """Keep a core busy with another process."""
    code = f"import os\nos.sched_setaffinity(0, {{{core}}})\nprint(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def pinned_beside_a_busy_process():
    """Run the body on one core, which another process keeps busy."""
    cores = os.sched_getaffinity(0)
    core = max(cores)
    os.sched_setaffinity(0, {core})
    try:
        with busy_process(core):
            yield core
    finally:
        os.sched_setaffinity(0, cores)
