"""A study of own networks: the mark's models, trained by a real pytest, and the answer that it prints."""

import importlib
import re

import pytest

from harness.results.declared_axes import read_declared_axes

BENCH = """
from dataclasses import replace
import harness, pytest
from torch import nn
from harness.config.recipes import DIGITS

RECIPE = replace(DIGITS, epochs=2, milestones=(1,), batch_size=16)

def build(depth, width, in_channels, num_classes):
    channels = round(16 * width)
    layers = [nn.Flatten(), nn.Linear(64 * in_channels, channels), nn.ReLU()]
    layers += [nn.Linear(channels, channels), nn.ReLU()] * (depth - 1)
    return nn.Sequential(*layers, nn.Linear(channels, num_classes))

NET = harness.Family("mynet", build, depths=range(1, 4))

def small(in_channels, num_classes):
    return build(1, 1, in_channels, num_classes)

def deeper(in_channels, num_classes):
    return build(2, 1, in_channels, num_classes)

def wider(in_channels, num_classes):
    return build(1, 2, in_channels, num_classes)

@pytest.mark.experiment("digits", MODELS, recipe=RECIPE)
def test_digits(trained):
    assert trained.is_complete
"""
NAMED = 'models={"small": small, "deeper": deeper, "wider": wider}'
AXES = 'base="small", axes={"depth": ["deeper"], "width": ["wider"]}'
FAMILY = "models=[NET(depth=1), NET(depth=2), NET(width=2)]"


@pytest.fixture
def trains_out(monkeypatch):
    """Two epochs that count as enough to be trained out, and no figures, which take seconds."""
    trained_out = importlib.import_module("harness.analysis.trained_out")
    monkeypatch.setattr(trained_out, "MAX_RISE_POINTS", 100.0)
    monkeypatch.setattr(trained_out, "NEAR_CHANCE", 2.0)
    monkeypatch.setattr(importlib.import_module("harness.report.build"), "study_figures", lambda *_: [])


@pytest.fixture
def run_own(pytester, bench, trains_out):
    """A function that trains the models of a mark's arguments in full, and returns pytest's outcome."""

    def run(models, *options):
        pytester.makepyfile(test_digits=BENCH.replace("MODELS", models))
        return bench("--full-training", "-pno:cacheprovider", *options)

    return run


def test_own_family_gets_a_complete_report_with_a_verdict(run_own, pytester):
    outcome = run_own(FAMILY)
    outcome.assert_outcomes(passed=3)
    outcome.stdout.fnmatch_lines(["mynet1 *", "mynet2 *", "mynet1-2 *", "digits*: 3 models, 1 seed, *"])
    outcome.stdout.re_match_lines([r"  same scale factor, ×2 +one run +\S+"])
    assert "one run each" in (pytester.path / "report/index.html").read_text("utf-8").lower()


def test_named_networks_get_a_verdict_by_their_given_axes(run_own, pytester):
    outcome = run_own(f"{NAMED}, {AXES}")
    outcome.assert_outcomes(passed=3)
    outcome.stdout.re_match_lines([r"  same scale factor, step 1 +one run +\S+"])
    assert [one.axes.base for one in read_declared_axes(pytester.path / "results")] == ["small"]


def test_axes_given_later_hold_for_reused_results(run_own):
    outcome = run_own(NAMED)
    outcome.stdout.fnmatch_lines(["  No answer: no model is a deeper or wider one of another. Give base='small' and"])
    outcome = run_own(f"{NAMED}, {AXES}", "-v")
    assert len(re.findall(r"PASSED \(reused\)", outcome.stdout.str())) == 3
    outcome.stdout.re_match_lines([r"  same scale factor, step 1 +one run +\S+"])


def test_one_name_of_two_networks_is_a_usage_error(run_own, pytester, studies):
    pytester.makepyfile(test_other=BENCH.replace("MODELS", "models={'small': deeper}"))
    outcome = run_own(NAMED)
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["ERROR: test_other.py::*: 'small' is built by another function than in test_digits*"])
    assert studies == []


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ("models=[NET(depth=1), NET(depth=5)]", "ERROR: test_digits.py:*: family 'mynet' has no depth 5: give one of*"),
        (f"{NAMED}, axes={{'depth': ['deeper']}}", "*axes is given without base*"),
        ("models={'resnet20': small}", "*'resnet20'*network of the harness*: give another name*"),
    ],
)
def test_wrong_models_are_usage_errors_before_any_study(models, says, run_own, studies):
    outcome = run_own(models)
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines([says])
    assert studies == []
    assert "Traceback" not in outcome.stdout.str() + outcome.stderr.str()
