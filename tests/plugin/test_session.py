import json

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


def test_a_finished_case_is_trained_again_only_with_rerun(bench, pytester):
    bench("-k", "resnet8-seed0")
    (first,) = results_in(pytester)
    again = bench("-k", "resnet8-seed0", "--benchmark-json", "again.json")
    again.stdout.fnmatch_lines(["resnet8 *"])
    assert results_in(pytester) == [first]
    saved = json.loads((pytester.path / "again.json").read_text())
    assert saved["benchmarks"][0]["stats"]["data"] == first["epoch_seconds"]
    bench("-k", "resnet8-seed0", "--rerun")
    assert results_in(pytester)[0]["epoch_seconds"] != first["epoch_seconds"]


def test_a_second_session_counts_the_cases_finished_before(bench, monkeypatch):
    bench("-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    monkeypatch.setattr("harness.plugin.session.utc_now", lambda: "2999-01-01T00:00:00+00:00")
    bench().stdout.fnmatch_lines(["2 of 2 cases were finished already; --rerun trains them again"])


def test_ray_is_imported_by_no_other_engine(bench, pytester):
    bench()
    pytester.makepyfile(test_modules="import sys\ndef test_modules():\n    assert 'ray' not in sys.modules")
    pytester.runpytest_subprocess("-k", "resnet8-seed0 or modules").assert_outcomes(passed=2)
