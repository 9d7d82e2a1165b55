"""``--baseline`` in real pytest sessions; the trainings' results are synthetic."""

import shutil
from dataclasses import replace
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

import harness.plugin.summary  # noqa: F401 - pytester forgets modules that its sessions import first
from harness.config.experiment import plan_experiment
from harness.config.settings import read_settings
from harness.plugin.baseline import _guarded
from harness.plugin.session import ITEM
from harness.results.declared_tuning import DeclaredTuning, declare_tuning
from harness.study.study import Study
from tests.helpers.synthetic import failed_result, store, synthetic_result
from tests.plugin.benches import CONFTEST

SKIPPED = 99_999
BENCH = f"""
import pytest
SKIPPED = {SKIPPED}
@pytest.mark.experiment("digits", models=["resnet8"], seeds=[0, 1, 2]{{mark}})
def test_digits(trained):
    if trained.params == SKIPPED and trained.seed == 2:
        pytest.skip()
    assert trained.accuracy_percent is None or trained.accuracy_percent > 50
@pytest.mark.experiment("digits", models=["resnet8-2"])
def test_wider(trained):
    pass
"""
FULL = ("--full-training", "--epochs", "3")
SESSIONS = iter(range(10**6))


def result_of(case, number, accuracy=96.0, status="complete", **changes):
    """Return a synthetic result of a case; with a status, seed 0 alone has it."""
    at = f"2026-11-24T12:00:00.{number:06}+00:00"
    named = {"dataset": case.dataset, "model": case.model, "seed": case.seed, "mode": case.mode}
    named |= {"accuracy_percent": accuracy + 0.2 * case.seed, "started_at": at, "finished_at": at}
    named |= {"case_changes": {"recipe": case.recipe}} | changes
    is_failed = status != "complete" and case.seed == 0
    return replace(failed_result(status, **named) if is_failed else synthetic_result(**named), case=case)


@pytest.fixture(scope="module")
def stored_base(tmp_path_factory):
    """A results folder with the three seeds of resnet8, as an earlier session would leave it."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        study = Study(read_settings({"full_training": True, "epochs": "3", "results_dir": str(folder / "base")}))
        experiments = [plan_experiment(study.settings, "digits", "resnet8", seed) for seed in range(3)]
        study.prepare(experiments)
    for experiment in experiments:
        store(study.results.root, result_of(study.case(experiment), next(SESSIONS)))
    return folder / "base"


@pytest.fixture
def run_bench(pytester, monkeypatch, stored_base):
    """Return a function that runs pytest beside a baseline; its trainings have the results of the given changes."""
    monkeypatch.setattr("harness.plugin.summary._write_report", lambda *_: None)
    pytester.makeconftest(CONFTEST)
    shutil.copytree(stored_base, "base")

    def run(*arguments, mark="", only="resnet8-seed", **changes):
        number = next(SESSIONS)

        def train(self, experiment, callback=None):
            case = self.case(experiment)
            return store(self.results.root, result_of(case, number, **changes)), []

        monkeypatch.setattr(Study, "train", train)
        pytester.makepyfile(test_digits=BENCH.format(mark=mark))
        return pytester.runpytest_inprocess(*FULL, "-k", only, "--results-dir", f"results{number}", *arguments)

    return run


@pytest.fixture
def guarded(run_bench):
    """`run_bench` with the baseline."""
    return lambda *arguments, **changes: run_bench("--baseline", "base", *arguments, **changes)


def test_a_session_within_the_limits_says_so(guarded):
    run = guarded()
    run.assert_outcomes(passed=3)
    assert run.ret == 0
    run.stdout.fnmatch_lines(["=*= compared with the baseline =*=", "5 comparisons of 1 case: within the limits"])


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


def test_wrong_limits_in_the_mark_are_an_error_of_the_command(run_bench):
    run = run_bench(mark=", limits={'speed': '+1%'}")
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


def test_a_case_whose_last_test_is_skipped_fails_the_session(guarded):
    run = guarded(params=SKIPPED)
    run.assert_outcomes(passed=2, skipped=1)
    assert run.ret == pytest.ExitCode.TESTS_FAILED


def test_a_session_that_stops_early_compares_nothing(guarded):
    run = guarded("-x", accuracy=40.0)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["not compared: digits resnet8: the session ended before its tests"])


def test_a_new_case_is_named_and_does_not_fail(guarded):
    run = guarded(only="digits or wider")
    run.assert_outcomes(passed=4)
    assert run.ret == 0
    run.stdout.fnmatch_lines(["not compared: digits resnet8-2: the baseline has no such case"])


def test_a_changed_recipe_is_compared_and_named(guarded):
    recipe = "__import__('dataclasses').replace(__import__('harness').DIGITS, learning_rate=0.01)"
    run = guarded(mark=f", recipe={recipe}", params=80_000)
    run.assert_outcomes(passed=2, failed=1)
    run.stdout.fnmatch_lines(
        ["digits resnet8  parameters  75,002  80,000   *", "changed: digits resnet8: recipe.learning_rate 0.05 → 0.01"]
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--baseline", "gone"], "*--baseline */gone does not exist: give the results folder of an earlier run"),
        (["--max-params", "+0%"], "*--max-params needs --baseline DIR, the results folder to compare with"),
        (["--baseline", "base", "--results-dir", "base"], "*is the --results-dir too: a result would be compared*"),
        (
            ["--baseline", "base", "--epochs", "4"],
            "*has no result of a selected case: digits resnet8 is missing under the same conditions: *epochs 3 → 4*",
        ),
        (
            ["--baseline", "base", "-k", "wider"],
            "*has no result of a selected case: digits resnet8-2 is missing; it has digits resnet8: train*",
        ),
    ],
)
def test_a_wrong_baseline_is_an_error_before_any_training(run_bench, pytester, arguments, says):
    run = run_bench(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([says])
    assert not list(pytester.path.glob("results*/*/result.json"))


def test_a_damaged_baseline_is_an_error_before_any_training(run_bench, pytester):
    (damaged, *_) = pytester.path.glob("base/*seed1*/result.json")
    damaged.write_text("{}")
    run = run_bench("--baseline", "base")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"*--baseline */base: {damaged} is not a result*", "remove it, or train its case again"])


def test_a_quick_run_with_a_baseline_is_refused(run_bench, pytester):
    run = pytester.runpytest_inprocess("-p", "harness.plugin", "--baseline", "base")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*--baseline needs --full-training*"])


def test_collecting_only_compares_nothing(guarded):
    run = guarded("--collect-only")
    assert run.ret == 0
    run.stdout.no_fnmatch_line("*compared with the baseline*")


class Item:
    """An item of pytest's with an experiment."""

    def __init__(self, experiment):
        self.stash, self.nodeid = {ITEM: SimpleNamespace(experiment=experiment, limits={})}, experiment.label


def test_a_tuned_case_is_guarded_at_any_rate_and_trials_are_not(tmp_path):
    settings = read_settings({"full_training": True, "baseline": str(tmp_path)}, {})
    study = SimpleNamespace(case=lambda one: one.bind(device_kind="cpu", precision="fp32", data_fingerprint="0" * 64))
    plain = plan_experiment(settings, "digits", "resnet8", 0)
    own, trial = (replace(plain.resolved_recipe, learning_rate=rate) for rate in (0.02, 0.1))
    case = study.case(plain)
    declare_tuning(
        tmp_path,
        [DeclaredTuning(case, replace(case, recipe=trial, val_split=0.1), (0.02, 0.1), (1_000_000,), chosen=0.02)],
    )
    cases = [case, replace(case, recipe=own), replace(case, recipe=trial, val_split=0.1, seed=1_000_000)]
    at_common, at_own, _ = (store(tmp_path, result_of(one, number)) for number, one in enumerate(cases))
    variant = replace(plain.variant, is_tuned=True, learning_rate=0.1, common_rate=plain.resolved_recipe.learning_rate)
    tuned = replace(plain, recipe=trial, variant=variant)  # the rate chosen now
    items = [Item(one) for one in (plain, tuned)]
    first, second = _guarded(SimpleNamespace(settings=settings), study, items)
    assert [one.label for one in (first, second)] == ["digits resnet8", "digits resnet8 · tuned learning rates"]
    assert ([one.started_at for one in first.base], [one.started_at for one in second.base]) == (
        [at_common.started_at],
        [at_own.started_at],
    )
    assert second.identities == {study.case(tuned).identity}
