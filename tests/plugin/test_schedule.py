"""The order of the cases' tests, and tests skipped for a time budget or a decision. Nothing is trained."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS
from harness.config.settings import read_settings
from harness.plugin.schedule import order_by_seed
from harness.plugin.session import ITEM, ExperimentItem
from harness.study.study import Study
from tests.helpers.finished import store_finished

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


def test_tests_that_are_not_cases_keep_their_places():
    other = SimpleNamespace(stash={}, name="other")
    items = [item("resnet8", 1, (0, 1)), other, item("resnet8", 0, (0, 1))]
    order_by_seed(items)
    assert names(items) == ["resnet8-0", "other", "resnet8-1"]


@pytest.fixture
def finished(pytester):
    """Stores finished results of bench cases in the results folder of the bench's folder."""
    study = Study(read_settings(FULL | {"results_dir": str(pytester.path / "results")}, {}))
    return lambda model, seed, *arguments, **changes: store_finished(study, digits(model, seed), *arguments, **changes)


def outcomes(run):
    """The cases' tests in the order of their run, with their outcomes."""
    lines = [line.partition("::test_digits[")[2] for line in run.outlines if line.startswith("test_digits.py::")]
    return [line.partition("]")[0] + " " + line.partition("]")[2].split()[0] for line in lines]


def test_a_budget_runs_the_cheapest_first_and_skips_what_does_not_fit(bench, finished):
    finished("resnet8", 0, epoch_seconds=3600.0)
    finished("resnet8-2", 0, epoch_seconds=1800.0)
    run = bench("--full-training", "--device", "cpu", "--seeds", "0,1", "--budget", "30m", "-v", "-rs")
    assert outcomes(run) == [
        "resnet8-2-seed0 PASSED", "resnet8-seed0 PASSED", "resnet8-2-seed1 SKIPPED", "resnet8-seed1 SKIPPED",
    ]  # fmt: skip
    run.stdout.fnmatch_lines(["*does not fit: about 1h00m, *m*s of --budget 30m left"])
