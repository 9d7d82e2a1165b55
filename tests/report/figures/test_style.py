import re
from xml.etree import ElementTree

import pytest

from harness.report.figures.style import _DURATIONS as DURATIONS
from harness.report.figures.style import _NUMBERS as NUMBERS
from harness.report.figures.style import INK, RoundTicks, drawn, tick_count, tick_duration, write_figure

NAMES = ["$x_1^2$", "a_b", "<script>", "R&D", "猫", "عربي", "\x01", "two\nlines", "{", "\\frac"]


def sample(name="sample"):
    def draw(canvas):
        plot = canvas.subplots()
        plot.plot([0, 1], [0, 1], marker="o")
        plot.set_yticks(range(len(NAMES)), NAMES)

    return drawn(name, "A title", "A caption", "A description", draw, (4, 3))


def test_any_name_gives_well_formed_svg_that_has_it():
    svg = sample().svg
    texts = {text for one in ElementTree.fromstring(svg).iter() for text in [(one.text or "").strip()] if text}
    assert {"$x_1^2$", "a_b", "<script>", "R&D", "猫", "\\frac"} <= texts
    assert "\x01" not in svg


def test_the_same_drawing_is_the_same_bytes_and_two_share_no_id():
    assert (sample().svg, sample().png) == (sample().svg, sample().png)
    ids = [set(re.findall(r'\bid="([^"]+)"', sample(name).svg)) for name in ("one", "other")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_files_are_an_svg_in_black_and_a_png(tmp_path):
    figure = sample()
    svg, png = write_figure(figure, tmp_path)
    assert INK in figure.svg
    assert INK not in svg.read_text()
    assert png.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (2e5, 2.5e7, ["300k", "1M", "3M", "10M"]),
        (11, 19, ["12", "14", "16", "18"]),
        (4, 60, ["5", "10", "20", "50"]),
    ],
)
def test_ticks_of_numbers_are_round_and_never_too_few_or_many(low, high, ticks):
    assert [tick_count(value) for value in RoundTicks(NUMBERS).tick_values(low, high)] == ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1300, 20000, ["30 min", "1 h", "2 h", "5 h"]),
        (2, 70, ["2 s", "5 s", "10 s", "30 s", "1 min"]),
        (7200, 1e6, ["5 h", "1 d", "5 d"]),
    ],
)
def test_ticks_of_times_are_times_that_people_say(low, high, ticks):
    assert [tick_duration(value) for value in RoundTicks(DURATIONS).tick_values(low, high)] == ticks


def test_any_span_has_some_ticks_within_it():
    for choices in (NUMBERS, DURATIONS):
        for power in range(-2, 8):
            for span in (1.5, 4, 30, 1e3, 1e7):
                low, high = 3.1 * 10.0**power, 3.1 * 10.0**power * span
                found = RoundTicks(choices).tick_values(low, high)
                assert 2 <= len(found) <= 6
                assert low <= min(found) < max(found) <= high
