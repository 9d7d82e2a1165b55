"""Sessions with --learning-rates: trials first, then the cases at the recipe's rate and at each model's own."""

import json

import pytest

from harness.results.declared_tuning import read_declared_tuning
from tests.plugin.benches import BENCH, CONFTEST, results_in

TUNE = ("--full-training", "--device", "cpu", "--learning-rates", "0.02,0.2", "--tune-epochs", "1")


@pytest.fixture
def bench(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_bench=BENCH)
    return pytester


@pytest.mark.slow
def test_a_session_tries_rates_before_the_cases_and_reports_both_studies(bench):
    outcome = bench.runpytest("-v", *TUNE)
    outcome.assert_outcomes(passed=4)
    lines = outcome.outlines
    outcome.stdout.fnmatch_lines(
        [
            "choosing learning rates by 4 trials, then training 4 cases",
            "digits, 2 epochs: learning rates chosen: resnet8 0.*, resnet8-2 0.*",
            "test_bench.py::test_digits?resnet8-seed0? PASSED*",
            "test_bench.py::test_digits?resnet8-seed0-tuned? PASSED*",
        ]
    )
    results = results_in(bench)
    trials = [one for one in results if one["seed"] >= 1_000_000]
    assert len(trials) == 4
    assert all(one["case"]["val_split"] == 0.2 for one in trials)
    assert all(one["case"]["val_split"] == 0 for one in results if one not in trials)
    chosen = {one.model: one.chosen for one in read_declared_tuning(bench.path / "results")}
    rates = {(one["model"], one["case"]["recipe"]["learning_rate"]) for one in results if one not in trials}
    assert rates == {*((model, 0.05) for model in chosen), *chosen.items()}
    assert not any("1000000" in line for line in lines if line.startswith("resnet"))
    page = (bench.path / "report/index.html").read_text()
    assert "tuned learning rates" in page
    again = bench.runpytest(*TUNE)
    again.assert_outcomes(passed=4)
    again.stdout.fnmatch_lines(["4 of 4 results reused, not trained now*"])


def test_seeds_of_trials_may_not_be_reported(bench):
    outcome = bench.runpytest(*TUNE, "--seeds", "0,1000001")
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["ERROR: seeds 1000001: those from 1000000 to 1000002 choose the learning rates*"])
    assert not results_in(bench)


def test_tuned_cases_alone_train_their_trials(bench):
    outcome = bench.runpytest(*TUNE, "-k", "resnet8-seed0-tuned")
    outcome.assert_outcomes(passed=1, deselected=3)
    seeds = sorted(one["seed"] for one in results_in(bench))
    assert seeds == [0, 1_000_000, 1_000_000]


def test_the_plan_counts_trials(bench, capsys):
    from harness.cli.main import main

    assert main(["plan", "--json", "test_bench.py", *TUNE, "-k", "resnet8-seed0"]) == 0
    cases = json.loads(capsys.readouterr().out)["cases"]
    assert [(one["seed"], one["variant"]) for one in cases] == [
        (1_000_000, "rate0.02"), (1_000_000, "rate0.2"), (0, ""), (0, "tuned"),
    ]  # fmt: skip


FAIL = """
import pytest
from harness.study.study import Study
pytest_plugins = ["harness.plugin"]
train = Study.train
def train_or_fail(study, experiment, callback=None):
    if experiment.variant.is_trial and experiment.model == "resnet8-2":
        raise RuntimeError("no such kernel")
    return train(study, experiment, callback)
Study.train = train_or_fail
"""


@pytest.mark.slow
def test_failed_trials_leave_their_model_to_its_tests_and_the_others_go_on(bench, monkeypatch):
    from harness.study.study import Study

    monkeypatch.setattr(Study, "train", Study.train)  # restores it after the conftest has replaced it
    bench.makeconftest(FAIL)
    outcome = bench.runpytest(*TUNE)
    outcome.assert_outcomes(passed=3, errors=1)
    outcome.stdout.fnmatch_lines(
        [
            "digits resnet8-2 seed 0 tuned: no learning rate can be chosen: none of 0.02 and 0.2 completed*",
            "digits resnet8-2 seed 1000000 rate0.02: no such kernel and 1 more trial",
            "mend the cause and run the command again, or leave out --learning-rates",
            "ERROR *resnet8-2-seed0-tuned*",
        ]
    )
