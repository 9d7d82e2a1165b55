"""Several schedules and shares of the training images in one session."""

from dataclasses import replace

import pytest

from harness.analysis.sequential import SequentialPlan
from harness.config.recipes import DIGITS
from harness.plugin.schedule import _declared
from harness.results.declared_looks import DeclaredLooks
from tests.config.cases import CASE
from tests.plugin.benches import BENCH, results_in

FULL = ("--full-training", "-q")


def ids_in(run):
    return [line.split("[")[1].removesuffix("]") for line in run.stdout.lines if line.startswith("test_digits.py::")]


def test_a_single_variant_leaves_the_ids_as_they_are(bench):
    listing = bench("--collect-only", *FULL, "--epochs", "3", "--train-fraction", "0.5", "-k", "not resnet8-2")
    assert ids_in(listing) == ["resnet8-seed0"]


def test_ids_have_what_varies_schedule_by_schedule(bench):
    asked = ("--epochs", "3,4", "--train-fraction", "0.1,1")
    listing = bench("--collect-only", *FULL, *asked, "-k", "not resnet8-2")
    names = ["epochs3-fraction0.1", "epochs3-fraction1", "epochs4-fraction0.1", "epochs4-fraction1"]
    assert ids_in(listing) == [f"resnet8-seed0-{name}" for name in names]
    selected = bench("--collect-only", *FULL, *asked, "-k", "epochs4 and fraction0.1")
    assert ids_in(selected) == ["resnet8-seed0-epochs4-fraction0.1", "resnet8-2-seed0-epochs4-fraction0.1"]


def test_tuned_cases_follow_the_plain_ones(bench):
    listing = bench("--collect-only", *FULL, "--learning-rates", "0.1,0.2", "-k", "not resnet8-2")
    assert ids_in(listing) == ["resnet8-seed0", "resnet8-seed0-tuned"]


def test_the_header_names_schedules_and_shares(bench):
    run = bench("--collect-only", "--full-training", "--epochs", "3,4", "--train-fraction", "0.1,1")
    run.stdout.fnmatch_lines(["wider-or-deeper: full training, epochs 3 and 4, 10 % of the training images and all*"])


@pytest.mark.slow
def test_every_variant_is_trained_reported_and_reused(bench, pytester):
    asked = (*FULL, "--epochs", "1,2", "--train-fraction", "0.1,0.2", "-k", "not resnet8-2")
    run = bench(*asked)
    run.assert_outcomes(passed=4)
    results = results_in(pytester)
    found = {(one["epochs"], one["case"]["train_fraction"], one["mode"], one["train_images"]) for one in results}
    tenth, fifth = ({one["train_images"] for one in results if one["case"]["train_fraction"] == s} for s in (0.1, 0.2))
    assert len(tenth) == len(fifth) == 1
    assert 2 * min(tenth) - 10 <= min(fifth) <= 2 * min(tenth) + 10
    assert {one[:3] for one in found} == {
        (1, 0.1, "shortened"), (1, 0.2, "shortened"), (2, 0.1, "full"), (2, 0.2, "full")
    }  # fmt: skip
    assert not any(one["dataset_whole"] for one in results)
    bench(*asked).stdout.fnmatch_lines(["4 of 4 results reused*"])


def test_a_test_may_take_its_variant_as_an_argument(bench, pytester):
    pytester.makepyfile(test_digits=BENCH.replace("trained, epoch_records", "variant, trained, epoch_records"))
    run = bench("--collect-only", *FULL, "--epochs", "3,4", "-k", "resnet8-seed")
    assert ids_in(run) == ["resnet8-seed0-epochs3", "resnet8-seed0-epochs4"]


def test_a_projects_fixture_variant_is_its_own(bench, pytester):
    source = BENCH.replace("trained, epoch_records", "variant, trained, epoch_records")
    own = "@pytest.fixture\ndef variant():\n    return 'mine'\n"
    pytester.makepyfile(test_digits=source.replace("RECIPE = ", f"{own}RECIPE = ", 1))
    run = bench("--collect-only", *FULL, "--epochs", "3,4", "-k", "resnet8-seed")
    assert ids_in(run) == ["resnet8-seed0-epochs3", "resnet8-seed0-epochs4"]


def test_seeds_come_before_variants_if_later_ones_may_be_skipped(bench):
    asked = ("--epochs", "2,3", "--seeds", "0,1", "-k", "not resnet8-2")
    by_schedule = ids_in(bench("--collect-only", *FULL, *asked))
    assert by_schedule == [f"resnet8-seed{seed}-epochs{epochs}" for epochs in (2, 3) for seed in (0, 1)]
    by_seed = ids_in(bench("--collect-only", *FULL, *asked, "--until-decided"))
    assert by_seed == [f"resnet8-seed{seed}-epochs{epochs}" for seed in (0, 1) for epochs in (2, 3)]


def test_the_looks_of_every_schedule_and_share_are_declared():
    cases = [
        replace(CASE, dataset="digits", mode=mode, recipe=DIGITS.with_epochs(epochs), train_fraction=share)
        for mode, epochs in (("shortened", 6), ("full", 24))
        for share in (0.1, 1.0)
    ]
    looks = DeclaredLooks((0, 1, 2), (2, 3))
    assert _declared({"digits": SequentialPlan(looks.seeds, looks.looks)}, cases) == {
        "shortened digits epochs6 fraction0.1": looks, "shortened digits epochs6": looks,
        "full digits fraction0.1": looks, "full digits": looks,
    }  # fmt: skip


def test_shares_are_refused_in_quick_mode(bench):
    run = bench("--train-fraction", "0.5")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*--train-fraction needs --full-training: add it, or leave out --train-fraction*"])
