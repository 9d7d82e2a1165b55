import shutil
import sys
from dataclasses import replace

import pytest

pytest.importorskip("onnxruntime", reason="needs onnxruntime: python -m pip install -e '.[onnx]'")
from harness.__main__ import main
from harness.data import registry
from harness.results.folder import ResultsFolder
from harness.study.export import files as study_export
from tests.cli.checked_output import checked_output
from tests.helpers.synthetic import failed_result, rescored, store
from tests.study.stored import store_untrained

FILES = ["model.onnx", "preprocessing.json"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A result on the digits, and its model as the exporter writes it."""
    root = tmp_path_factory.mktemp("digits")
    result = store_untrained(ResultsFolder(root / "results"), registry.load("digits", root))
    study_export.export_network(result, ResultsFolder(root / "results"), root / "export")
    return root / "results" / result.case.folder_name, (root / "export/model.onnx").read_bytes()


@pytest.fixture
def export(digits, tmp_path, monkeypatch):
    """Runs the command in a folder of its own, with the model exported before; returns its exit code."""
    monkeypatch.setattr(study_export, "to_onnx", lambda *_: digits[1])
    monkeypatch.chdir(tmp_path)

    def run(result, *more):
        return main(["export", str(result), "--data-dir", str(tmp_path), *map(str, more)])

    return run


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_export_writes_beside_the_reader_and_names_what_it_compared(export, digits, tmp_path, capsys):
    assert export(digits[0]) == 0
    out = capsys.readouterr().out
    folder = f"{digits[0].name}-onnx"
    assert files_in(tmp_path / folder) == FILES
    assert out.startswith("digits resnet8 seed 0, ")
    assert f"exported to {folder}" in out
    assert "model.onnx: images float32 (N, 1, 8, 8) to logits (N, 10)" in out
    assert "onnxruntime on 1,437 of 1,437 test images: 1,437 predicted as recorded" in out
    assert out.endswith("the recorded predictions are reproduced\n")


def test_export_ends_with_1_if_predictions_differ(export, digits, tmp_path, capsys):
    case_folder = shutil.copytree(digits[0], tmp_path / "results" / digits[0].name)
    results = ResultsFolder(tmp_path / "results")
    result = results.read_all()[0][0]
    labels, predictions = results.read_predictions(result)
    predictions[:3] = (predictions[:3] + 1) % 10
    results.write_predictions(result.case, labels, predictions)
    result = replace(rescored(result, labels, predictions), files=results.hashes(result.case))
    results.write_result(result.case, result)
    assert export(case_folder, "--output", tmp_path / "out") == 1
    out = capsys.readouterr().out
    assert "1,434 predicted as recorded" in out
    assert "3 predicted differently, and not by rounding" in out
    assert out.endswith("the recorded predictions are not reproduced\n")
    assert files_in(tmp_path / "out") == FILES


def test_json_is_one_object_on_standard_output(export, digits, tmp_path, capsys):
    assert export(digits[0], "--json", "--output", "out") == 0
    content = checked_output("export", capsys.readouterr().out)
    assert content["path"] == str(digits[0] / "result.json")
    assert (content["onnx_file"], content["preprocessing_file"]) == ("out/model.onnx", "out/preprocessing.json")
    check = content["check"]
    assert (check["images"], check["equal"], check["different"], check["is_passed"]) == (1437, 1437, 0, True)


def test_without_the_images_the_files_are_written_and_the_exit_code_is_2(export, tmp_path, capsys):
    results = ResultsFolder(tmp_path / "results")
    result = store_untrained(results, registry.load_slice("digits", tmp_path, 12, 8), name="fashionmnist")
    folder = results.folder(result.case)
    assert export(folder, "--output", "out", "--json") == 2
    captured = capsys.readouterr()
    assert checked_output("export", captured.out)["check"] is None
    assert captured.err.startswith("error: out is written, but not checked: dataset fashionmnist is not in ")
    assert len(captured.err.splitlines()) <= 2
    assert files_in(tmp_path / "out") == FILES
    assert export(folder, "--output", "out", "--no-check") == 0
    assert "onnxruntime" not in capsys.readouterr().out


def test_a_quick_result_is_exported_with_a_caution(export, tmp_path, capsys):
    results = ResultsFolder(tmp_path / "results")
    images = registry.load_slice("digits", tmp_path, 12, 8)
    result = store_untrained(results, images, mode="quick")
    assert export(results.folder(result.case), "--no-check") == 0
    assert "a quick run trained these weights: their accuracy means nothing" in capsys.readouterr().out


def test_a_diverged_result_a_missing_one_and_a_results_folder_are_refused(export, tmp_path, capsys):
    failed = store(tmp_path / "results", failed_result("diverged"))
    assert export(tmp_path / "results" / failed.case.folder_name) == 2
    assert "error: cifar10 resnet20 seed 0 has no weights: its status is diverged" in capsys.readouterr().err
    assert export(tmp_path / "gone") == 2
    assert "gone does not exist: name a result.json, or the folder that it is in" in capsys.readouterr().err
    assert export(tmp_path / "results") == 2
    assert "is a results folder with 1 case: name one of them" in capsys.readouterr().err
    assert files_in(tmp_path) == ["results"]


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(export, digits, monkeypatch, capsys, package):
    monkeypatch.setitem(sys.modules, package, None)
    assert export(digits[0]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: `export` needs {package}, install it: python -m pip install ")
    assert len(error.splitlines()) == 1


def test_all_images_are_checked_on_request(export, digits, monkeypatch, capsys):
    monkeypatch.setattr("harness.study.export.check._CHEAP_MACS", 1)
    assert export(digits[0]) == 0
    assert "onnxruntime on 100 of 1,437 test images" in capsys.readouterr().out
    assert export(digits[0], "--all-images") == 0
    assert "onnxruntime on 1,437 of 1,437 test images" in capsys.readouterr().out
