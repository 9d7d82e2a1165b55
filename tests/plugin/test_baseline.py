"""``--baseline`` in real pytest sessions; the trainings' results are synthetic."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from harness.study.study import Study
from tests.helpers.synthetic import failed_result, store, synthetic_result
from tests.plugin.benches import CONFTEST

BENCH = """
import pytest
@pytest.mark.experiment("digits", models=["resnet8"], seeds=[0, 1, 2]{mark})
def test_digits(trained):
    assert trained.accuracy_percent is None or trained.accuracy_percent > 50
@pytest.mark.experiment("digits", models=["resnet8-2"])
def test_wider(trained):
    pass
"""
EPOCHS = 3
SESSIONS = iter(range(10**6))


@pytest.fixture
def session(pytester, monkeypatch):
    """Return a function that runs pytest; its trainings have the results of the given changes."""
    monkeypatch.setattr("harness.plugin.summary.summarise", lambda *_: None)
    pytester.makeconftest(CONFTEST)

    def run(*arguments, mark="", status="complete", only="resnet8-seed", **changes):
        number = next(SESSIONS)

        def train(self, experiment, callback=None):
            case, at = self.case(experiment), f"2026-11-24T12:00:00.{number:06}+00:00"
            kind = synthetic_result if status == "complete" or case.seed else failed_result
            own = {} if kind is synthetic_result else {"status": status}
            accuracy = changes.get("accuracy", 96.0) + 0.2 * case.seed
            own |= {key: value for key, value in changes.items() if key != "accuracy"}
            named = {"dataset": case.dataset, "model": case.model, "seed": case.seed, "accuracy_percent": accuracy}
            times = {"mode": case.mode, "started_at": at, "finished_at": at, "case_changes": {"recipe": case.recipe}}
            result = replace(kind(**named, **times, **own), case=case)
            return store(self.results.root, result), []

        monkeypatch.setattr(Study, "train", train)
        pytester.makepyfile(test_digits=BENCH.format(mark=mark))
        full = ["--full-training", "--epochs", str(EPOCHS), "-k", only]
        return pytester.runpytest_inprocess(*full, *arguments)

    return session


@pytest.fixture
def guarded(session):
    """Return `session` with a baseline in the folder base."""
    session("--results-dir", "base").assert_outcomes(passed=3)
    return lambda *arguments, **changes: session("--baseline", "base", *arguments, **changes)


def test_a_session_within_the_limits_says_so(guarded):
    run = guarded()
    run.assert_outcomes(passed=3)
    assert run.ret == 0
    run.stdout.fnmatch_lines(["=*= compared with */base =*=", "5 comparisons of 1 case: within the limits"])


def test_a_violation_fails_the_last_test_of_its_case_and_is_in_junit(guarded, pytester):
    run = guarded("--junit-xml", "junit.xml", params=80_000)
    run.assert_outcomes(passed=2, failed=1)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(
        ["beyond the limits:", "digits resnet8  parameters  75,002  80,000   +6.7%    +0%", "FAILED *resnet8-seed2]*"]
    )
    (failure,) = ElementTree.parse(pytester.path / "junit.xml").iter("failure")
    assert "digits resnet8: parameters 75,002 → 80,000 (+6.7%), limit +0%" in failure.get("message")


def test_the_options_and_the_mark_set_the_limits(guarded):
    assert guarded("--max-params", "+10%", params=80_000).ret == 0
    assert guarded("--max-params", "+10%", mark=", limits={'params': '+1%'}", params=80_000).ret == 1
    assert guarded(mark=", limits={'params': '+10%'}", params=80_000).ret == 0


def test_wrong_limits_in_the_mark_are_an_error_of_the_command(session):
    run = session(mark=", limits={'speed': '+1%'}")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*@pytest.mark.experiment: limits names 'speed': give accuracy_percent, *"])


def test_a_given_limit_that_cannot_be_checked_fails_the_case(guarded):
    other = {"environment": {"threads": 1}}
    assert guarded(**other).ret == 0
    run = guarded("--max-epoch-time", "+10%", **other)
    run.assert_outcomes(passed=2, failed=1)
    run.stdout.fnmatch_lines(["*not compared: digits resnet8, epoch time: 2 threads → 1 thread*"])


def test_a_diverged_training_fails_the_session(guarded):
    run = guarded(status="diverged")
    run.assert_outcomes(passed=2, failed=1)
    run.stdout.fnmatch_lines(["*digits resnet8: status 3 complete → 2 complete, 1 diverged, limit as before*"])


def test_a_case_whose_last_test_fails_is_compared_at_the_end(guarded):
    run = guarded(accuracy=40.0)
    run.assert_outcomes(failed=3)
    run.stdout.fnmatch_lines(["digits resnet8  accuracy  *  -0.5 pp"])


def test_a_session_that_stops_early_compares_nothing(guarded):
    run = guarded("-x", accuracy=40.0)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["not compared: digits resnet8: the session ended before its tests"])


def test_a_new_case_is_named_and_does_not_fail(guarded):
    run = guarded(only="digits or wider")
    run.assert_outcomes(passed=4)
    assert run.ret == 0
    run.stdout.fnmatch_lines(["not compared: digits resnet8-2: the baseline has no such case"])


def trained(run):
    return re.findall(r"compared with|passed|failed", run.stdout.str()) != []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--baseline", "gone"], "*--baseline */gone does not exist: give the results folder of an earlier run"),
        (["--max-params", "+0%"], "*--max-params needs --baseline DIR, the results folder to compare with"),
        (["--baseline", "base", "--results-dir", "base"], "*is the --results-dir too: a result would be compared*"),
        (
            ["--baseline", "base", "--epochs", "4"],
            "*has no result of a selected case: digits resnet8 is missing under the same conditions: *epochs 4 → 3*",
        ),
        (
            ["--baseline", "base", "-k", "wider"],
            "*--baseline */base has no result of a selected case: digits resnet8-2 is missing",
        ),
    ],
)
def test_a_wrong_baseline_is_an_error_before_any_training(session, arguments, says):
    session("--results-dir", "base")
    run = session(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([says])
    assert not trained(run)


def test_a_damaged_baseline_is_an_error_before_any_training(session, pytester):
    session("--results-dir", "base")
    (damaged, *_) = pytester.path.glob("base/*seed1*/result.json")
    damaged.write_text("{}")
    run = session("--baseline", "base")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"*--baseline: {damaged} is not a result*", "remove it, or train its case again"])


def test_a_quick_run_with_a_baseline_is_refused(session, pytester):
    (pytester.path / "base").mkdir()
    run = pytester.runpytest_inprocess("-p", "harness.plugin", "--baseline", "base")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*--baseline needs --full-training*"])


def test_collecting_only_compares_nothing(guarded):
    run = guarded("--collect-only")
    assert run.ret == 0
    run.stdout.no_fnmatch_line("*compared with*")
