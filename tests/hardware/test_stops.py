import contextlib
import time

import pytest

from harness.hardware import stops
from harness.hardware.stops import Heartbeat, StopMeter


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


class FakeMeter:
    """A meter whose clocks and heartbeat are set by hand; ten seconds have passed."""

    def __init__(self, monkeypatch):
        self.wall, self.computed, self.waited = Clock(), Clock(), Clock()
        self.awake, self.asleep = Clock(), Clock()
        self.heartbeat = Heartbeat(self.wall)
        monkeypatch.setattr(stops.time, "perf_counter", self.wall)
        monkeypatch.setattr(stops.time, "thread_time", self.computed)
        monkeypatch.setattr(stops.time, "clock_gettime", lambda clock: clock())
        monkeypatch.setattr(stops.time, "CLOCK_BOOTTIME", self.asleep, raising=False)
        monkeypatch.setattr(stops.time, "CLOCK_MONOTONIC", self.awake, raising=False)
        monkeypatch.setattr(stops.linux_counters, "waiting_clock", lambda: contextlib.nullcontext(self.waited))
        monkeypatch.setattr(stops, "_HEART", self.heartbeat)
        self.meter = StopMeter()

    def pass_seconds(self, seconds, *, computed=0.0, waited=0.0):
        self.wall.seconds += seconds
        self.computed.seconds += computed
        self.waited.seconds += waited


@pytest.fixture
def fake(monkeypatch):
    """A meter whose clocks are set by hand."""
    return FakeMeter(monkeypatch)


def test_late_beats_are_added_up_and_the_one_that_is_due():
    clock = Clock()
    heartbeat = Heartbeat(clock)
    for late in (0.0, 0.05, 7.7, 0.0, 2.0):
        clock.seconds += 0.1 + late
        heartbeat.beat()
    assert heartbeat.missed_seconds() == pytest.approx(9.7)
    clock.seconds += 0.15
    assert heartbeat.missed_seconds() == pytest.approx(9.7)
    clock.seconds += 1.0
    assert heartbeat.missed_seconds() == pytest.approx(9.7 + 1.05)
    heartbeat.beat()
    assert heartbeat.missed_seconds() == pytest.approx(9.7 + 1.05)


def test_beat_that_waits_for_a_core_is_not_late():
    clock = Clock()
    heartbeat = Heartbeat(clock)
    heartbeat.beat(waited=3.0)
    clock.seconds += 5.0
    heartbeat.beat(waited=3.0 + 4.85)
    assert heartbeat.missed_seconds() == 0.0


@pytest.mark.parametrize(
    ("passed", "stopped"),
    [
        ({}, 9.9),  # no beat for ten seconds, and nothing was computed
        ({"computed": 2.0}, 8.0),
        ({"computed": 10.0}, 0.0),  # a computation kept the interpreter lock
        ({"computed": 1.0, "waited": 8.5}, 0.5),  # other processes had the core
        ({"computed": 11.0}, 0.0),
    ],
)
def test_missing_beats_are_a_stop_unless_the_thread_was_active(fake, passed, stopped):
    fake.pass_seconds(10.0, **passed)
    assert fake.meter.reading().stopped_seconds == pytest.approx(stopped)


def test_waiting_for_a_device_or_another_rank_is_no_stop(fake):
    for _ in range(100):
        fake.pass_seconds(0.1)
        fake.heartbeat.beat()
    assert fake.meter.reading().stopped_seconds == 0.0


def test_stop_before_a_region_is_not_the_regions(fake):
    fake.pass_seconds(5.0)
    meter = StopMeter()
    fake.heartbeat.beat()
    fake.pass_seconds(0.1, computed=0.1)
    assert meter.reading().stopped_seconds == 0.0


def test_sleep_is_the_growth_between_both_clocks(fake):
    fake.awake.seconds += 3.0
    fake.asleep.seconds += 7203.0
    assert fake.meter.reading().slept_seconds == 7200.0


def test_systems_without_a_clock_of_sleep_report_none(monkeypatch):
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    monkeypatch.delattr(time, "CLOCK_UPTIME_RAW", raising=False)
    assert stops._slept_seconds() == 0.0
    assert StopMeter().reading().slept_seconds == 0.0


def test_macos_counts_its_sleep_by_its_own_clocks(monkeypatch):
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    monkeypatch.setattr(time, "CLOCK_MONOTONIC_RAW", 50.0, raising=False)
    monkeypatch.setattr(time, "CLOCK_UPTIME_RAW", 8.0, raising=False)
    monkeypatch.setattr(time, "clock_gettime", lambda clock: clock)
    assert stops._slept_seconds() == 42.0


def test_heartbeat_of_this_process_beats():
    heart = stops._Heart()
    assert heart.missed_seconds() == 0.0
    first = heart._heartbeat._state[0]
    time.sleep(0.25)
    assert heart._heartbeat._state[0] > first
    thread = heart._thread
    heart.missed_seconds()
    assert heart._thread is thread
