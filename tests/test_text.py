import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.text import (
    count,
    count_noun,
    decimals,
    distinct_labels,
    duration,
    listed,
    listed_up_to,
    one_line,
    p_value,
    printable,
    printable_lines,
    short_time,
    signed,
    throughput,
)
from tests.helpers.evil_names import EVIL_NAMES, VISIBLE


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (0.04, "0.0s"),
        (0.06, "0.1s"),
        (0.8, "0.8s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (10, "10s"),
        (42, "42s"),
        (42.4, "42s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (60, "1m00s"),
        (185, "3m05s"),
        (3599.4, "59m59s"),
        (3599.7, "1h00m"),
        (3600, "1h00m"),
        (7620, "2h07m"),
        (7649, "2h07m"),
        (7651, "2h08m"),
        (86_400, "24h00m"),
        (47 * 3600 + 59 * 60 + 29, "47h59m"),
        (47 * 3600 + 59 * 60 + 31, "2d00h"),
        (48 * 3600, "2d00h"),
        (5 * 86_400 + 3 * 3600, "5d03h"),
        (5 * 86_400 + 23 * 3600 + 1801, "6d00h"),
        (150 * 86_400, "150d00h"),
    ],
)
def test_durations_are_human_readable(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (8.531e-5, "85.3 µs"), (9.996e-4, "1.00 ms"), (1.234e-3, "1.23 ms"), (0.0104, "10.4 ms"), (0.9996, "1.00 s"),
        (12.34, "12.3 s"), (1234.0, "1230 s"), (0.0, "0 µs"),
    ],
)  # fmt: skip
def test_short_times_have_three_figures(seconds, text):
    assert short_time(seconds) == text


@given(st.floats(1e-7, 1e4))
def test_short_time_is_exact_to_three_figures(seconds):
    number, unit = short_time(seconds).split()
    assert float(number) * {"µs": 1e-6, "ms": 1e-3, "s": 1.0}[unit] == pytest.approx(seconds, rel=0.00501, abs=1e-9)


@pytest.mark.parametrize(
    ("image_seconds", "text"),
    [
        (1.2e-4, "8,330 images/s"),
        (7e-3, "143 images/s"),
        (0.0272, "36.8 images/s"),
        (2.2, "0.455 images/s"),
        (1e-3, "1,000 images/s"),
    ],
)
def test_throughput_is_images_per_second(image_seconds, text):
    assert throughput(image_seconds) == text


UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@given(st.floats(0, 1e8))
@settings(deadline=None, max_examples=500)
def test_duration_is_exact_to_its_last_unit(seconds):
    text = duration(seconds)
    parts = re.findall(r"(\d+(?:\.\d)?)([smhd])", text)
    last = UNITS[parts[-1][1]] * (0.1 if "." in text else 1)

    assert "".join(map("".join, parts)) == text
    assert sum(float(number) * UNITS[unit] for number, unit in parts) == pytest.approx(seconds, abs=last * 0.501)
    if len(parts) == 2:
        number, unit = parts[1]
        assert len(number) == 2
        assert int(number) < {"s": 60, "m": 60, "h": 24}[unit]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (0.04, "0"),
        (7, "7"),
        (999, "999"),
        (999.4, "999"),
        (1000, "1.00k"),
        (1234, "1.23k"),
        (12_345, "12.35k"),
        (99_990, "99.99k"),
        (100_000, "100.0k"),
        (269_722, "269.7k"),
        (999_900, "999.9k"),
        (1e6, "1.00M"),
        (4_286_026, "4.29M"),
        (17_124_490, "17.12M"),
        (317_753_643, "317.8M"),
        (1e9, "1.00G"),
        (56_773_153_536, "56.77G"),
    ],
)
def test_counts_have_a_prefix(number, text):
    assert count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(99_996, "100.0k"), (999_960, "1.00M"), (999_999, "1.00M"), (99_996_000, "100.0M"), (999_999_999, "1.00G")],
)
def test_counts_that_round_up_keep_three_or_four_figures(number, text):
    assert count(number) == text


@given(st.floats(0, 9.99e11))
@settings(deadline=None, max_examples=500)
def test_count_is_exact_to_three_figures(number):
    number_said, prefix = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)", count(number)).groups()
    value = float(number_said) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[prefix]

    assert value == pytest.approx(number, rel=0.005, abs=0.5)


@pytest.mark.parametrize(
    ("words", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (("a", "b", "c"), "a, b and c")]
)
def test_words_are_joined_by_commas_and_a_last_and(words, text):
    assert listed(words) == text


def test_a_long_list_counts_the_rest():
    assert listed_up_to(["a", "b"], 2, "file") == "a and b"
    assert listed_up_to(["a", "b", "c"], 2, "file") == "a, b and 1 more file"
    assert listed_up_to(["a", "b", "c"], 1, "class") == "a and 2 more classes"


def test_number_has_its_noun():
    assert [count_noun(number, "epoch") for number in (0, 1, 2)] == ["0 epochs", "1 epoch", "2 epochs"]
    assert [count_noun(number, "class") for number in (1, 43)] == ["1 class", "43 classes"]


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [
        (0.28, 2, "+0.28"),
        (-0.28, 2, "−0.28"),
        (0, 2, "0.00"),
        (-0.0, 1, "0.0"),
        (0.004, 2, "0.00"),
        (-0.004, 2, "0.00"),
        (-0.006, 2, "−0.01"),
        (12.345, 0, "+12"),
        (-99.96, 1, "−100.0"),
    ],
)
def test_number_has_its_sign_unless_it_rounds_to_0(number, digits, text):
    assert signed(number, digits) == text


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_signed_number_is_the_rounded_number(number, digits):
    text = signed(number, digits)
    assert float(text.replace("−", "-")) == float(f"{number:.{digits}f}")
    assert "-" not in text
    assert signed(-number, digits) == text.translate(str.maketrans("+−", "−+"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0, "p < .001"),
        (0.00099, "p < .001"),
        (0.001, "p = .001"),
        (0.0442, "p = .044"),
        (0.05, "p = .050"),
        (0.751, "p = .751"),
        (0.9999, "p = 1.000"),
        (1, "p = 1.000"),
    ],
)
def test_p_value_has_three_decimals(value, text):
    assert p_value(value) == text


@pytest.mark.parametrize(
    ("number", "figures", "places"),
    [(0, 3, 0), (1, 3, 2), (9.99, 3, 2), (10, 3, 1), (100, 3, 0), (12_345, 3, 0), (0.0123, 3, 4), (-0.5, 2, 2)],
)
def test_decimals_by_hand(number, figures, places):
    assert decimals(number, figures) == places


@given(st.floats(1e-6, 1e6), st.integers(1, 5))
def test_decimals_show_the_requested_figures(number, figures):
    places = decimals(number, figures)
    assert float(f"{number:.{places}f}") == pytest.approx(number, rel=0.51 * 10 ** (1 - figures))
    assert decimals(-number, figures) == places


def test_one_line_is_printable_and_not_too_long():
    assert one_line(" a\tb\x1b[31m\nc ", 20) == "a b [31m c"
    assert one_line("abcdef", 6) == "abcdef"
    assert one_line("abcdefg", 6) == "abcde…"


def test_labels_have_the_key_only_where_names_clash():
    names = {"1": "a", "2": "b", "3": "b", "4": ""}
    assert distinct_labels(names, 9) == {"1": "a", "2": "b 2", "3": "b 3", "4": "4"}


@pytest.mark.parametrize("name", EVIL_NAMES)
def test_printable_text_has_no_invisible_character(name):
    assert printable(name).isprintable()
    assert printable(printable(name)) == printable(name)


def test_printable_text_shows_each_escape_and_keeps_visible_characters():
    assert printable("\x1b[0m\r\n\t\x7f\u202e\udce9") == r"\x1b[0m\r\n\t\u007f\u202e\udce9"
    assert printable(VISIBLE) == VISIBLE
    assert printable_lines("a\x07\nb") == "a\\x07\nb"


@given(st.dictionaries(st.text(), st.text()))
def test_printable_json_has_the_same_values(values):
    assert json.loads(printable_lines(json.dumps(values, ensure_ascii=False))) == values
