"""Busy processes on chosen cores."""

import contextlib
import os
import subprocess
import sys
import time

import pytest

needs_affinity = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs CPU affinity")
_DETACH = "os.fork() and os._exit(0)"  # the parent ends, so the process is no child of the tests
_LOOP = """
import os, sys, threading
{detach}
os.sched_setaffinity(0, {{{core}}})
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print(os.getpid(), flush=True)
while True: pass
"""


@contextlib.contextmanager
def busy_processes(cores, *, are_children=False):
    """Run a process that computes without end on each core; yield their pids.

    They are children of this process, or other people's work. They also end with this process.
    """
    detach = "" if are_children else _DETACH
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _LOOP.format(detach=detach, core=core)], stdin=pipe, stdout=pipe, text=True
        )
        for core in cores
    ]
    try:
        yield [int(process.stdout.readline()) for process in started]
    finally:
        for process in started:
            process.communicate()  # closes its input


@contextlib.contextmanager
def on_one_core():
    """Pin this thread to one of its cores; yield the core's number."""
    before = os.sched_getaffinity(0)
    core = max(before)
    os.sched_setaffinity(0, {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def pinned_beside_a_busy_process():
    """Run the body on one core, which another process keeps busy."""
    with on_one_core() as core, busy_processes([core]):
        yield


def compute(seconds):
    """Use this thread's core for that CPU time, however long it takes."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
