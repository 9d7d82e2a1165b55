import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.cli.evaluate import _output, _print_both
from harness.config.experiment import plan_experiment
from harness.config.recipe import Resize
from harness.config.settings import read_settings
from harness.data import registry
from harness.results.folder import ResultsFolder
from harness.results.inference_time import LATENCY_BATCH, InferenceTime
from harness.results.reading import read_result
from harness.study.reproduce import Reproduction
from harness.study.study import Study
from tests.cli.checked_output import checked_output
from tests.data.builders import write_class_folders
from tests.helpers.code import changed_code
from tests.helpers.synthetic import rescored, store, synthetic_result
from tests.study.own_results import OwnResult, forget, store_trained
from tests.study.stored import colour_recipe, store_untrained


def evaluate(result, *more):
    return main(["evaluate", str(result), *map(str, more)])


@pytest.fixture
def digits_result(tmp_path):
    """The result of a quick run on digits."""
    settings = read_settings({"results_dir": str(tmp_path / "r"), "report_dir": str(tmp_path / "p"), "device": "cpu"})
    study = Study(settings)
    experiment = plan_experiment(settings, "digits", "resnet8", 0)
    study.prepare([experiment])
    return study.results.folder(study.train(experiment)[0].case)


def test_evaluate_takes_a_results_folder_or_its_file(digits_result, capsys):
    assert evaluate(digits_result) == 0
    assert "the same, image by image" in capsys.readouterr().out
    assert evaluate(digits_result / "result.json") == 0


def test_evaluate_reports_a_difference_with_exit_code_1(digits_result, capsys):
    path, results = digits_result / "result.json", ResultsFolder(digits_result.parent)
    result = read_result(path)
    labels, predictions = results.read_predictions(result)
    predictions[0] = (predictions[0] + 1) % 10
    results.write_predictions(result.case, labels, predictions)
    other = rescored(result, labels, predictions)
    path.write_text(replace(other, files=results.hashes(result.case)).to_text())
    assert evaluate(path) == 1
    assert "not the same; recorded on" in capsys.readouterr().out


def test_evaluate_names_scores_that_the_predictions_contradict(digits_result, capsys):
    path = digits_result / "result.json"
    result = read_result(path)
    path.write_text(replace(result, macro_f1_percent=result.macro_f1_percent / 2 + 1).to_text())
    assert evaluate(path) == 2
    assert "predictions.npz contradicts its result.json: macro_f1_percent is recorded as" in capsys.readouterr().err


def test_evaluate_prints_json(digits_result, capsys):
    assert evaluate(digits_result, "--json") == 0
    found = checked_output("evaluate", capsys.readouterr().out)
    assert found["is_exact"] is True
    assert found["recorded"] == found["reproduced"]
    assert (found["model"], found["changed_predictions"]) == ("resnet8", 0)


def test_evaluate_says_why_a_time_of_use_is_left_out(digits_result, capsys, monkeypatch):
    monkeypatch.setattr("harness.training.inference_meter._MOST_PASS_SECONDS", 0.0)
    path = digits_result / "result.json"
    times = (InferenceTime(LATENCY_BATCH, 1, 15, 0.01, 0.001),)
    path.write_text(replace(read_result(path), inference=times).to_text())
    assert evaluate(path) == 0
    assert "\nlatency at batch 1 left out: a forward pass takes 0 s" in capsys.readouterr().out
    assert evaluate(path, "--json") == 0
    assert len(checked_output("evaluate", capsys.readouterr().out)["notes"]) == 2


def test_evaluate_names_other_code_on_standard_error(digits_result, capsys):
    assert evaluate(digits_result, "--json") == 0
    assert "other code" not in capsys.readouterr().err
    with changed_code("models/resnet.py"):
        assert evaluate(digits_result, "--json") == 0
    found = capsys.readouterr()
    assert "digits resnet8 seed 0 was trained by other code, " in found.err
    assert "which differs in models/resnet.py" in found.err
    checked_output("evaluate", found.out)


def test_conditions_of_the_recorded_result_say_that_it_was_compiled():
    recorded = synthetic_result("digits", "resnet20", 0, case_changes={"compiled": True})
    found = _output(Path("result.json"), Reproduction(recorded, recorded, 1), recorded.environment)
    assert found.recorded_on == f"{found.reproduced_on}, compiled"


def test_evaluate_of_a_results_folder_lists_its_cases(tmp_path, capsys):
    for seed in range(7):
        store(tmp_path / "r", synthetic_result("digits", "resnet20", seed))
    assert evaluate(tmp_path / "r") == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"error: {tmp_path}/r is a results folder with 7 cases: name one of them"
    assert second.startswith(f"{tmp_path}/r/digits-resnet20-seed0-full-")
    assert second.endswith(" and 2 more cases")


def test_evaluate_refuses_a_missing_or_copied_result(digits_result, tmp_path, capsys):
    assert evaluate(tmp_path / "gone") == 2
    assert "gone does not exist: name a result.json, or the folder that it is in" in capsys.readouterr().err
    copy = shutil.copytree(digits_result, tmp_path / "r/copy")
    assert evaluate(copy) == 2
    assert "is a copy" in capsys.readouterr().err


def test_evaluate_takes_the_present_place_of_moved_images(tmp_path, capsys):
    place = write_class_folders(tmp_path / "flowers", train=5, test=4)
    images = registry.load(f"folder:{place}", tmp_path, resize=Resize(8))
    results = ResultsFolder(tmp_path / "r")
    result = store_untrained(results, images, f"folder:{place}", recipe=colour_recipe())
    folder, now = results.folder(result.case), place.rename(tmp_path / "roses")
    assert evaluate(folder) == 2
    assert "give their present place: --images folder:PATH" in capsys.readouterr().err
    assert evaluate(folder, "--images", f"folder:{now}") == 0
    assert "the same, image by image" in capsys.readouterr().out
    assert evaluate(folder, "--images", tmp_path / "absent") == 2
    assert "absent does not exist" in capsys.readouterr().err


def test_evaluate_finds_a_moved_network_by_the_option(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.path", [*sys.path])
    (tmp_path / "trained").mkdir()
    own = OwnResult(tmp_path, store_trained(tmp_path / "trained"))
    assert evaluate(own.case) == 0
    moved = own.file.rename(tmp_path / "moved.py")
    forget()
    assert evaluate(own.case) == 2
    assert "is not there any more\nif it was moved or renamed, give its present place: --network FILE:build" in (
        capsys.readouterr().err
    )
    assert evaluate(own.case, "--network", f"{moved}:NET") == 0
    assert "the same, image by image" in capsys.readouterr().out
    forget()


def test_times_of_use_stand_beside_the_recorded_ones(capsys):
    recorded = synthetic_result(inference=(InferenceTime(1, 2, 15, 0.01, 0.001), InferenceTime(64, 2, 15, 0.1, 0.001)))
    now = (InferenceTime(1, 2, 15, 0.0204, 0.001, is_disturbed=True),)
    again = Reproduction(recorded, recorded, 0, now)
    _print_both(again)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "ms per pass of 1 image, 2 threads 10 20.4 (disturbed)" in lines
    assert "ms per pass of 64 images, 2 threads 100" in lines
    output = _output(Path("result.json"), again, recorded.environment)
    assert (len(output.recorded_use), output.reproduced_use[0].is_disturbed, output.is_exact) == (2, True, True)
