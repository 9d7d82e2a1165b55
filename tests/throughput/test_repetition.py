import time
from dataclasses import replace

import pytest
import torch

from harness.throughput.repetition import Repetition, metered
from tests.helpers.busy import needs_affinity, pinned_beside_a_busy_process
from tests.helpers.disturbances import QUIET, busy, use_meter, use_real_meter

CPU = torch.device("cpu")
THROTTLED = replace(QUIET, gpu_throttled=True)
STOLEN = replace(QUIET, steal_seconds=0.4)
GPU_SHARED = replace(QUIET, gpu_processes=2)


def measure(*disturbances, max_seconds=60.0, seconds=1.0):
    """Measure a region that is disturbed like this in turn; return the try that was kept, and the notifications."""
    now, tries, notified = [0.0], list(enumerate(disturbances, 1)), []

    def work():
        now[0] += seconds
        return tries.pop(0)

    repetition = Repetition(notified.append, max_seconds=max_seconds, now=lambda: now[0])
    number, _ = repetition.measure("round 3", work, lambda one: [one[1]])
    return number, notified, len(tries)


def test_an_undisturbed_region_is_measured_once():
    assert measure(QUIET, QUIET) == (1, [], 1)


def test_recordings_without_disturbance_count_as_undisturbed():
    assert measure(None, QUIET) == (1, [], 1)


@pytest.mark.parametrize(
    ("disturbance", "cause"),
    [
        (busy(1.2), "other processes used 1.2 cores"),
        (STOLEN, "other virtual machines took 29% of the CPU time"),
        (GPU_SHARED, "2 other processes on the GPU"),
        (THROTTLED, "the GPU was throttled"),
        (replace(busy(1.2), steal_seconds=0.4, gpu_throttled=True),
         "other processes used 1.2 cores, other virtual machines took 15% of the CPU time and the GPU was throttled"),
    ],
    ids=["processes", "virtual machines", "GPU processes", "GPU throttled", "several"],
)  # fmt: skip
def test_a_disturbed_region_is_measured_again_until_undisturbed(disturbance, cause):
    line = f"round 3 disturbed ({cause}): measured again"
    assert measure(disturbance, disturbance, QUIET, QUIET) == (3, [line, line], 1)


def test_three_repetitions_at_most_keep_the_least_disturbed():
    number, notified, left = measure(busy(0.9), busy(0.5), busy(0.3), busy(0.7), QUIET)
    assert (number, left) == (3, 1)
    assert measure(GPU_SHARED, GPU_SHARED, replace(QUIET, gpu_processes=1), GPU_SHARED)[0] == 3
    assert [line.rpartition(": ")[2] for line in notified] == ["measured again"] * 3 + ["kept, marked as disturbed"]


def test_no_repetition_starts_after_the_time_is_up():
    number, notified, left = measure(busy(0.5), busy(0.9), QUIET, max_seconds=1.0)
    assert (number, len(notified), left) == (1, 2, 1)


def test_regions_share_the_time_for_repetition():
    now, notified = [0.0], []

    def work():
        now[0] += 10.0
        return busy()

    repetition = Repetition(notified.append, max_seconds=20.0, now=lambda: now[0])
    for name in ("first", "second"):
        repetition.measure(name, work, lambda one: [one])
    assert [line.split()[0] for line in notified] == ["first"] * 3 + ["second"]


@pytest.mark.parametrize("readings", [(QUIET, busy()), (busy(), QUIET)])
def test_a_region_is_disturbed_if_one_of_its_parts_is(readings):
    notified = []
    Repetition(notified.append).measure("pair", lambda: readings, lambda parts: parts)
    assert len(notified) == 4


@needs_affinity
def test_a_busy_process_on_the_same_core_is_noticed(monkeypatch):
    use_real_meter(monkeypatch)
    notified = []

    def burn():
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass

    with pinned_beside_a_busy_process():
        _, disturbance = Repetition(notified.append).measure("spin", lambda: metered(CPU, burn), lambda one: [one[1]])
    assert disturbance.is_disturbed
    assert len(notified) == 4
    assert notified[-1].startswith("spin disturbed (other processes used ")
    assert notified[-1].endswith(": kept, marked as disturbed")


def test_a_region_returns_its_value_with_its_disturbance(monkeypatch):
    use_meter(monkeypatch, busy(0.7))
    assert metered(CPU, lambda: "value") == ("value", busy(0.7))
