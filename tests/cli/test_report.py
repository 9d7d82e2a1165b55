import subprocess
import sys
from pathlib import Path

from harness.__main__ import main
from harness.results.folder import ResultsFolder
from tests.cli.checked_output import checked_output
from tests.helpers import REPOSITORY
from tests.helpers.synthetic import failed_result, store, synthetic_result
from tests.helpers.tiny import make_case


def test_report_writes_the_tables_from_the_results_folder(tiny_result, tiny_dataset, tmp_path, capsys):
    results = ResultsFolder(tmp_path / "results")
    started = make_case(tiny_dataset, seed=1)
    for case in (tiny_result.case, started):
        results.folder(case).mkdir(parents=True)
    results.write_result(tiny_result.case, tiny_result)
    (results.folder(started) / "checkpoint-00000-1.safetensors").touch()
    (tmp_path / "results/broken").mkdir()
    (tmp_path / "results/broken/result.json").write_text("{}")
    folders = ["--results-dir", str(tmp_path / "results"), "--report-dir", str(tmp_path / "report")]
    assert main(["report", *folders]) == 0
    captured = capsys.readouterr()
    assert "resnet8" in captured.out
    assert (tmp_path / "report/tables/digits.csv").exists()
    assert "left out" in captured.err
    assert "broken/result.json" in captured.err
    assert f"not finished: {started.folder_name}, 0 epochs so far" in captured.err


def test_report_without_results_says_how_to_make_some(tmp_path, capsys):
    assert main(["report", "--results-dir", str(tmp_path)]) == 2
    assert f"error: no results in {tmp_path}: train some with `pytest bench" in capsys.readouterr().err


def report(tmp_path, *folders):
    return main(["report", *map(str, folders), "--report-dir", str(tmp_path / "report")])


def test_margin_and_target_reach_the_report(tmp_path, monkeypatch, capsys):
    kept = []

    def keep(*_, margin, target, pictures):
        kept.append((margin, target))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.report.build.write_report", keep)
    store(tmp_path / "r", synthetic_result())
    assert report(tmp_path, tmp_path / "r", "--margin", "1.5") == 2
    assert report(tmp_path, tmp_path / "r", "--target", "95") == 2
    assert kept == [(1.5, None), (0.5, 95.0)]
    assert report(tmp_path, tmp_path / "r", "--margin", "none") == 2
    assert "--margin 'none': give percentage points above 0, e.g. 0.5" in capsys.readouterr().err
    assert report(tmp_path, tmp_path / "r", "--target", "101") == 2
    assert "--target '101': give a percentage above 0 and up to 100, e.g. 90" in capsys.readouterr().err


def test_report_writes_page_tables_figures_and_prints_the_answer(tmp_path, capsys):
    for model, accuracies in {"resnet20": (90.0, 90.3), "resnet56": (91.0, 91.2), "resnet20-2": (92.0, 92.4)}.items():
        for seed, accuracy in enumerate(accuracies):
            store(tmp_path / "r", synthetic_result("cifar10", model, seed, accuracy))
    assert report(tmp_path, tmp_path / "r") == 0
    said = capsys.readouterr().out
    assert "CIFAR-10: 3 models, 2 seeds, 10,000 test images" in said.splitlines()
    assert "  same scale factor, ×2    wider  +1.10 pp  [+0.67, +1.53]  take resnet20-2" in said.splitlines()
    assert f"written: {tmp_path}/report/index.html" in said
    assert all((tmp_path / f"report/tables/claims.{suffix}").exists() for suffix in ("csv", "md", "tex"))
    assert all((tmp_path / f"report/figures/cifar10-learning-curves.{suffix}").exists() for suffix in ("svg", "png"))
    assert max(map(len, said.splitlines())) <= 80 + len(str(tmp_path))


def test_report_prints_json_with_results_and_verdicts(tmp_path, capsys):
    for model, accuracies in {"resnet20": (90.0, 90.3), "resnet56": (91.0, 91.2), "resnet20-2": (92.0, 92.4)}.items():
        for seed, accuracy in enumerate(accuracies):
            store(tmp_path / "r", synthetic_result("cifar10", model, seed, accuracy))
    store(tmp_path / "r", failed_result(model="resnet32"))
    assert report(tmp_path, tmp_path / "r", "--json") == 0
    found = checked_output("report", capsys.readouterr().out)
    assert found["page"] == f"{tmp_path}/report/index.html"
    assert len(found["results"]) == 7
    assert {row["status"] for row in found["results"]} == {"complete", "diverged"}
    assert all((Path(row["path"]) / "result.json").exists() for row in found["results"])
    (study,) = found["studies"]
    assert study["models"] == ["resnet20", "resnet56", "resnet20-2"]
    (verdict,) = (one for one in study["verdicts"] if one["budget"] == "scale_factor")
    assert (verdict["outcome"], verdict["take"]) == ("wider", "resnet20-2")
    assert verdict["low_points"] < verdict["difference_points"] < verdict["high_points"]


def test_report_of_two_devices_does_not_compare_times(tmp_path):
    for name, environment in (("one", {}), ("two", {"cpu": "abacus"})):
        store(tmp_path / name, synthetic_result("digits", "resnet20", 0, 99.0, environment=environment))
    assert report(tmp_path, tmp_path / "one", tmp_path / "two") == 0
    text = (tmp_path / "report/tables/side-by-side-1-digits.md").read_text()
    assert "they were measured under different conditions (AMD EPYC, 2 threads, torch 2.15.0; abacus" in text
    assert "s/epoch" not in text


def test_report_names_a_folder_that_does_not_exist(tmp_path, capsys):
    assert report(tmp_path, tmp_path / "gone") == 2
    assert f"error: {tmp_path}/gone does not exist" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert report(tmp_path, tmp_path / "file") == 2
    assert f"error: {tmp_path}/file is not a folder" in capsys.readouterr().err
    kept = store(tmp_path / "r", synthetic_result("digits", "resnet20"))
    assert report(tmp_path, tmp_path / "r" / kept.case.folder_name) == 2
    assert "it is one case's folder: name the folder above it" in capsys.readouterr().err


def test_a_folder_by_two_names_is_reported_once(tmp_path, capsys):
    store(tmp_path / "r", synthetic_result("digits", "resnet20"))
    assert report(tmp_path, tmp_path / "r", tmp_path / "r/../r") == 0
    assert capsys.readouterr().out.count("resnet20 ") == 1
    assert not list((tmp_path / "report/tables").glob("side-by-side*"))


def test_report_needs_no_torch(tmp_path):
    store(tmp_path / "r", synthetic_result("digits", "resnet20"))
    folders = ["--results-dir", str(tmp_path / "r"), "--report-dir", str(tmp_path / "p")]
    program = f"""import sys
from harness.__main__ import main
sys.exit(main(["report", *{folders}]) or "torch" in sys.modules)"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=REPOSITORY, check=True, capture_output=True)
    assert (tmp_path / "p/index.html").exists()


def test_public_report_names_no_machine_and_no_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("harness.report.build.study_figures", lambda *_: [])
    for seed in (0, 1):
        store(tmp_path / "r", synthetic_result(seed=seed, environment={"node": f"machine{seed}"}))
    (tmp_path / "r/broken").mkdir()
    (tmp_path / "r/broken/result.json").write_text("{}")
    assert report(tmp_path, tmp_path / "r", "--public") == 0
    assert "trained on host 1 (1 case), host 2 (1 case)" in capsys.readouterr().out
    assert "machine0" not in (tmp_path / "report/index.html").read_text()
    assert report(tmp_path, tmp_path / "r", "--public", "--json") == 0
    found = checked_output("report", capsys.readouterr().out)
    assert str(tmp_path) not in str(found)
    assert found["left_out"][0].startswith("r/broken/result.json is not a result")
    assert found["page"] == "index.html"
    assert {str(Path(one).parent) for one in found["tables"]} == {"tables"}
    assert {Path(row["path"]).parts[0] for row in found["results"]} == {"r"}
