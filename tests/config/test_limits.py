import math
from pathlib import Path

import pytest

from harness.config.limits import (
    LIMIT_OPTIONS,
    MEASURES_BY_NAME,
    Allowance,
    Limit,
    limits_from,
    overridden,
    parse_limits,
)
from harness.config.settings import read_settings
from harness.errors import InputError

ACCURACY, SECONDS = MEASURES_BY_NAME["accuracy_percent"], MEASURES_BY_NAME["epoch_seconds"]


def limits(**given):
    return limits_from(vars(read_settings(given, {})))


@pytest.mark.parametrize(
    ("measure", "text", "amount", "is_relative"),
    [
        (SECONDS, "+10%", 0.1, True),
        (SECONDS, "10%", 0.1, True),
        (SECONDS, "0.02", 0.02, False),
        (SECONDS, " +0% ", 0.0, True),
        (ACCURACY, "0.5", 0.5, False),
        (ACCURACY, "-0.5", 0.5, False),
        (ACCURACY, "1%", 0.01, True),
        (ACCURACY, "none", math.inf, False),
    ],
)
def test_a_limit_is_relative_or_in_the_measures_unit(measure, text, amount, is_relative):
    assert measure.parse(text) == Allowance(amount, is_relative)


@pytest.mark.parametrize("text", ["", "-10%", "ten", "inf", "nan", "10%%", "1e3", "+-1"])
def test_a_wrong_limit_is_refused_with_the_right_form(text):
    with pytest.raises(
        ValueError, match=r"give the largest rise of the epoch time, relative, e.g. \+10%, or in seconds"
    ):
        SECONDS.parse(text)


def test_a_number_too_large_for_a_limit_is_not_taken_for_none():
    with pytest.raises(ValueError, match="give a smaller number, or none"):
        SECONDS.parse("9" * 400)


def test_an_accuracy_may_drop_but_a_rise_is_no_limit():
    with pytest.raises(InputError, match=r"--max-accuracy-drop '\+0.5': give the largest drop of the accuracy"):
        limits(max_accuracy_drop="+0.5")


def test_the_defaults_are_those_of_the_documented_command():
    texts = {name: (limit.text, limit.is_default) for name, limit in limits().items()}
    assert texts == {
        "accuracy_percent": ("-0.5", True),
        "epoch_seconds": ("+10%", True),
        "params": ("+0%", True),
        "macs": ("+0%", True),
        "peak_memory_bytes": ("+10%", True),
    }


def test_a_given_limit_replaces_its_default_alone():
    found = limits(max_epoch_time="+25%", max_memory="none", max_f1_drop="1")
    assert (found["epoch_seconds"].text, found["epoch_seconds"].is_default) == ("+25%", False)
    assert (found["macro_f1_percent"].text, found["params"].is_default) == ("-1", True)
    assert "peak_memory_bytes" not in found
    assert LIMIT_OPTIONS[2] == "max-epoch-time"


def test_times_of_use_have_no_limit_by_default():
    found = limits(max_latency="+10%", max_image_time="0.001")
    assert (found["latency_seconds"].text, found["image_seconds"].text) == ("+10%", "+0.001")
    assert not found["latency_seconds"].is_default
    assert {"latency_seconds", "image_seconds"}.isdisjoint(limits())


def test_an_experiments_own_limits_override_the_options():
    own = parse_limits({"epoch_seconds": "+50%", "accuracy_percent": "-0.2", "params": "none", "macs": 1000})
    found = overridden(limits(max_epoch_time="+25%"), own)
    assert {name: limit.text for name, limit in found.items()} == {
        "accuracy_percent": "-0.2", "epoch_seconds": "+50%", "macs": "+1000", "peak_memory_bytes": "+10%",
    }  # fmt: skip
    assert not found["epoch_seconds"].is_default


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["+10%"], r"limits is \['\+10%'\]: give a dict, e.g. \{'epoch_seconds': '\+10%'\}"),
        ({"speed": "+10%"}, "limits names 'speed': give accuracy_percent, macro_f1_percent, epoch_seconds, params"),
        ({"params": "-5%"}, "limits, params '-5%': give the largest rise of the parameters"),
    ],
)
def test_wrong_limits_of_a_mark_are_refused(given, says):
    with pytest.raises(ValueError, match=says):
        parse_limits(given)


def test_excess_is_positive_beyond_the_limit_in_either_direction():
    slower, worse = Limit(SECONDS, Allowance(0.1, True)), Limit(ACCURACY, Allowance(0.5, False))
    assert slower.worst(2.0) == pytest.approx(2.2)
    assert slower.excess(2.2, 2.5) == pytest.approx(0.3)
    assert worse.worst(96.0) == 95.5
    assert worse.excess(95.5, 95.0) == 0.5
    assert Limit(ACCURACY, Allowance(0.01, True)).worst(90.0) == pytest.approx(89.1)


def test_a_baseline_must_exist_and_differ_from_the_results(tmp_path):
    with pytest.raises(InputError, match="--baseline /no/such does not exist: give the results folder of an earlier"):
        read_settings({"full_training": True, "baseline": "/no/such"}, {})
    with pytest.raises(InputError, match="--baseline needs --full-training: add it"):
        read_settings({"baseline": str(tmp_path)}, {})
    same = {"full_training": True, "baseline": str(tmp_path), "results_dir": str(tmp_path / "x/..")}
    with pytest.raises(InputError, match="is the --results-dir too: a result would be compared with itself"):
        read_settings(same, {})
    assert read_settings(same | {"results_dir": str(tmp_path / "r")}, {}).baseline == Path(tmp_path)
