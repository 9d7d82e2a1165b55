import json

import pytest

from tests.helpers.code import changed_code
from tests.plugin.benches import results_in


def test_without_full_training_a_run_is_a_smoke_run(bench, pytester):
    run = bench()
    run.assert_outcomes(passed=2)
    run.stdout.fnmatch_lines(["*quick mode*measures nothing*", "digits*SMOKE*", "resnet8 *", "resnet8-2 *"])
    assert {result["mode"] for result in results_in(pytester)} == {"quick"}
    assert (pytester.path / "report/tables/digits-smoke.csv").exists()
    assert not (pytester.path / "report/tables/digits.csv").exists()


def test_full_training_trains_the_whole_recipe_and_prints_a_table(bench, pytester):
    run = bench("--full-training", "-k", "resnet8-seed0")
    run.assert_outcomes(passed=1, deselected=1)
    (result,) = results_in(pytester)
    assert (result["mode"], result["status"], result["epochs"], result["train_images"]) == ("full", "complete", 2, 360)
    run.stdout.fnmatch_lines(["*wider or deeper*", "digits", "model*params*MACs*s/epoch*", "resnet8 *", "written: *"])
    assert "SMOKE" not in run.stdout.str()


def test_the_reference_pipeline_trains_cases_of_its_own(bench, pytester):
    bench("-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    bench("-k", "resnet8-seed0", "--pipeline", "reference").assert_outcomes(passed=1, deselected=1)
    assert sorted(result["case"]["pipeline"] for result in results_in(pytester)) == ["fast", "reference"]


def test_epochs_shortens_a_run_with_tables_of_its_own(bench, pytester):
    run = bench("--full-training", "--epochs", "1", "-k", "resnet8-seed0")
    run.stdout.fnmatch_lines(["digits*SHORTENED*"])
    assert [result["mode"] for result in results_in(pytester)] == ["shortened"]
    assert (pytester.path / "report/tables/digits-shortened.md").exists()


ONE_CASE = ("--full-training", "-k", "resnet8-seed0")


def test_a_finished_full_case_is_reused_unless_other_code_trained_it(bench, pytester):
    bench(*ONE_CASE)
    (first,) = results_in(pytester)
    again = bench(*ONE_CASE, "--benchmark-json", "again.json")
    again.stdout.fnmatch_lines(["resnet8 *", "1 of 1 result reused, not trained now; --rerun trains them again"])
    assert results_in(pytester) == [first]
    saved = json.loads((pytester.path / "again.json").read_text())
    assert saved["benchmarks"][0]["stats"]["data"] == first["epoch_seconds"]
    with changed_code("models/resnet.py", "training/run.py"):
        refused = bench(*ONE_CASE)
        assert refused.ret == pytest.ExitCode.USAGE_ERROR
        refused.stderr.fnmatch_lines([
            "ERROR: digits resnet8 seed 0 was trained by other code, *, which differs in models/resnet.py and "
            "training/run.py",
            "--rerun trains again, --accept-other-code keeps *",
        ])  # fmt: skip
        accepted = bench(*ONE_CASE, "--accept-other-code")
        accepted.assert_outcomes(passed=1, deselected=1)
        accepted.stdout.fnmatch_lines(["--accept-other-code: digits resnet8 seed 0 was trained by other code, *"])
        assert results_in(pytester) == [first]
        bench(*ONE_CASE, "--rerun").assert_outcomes(passed=1, deselected=1)
    assert results_in(pytester)[0]["epoch_seconds"] != first["epoch_seconds"]


def test_a_quick_case_is_always_trained_again(bench, pytester):
    bench("-k", "resnet8-seed0")
    (first,) = results_in(pytester)
    again = bench("-k", "resnet8-seed0")
    again.stdout.no_fnmatch_line("*reused*")
    assert results_in(pytester)[0]["epoch_seconds"] != first["epoch_seconds"]


def test_a_case_begun_by_other_code_is_refused_before_any_training(bench, pytester, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("harness.training.run.TrainingRun.conclude", fail)
        bench(*ONE_CASE).assert_outcomes(errors=1, deselected=1)
    with changed_code("training/run.py"):
        refused = bench("--full-training")
    refused.stderr.fnmatch_lines(["ERROR: digits resnet8 seed 0 was trained by other code, *in training/run.py"])
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    bench("--full-training").assert_outcomes(passed=2)


def fail(*_):
    raise RuntimeError("broken")


@pytest.mark.slow
def test_ray_is_imported_by_no_other_engine(bench, pytester):
    pytester.makepyfile(test_modules="import sys\ndef test_modules():\n    assert 'ray' not in sys.modules")
    pytester.runpytest_subprocess("-k", "resnet8-seed0 or modules").assert_outcomes(passed=2)
