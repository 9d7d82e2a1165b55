"""The order of the cases' tests, and tests skipped for a time budget or a decision. Nothing is trained."""

import importlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.analysis.sequential import SequentialPlan
from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS
from harness.config.settings import read_settings
from harness.plugin.schedule import order_by_seed, sequential_plans
from harness.plugin.session import ITEM, ExperimentItem
from harness.results.declared_looks import DeclaredLooks, looks_key, read_declared_looks
from harness.study.study import Study
from tests.helpers.finished import store_finished
from tests.plugin.benches import BENCH

RECIPE = replace(DIGITS, epochs=2, milestones=(1,), batch_size=256)  # of benches.BENCH
FULL = {"full_training": True, "device": "cpu"}


def digits(model, seed):
    return plan_experiment(read_settings(FULL, {}), "digits", model, seed, RECIPE)


def item(model, seed, seeds):
    return SimpleNamespace(stash={ITEM: ExperimentItem(digits(model, seed), seeds)}, name=f"{model}-{seed}")


def names(items):
    return [one.name for one in items]


def test_cases_are_ordered_by_the_place_of_their_seed_not_its_number():
    items = [item(model, seed, (3, 0, 1)) for model in ("resnet8", "resnet14") for seed in (0, 1, 3)]
    order_by_seed(items)
    assert names(items) == ["resnet8-3", "resnet14-3", "resnet8-0", "resnet14-0", "resnet8-1", "resnet14-1"]


def test_of_one_seed_the_cheapest_model_comes_first():
    items = [item(model, seed, (0, 1)) for model in ("resnet8", "resnet14") for seed in (0, 1)]
    order_by_seed(items, lambda experiment: {"resnet8": 2.0, "resnet14": 1.0}[experiment.model])
    assert names(items) == ["resnet14-0", "resnet8-0", "resnet14-1", "resnet8-1"]


def test_the_looks_are_declared_for_each_datasets_seeds():
    plans = sequential_plans([ExperimentItem(digits("resnet8", seed), (3, 0, 1, 4, 2)) for seed in (0, 3)])
    assert plans == {"digits": SequentialPlan(seeds=(3, 0, 1, 4, 2), looks=(3, 4, 5))}


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ([(0,)], "--until-decided needs two seeds or more, digits has one: give e.g. --seeds 0,1,2,3,4"),
        (
            [(0, 1), (0, 1, 2)],
            "--until-decided: the experiments on digits have different seeds: give e.g. --seeds 0,1,2",
        ),
    ],
)
def test_seeds_without_a_common_plan_are_refused(seeds, says):
    with pytest.raises(pytest.UsageError, match=says) as refused:
        sequential_plans([ExperimentItem(digits("resnet8", 0), one) for one in seeds])
    assert len(str(refused.value).splitlines()) == 1


def test_tests_that_are_not_cases_keep_their_places():
    other = SimpleNamespace(stash={}, name="other")
    items = [item("resnet8", 1, (0, 1)), other, item("resnet8", 0, (0, 1))]
    order_by_seed(items)
    assert names(items) == ["resnet8-0", "other", "resnet8-1"]


def test_selected_cases_are_collected_seed_by_seed(bench):
    command = ("--collect-only", "-q", "--full-training", "--seeds", "1,0", "-k", "not resnet8-seed0")
    listed = bench(*command, "--until-decided").stdout
    listed.fnmatch_lines(["*[[]resnet8-seed1]", "*[[]resnet8-2-seed1]", "*[[]resnet8-2-seed0]", "3/4 tests *"])


@pytest.fixture
def finished(pytester):
    """Stores finished results of bench cases in the results folder of the bench's folder."""
    study = Study(read_settings(FULL | {"results_dir": str(pytester.path / "results")}))
    return lambda model, seed, *arguments, **changes: store_finished(study, digits(model, seed), *arguments, **changes)


def outcomes(run):
    """The cases' tests in the order of their run, with their outcomes."""
    lines = [line.partition("::test_digits[")[2] for line in run.outlines if line.startswith("test_digits.py::")]
    return [line.partition("]")[0] + " " + line.partition("]")[2].split()[0] for line in lines]


@pytest.fixture
def reported(monkeypatch):
    """The margin, the target and the notes of the last written report."""
    summary = importlib.import_module("harness.plugin.summary")
    given, write = {}, summary.write_report

    def keep(*arguments, **options):
        given.update(options)
        return write(*arguments, **options)

    monkeypatch.setattr(summary, "write_report", keep)
    return given


def test_a_budget_runs_the_cheapest_first_and_skips_what_does_not_fit(bench, finished, reported):
    finished("resnet8", 0, epoch_seconds=3600.0)
    finished("resnet8-2", 0, epoch_seconds=1800.0)
    asked = ["--seeds", "0,1", "--budget", "30m", "--margin", "1", "--target", "80"]
    run = bench("--full-training", "--device", "cpu", *asked, "-v", "-rs")
    assert outcomes(run) == [
        "resnet8-2-seed0 PASSED", "resnet8-seed0 PASSED", "resnet8-2-seed1 SKIPPED", "resnet8-seed1 SKIPPED",
    ]  # fmt: skip
    run.stdout.fnmatch_lines(["*does not fit: about 1h00m, *m*s of --budget 30m left"])
    assert (reported["margin"], reported["target"]) == (1.0, 80.0)
    assert [*reported["notes"].values()] == [["Rests on 2 of 4 cases: 2 did not fit into --budget 30m."]]


@pytest.mark.slow
def test_until_decided_runs_seed_by_seed_and_skips_the_rest(bench, pytester, finished, reported):
    models = {"resnet20": 88.0, "resnet56": 90.0, "resnet20-2": 95.0}
    pytester.makepyfile(test_digits=BENCH.replace('["resnet8", "resnet8-2"]', str(list(models))))
    for seed in range(3):
        for place, (model, accuracy) in enumerate(models.items()):
            finished(model, seed, accuracy + 0.3 * ((seed + place) % 3 - 1), epoch_seconds=1.0 + place)
    command = ["--full-training", "--device", "cpu", "--until-decided"]
    run = bench(*command, "--seeds", "0,1,2,3,4", "-v", "-rs")
    trained = [f"{model}-seed{seed} PASSED" for seed in range(3) for model in models]
    assert outcomes(run) == trained + [f"{model}-seed{seed} SKIPPED" for seed in (3, 4) for model in models]
    run.stdout.fnmatch_lines(["SKIPPED [[]6[]] *: decided after 3 seeds (looks at 3, 4, 5; *each): wider at equal *"])
    declared = {looks_key("digits", "full"): DeclaredLooks((0, 1, 2, 3, 4), (3, 4, 5))}
    assert read_declared_looks(pytester.path / "results") == declared
    ((note,),) = reported["notes"].values()
    assert note.startswith("Decided after 3 of 5 seeds")
    refused = bench(*command)
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["ERROR: --until-decided needs two seeds or more, digits has one: give e.g. *"])
