"""Waiting for another process, with a limit that only a hang reaches."""

import time

WAIT_SECONDS = 60


def wait_until(condition):
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
