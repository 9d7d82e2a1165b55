import pytest

from harness.report.figures.ticks import (
    DURATION_TICKS,
    NUMBER_TICKS,
    THROUGHPUT_TICKS,
    RoundTicks,
    tick_count,
    tick_duration,
    tick_power,
    tick_short_time,
    tick_throughput,
)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (2e5, 2.5e7, ["300k", "1M", "3M", "10M"]),
        (11, 19, ["12", "14", "16", "18"]),
        (4, 60, ["5", "10", "20", "50"]),
    ],
)
def test_number_ticks_are_round_and_few(low, high, ticks):
    assert [tick_count(value) for value in RoundTicks(NUMBER_TICKS).tick_values(low, high)] == ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1300, 20000, ["30 min", "1 h", "2 h", "5 h"]),
        (2, 70, ["2 s", "5 s", "10 s", "30 s", "1 min"]),
        (7200, 1e6, ["5 h", "1 d", "5 d"]),
        (0.17, 0.2, ["0.17 s", "0.18 s", "0.19 s", "0.2 s"]),
    ],
)
def test_duration_ticks_are_round_and_few(low, high, ticks):
    assert [tick_duration(value) for value in RoundTicks(DURATION_TICKS).tick_values(low, high)] == ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (2e-3, 4e-2, ["2 ms", "5 ms", "10 ms", "20 ms"]),
        (3e-4, 0.2, ["1 ms", "10 ms", "100 ms"]),
        (0.4, 9, ["500 ms", "1 s", "2 s", "5 s"]),
    ],
)
def test_ticks_of_short_times_are_round(low, high, ticks):
    assert [tick_short_time(value) for value in RoundTicks(NUMBER_TICKS).tick_values(low, high)] == ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (5e-4, 3e-2, ["2k", "1k", "200", "100"]),
        (1e-4, 2e-3, ["10k", "5k", "2k", "1k", "500"]),
        (0.9, 30, ["1", "0.5", "0.2", "0.1", "0.05"]),
    ],
)
def test_ticks_of_throughput_are_round_rates(low, high, ticks):
    assert [tick_throughput(value) for value in RoundTicks(THROUGHPUT_TICKS).tick_values(low, high)] == ticks


def test_any_span_has_two_to_six_ticks_within_it():
    for choices in (NUMBER_TICKS, THROUGHPUT_TICKS, DURATION_TICKS):
        for power in range(-2, 8):
            for span in (1.5, 4, 30, 1e3, 1e7):
                low, high = 3.1 * 10.0**power, 3.1 * 10.0**power * span
                found = RoundTicks(choices).tick_values(low, high)
                assert 2 <= len(found) <= 6
                assert low <= min(found) < max(found) <= high


@pytest.mark.parametrize(("value", "text"), [(1e6, "10⁶"), (1.0, "1"), (1e-12, "10⁻¹²")])
def test_powers_of_ten_are_written_with_exponents(value, text):
    assert tick_power(value) == text
