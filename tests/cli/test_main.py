import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from harness.__main__ import main
from harness.config.experiment import plan_experiment
from harness.config.settings import read_settings
from harness.paper.published import STUDY, exact_parameters
from harness.results.folder import ResultsFolder
from harness.results.reading import read_result
from harness.study.study import Study
from tests.helpers import REPOSITORY
from tests.helpers.synthetic import store, synthetic_result
from tests.helpers.tiny import make_case


def test_models_shows_the_eleven_parameter_counts_of_the_paper(capsys):
    assert main(["models"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    for dataset in ("cifar10", "gtsrb"):
        for model in STUDY[dataset]:
            (row,) = (row for row in rows if row[:2] == [model, dataset])
            depth, _, width = model.removeprefix("resnet").partition("-")
            assert row[-4:-1] == [depth, width or "1", f"{exact_parameters(dataset, model):,}"]


def test_models_shows_any_model_at_any_input(capsys):
    assert main(["models", "resnet32-3", "--input", "1x28x28", "--classes", "7"]) == 0
    assert capsys.readouterr().out.splitlines()[3].split()[:2] == ["resnet32-3", "1×28×28,"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["models", "resnet21"], "error: unknown model 'resnet21'"),
        (["models", "resnet20", "--input", "32"], "error: --input '32': give channels, height and width, as 3x32x32"),
        (["models", "resnet20", "--classes", "0"], "error: --classes '0': give a whole number, 1 or more"),
        (["data", "--data-dir", "/no/such"], "error: --data-dir /no/such does not exist"),
        (["report", "--results-dir", "/no/such"], "error: --results-dir /no/such does not exist"),
    ],
)
def test_wrong_input_is_a_line_on_standard_error_and_exit_code_2(arguments, says, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(says)
    assert len(captured.err.splitlines()) <= 2
    assert captured.out == ""


def test_an_unknown_command_or_option_exits_with_2(capsys):
    for arguments in (["train"], ["models", "--fast"], []):
        with pytest.raises(SystemExit) as exit_:
            main(arguments)
        assert exit_.value.code == 2
    assert "usage: python -m harness" in capsys.readouterr().err


def test_data_says_what_is_there_and_how_to_get_what_is_not(tmp_path, capsys):
    assert main(["data", "--data-dir", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "cifar10: missing; a full run downloads it, or\n  put cifar-10-python.tar.gz, unpacked or not, into" in text
    assert f"or images into {tmp_path}/cifar10/train/<class>/*" in text
    assert "gtsrb: missing" in text
    assert "digits: embedded in scikit-learn" in text
    assert "1,437 training and 360 test images; verified" in text


def test_data_looks_at_a_folder_of_the_users_and_names_what_is_wrong(tmp_path, capsys):
    assert main(["data", "--data-dir", str(tmp_path), f"folder:{tmp_path}/photos"]) == 2
    assert f"folder {tmp_path}/photos does not exist" in capsys.readouterr().out


def test_report_rebuilds_the_tables_from_the_results_folder(tiny_result, tiny_dataset, tmp_path, capsys):
    results = ResultsFolder(tmp_path / "results")
    begun = make_case(tiny_dataset, seed=1)
    for case in (tiny_result.case, begun):
        results.folder(case).mkdir(parents=True)
    results.write_result(tiny_result.case, tiny_result)
    (results.folder(begun) / "checkpoint-00000-1.safetensors").touch()
    (tmp_path / "results/broken").mkdir()
    (tmp_path / "results/broken/result.json").write_text("{}")
    folders = ["--results-dir", str(tmp_path / "results"), "--report-dir", str(tmp_path / "report")]
    assert main(["report", *folders]) == 0
    captured = capsys.readouterr()
    assert "resnet8" in captured.out
    assert (tmp_path / "report/tables/digits.csv").exists()
    assert "left out" in captured.err
    assert "broken/result.json" in captured.err
    assert f"not finished: {begun.folder_name}, 0 epochs so far" in captured.err


def test_report_on_a_folder_without_results_says_how_to_make_some(tmp_path, capsys):
    assert main(["report", "--results-dir", str(tmp_path)]) == 2
    assert f"error: no results in {tmp_path}: train some with `pytest bench" in capsys.readouterr().err


def report(tmp_path, *folders):
    return main(["report", *map(str, folders), "--report-dir", str(tmp_path / "report")])


def test_report_makes_the_page_the_tables_and_the_figures_and_says_the_answer(tmp_path, capsys):
    for model, accuracies in {"resnet20": (90.0, 90.3), "resnet56": (91.0, 91.2), "resnet20-2": (92.0, 92.4)}.items():
        for seed, accuracy in enumerate(accuracies):
            store(tmp_path / "r", synthetic_result("cifar10", model, seed, accuracy))
    assert report(tmp_path, tmp_path / "r") == 0
    said = capsys.readouterr().out
    assert "CIFAR-10: no significant difference (wider is ahead)" in said
    assert "Wider 20-2 over deeper 56: +1.10 pp" in said
    assert f"written: {tmp_path}/report/index.html" in said
    assert all((tmp_path / f"report/tables/claims.{suffix}").exists() for suffix in ("csv", "md", "tex"))
    assert all((tmp_path / f"report/figures/cifar10-learning-curves.{suffix}").exists() for suffix in ("svg", "png"))
    assert max(map(len, said.splitlines())) <= 80 + len(str(tmp_path))


def test_report_sets_several_folders_side_by_side_and_refuses_to_compare_times_across_devices(tmp_path):
    for name, environment in (("one", {}), ("two", {"cpu": "abacus"})):
        store(tmp_path / name, synthetic_result("digits", "resnet20", 0, 99.0, environment=environment))
    assert report(tmp_path, tmp_path / "one", tmp_path / "two") == 0
    text = (tmp_path / "report/tables/side-by-side-1-digits.md").read_text()
    assert "times are not compared: they are of different hardware (AMD EPYC, 2 threads, torch 2.15.0; abacus" in text
    assert "s/epoch" not in text


def test_report_names_a_folder_that_is_not_there_or_is_none(tmp_path, capsys):
    assert report(tmp_path, tmp_path / "gone") == 2
    assert f"error: {tmp_path}/gone does not exist" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert report(tmp_path, tmp_path / "file") == 2
    assert f"error: {tmp_path}/file is no folder" in capsys.readouterr().err
    kept = store(tmp_path / "r", synthetic_result("digits", "resnet20"))
    assert report(tmp_path, tmp_path / "r" / kept.case.folder_name) == 2
    assert "it is one case's: name the folder above it" in capsys.readouterr().err


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


def test_evaluate_reproduces_a_result_named_by_its_folder_or_its_file(digits_result, capsys):
    assert evaluate(digits_result) == 0
    assert "the same, image by image" in capsys.readouterr().out
    assert evaluate(digits_result / "result.json") == 0


def test_evaluate_says_what_is_not_the_same(digits_result, capsys):
    path = digits_result / "result.json"
    result = read_result(path)
    path.write_text(replace(result, macro_f1_percent=result.macro_f1_percent / 2 + 1).to_text())
    assert evaluate(path) == 1
    assert "not the same; recorded on" in capsys.readouterr().out


def test_evaluate_refuses_what_is_no_result(digits_result, tmp_path, capsys):
    assert evaluate(tmp_path / "gone") == 2
    assert "gone does not exist: name a result.json, or the folder that it lies in" in capsys.readouterr().err
    copy = shutil.copytree(digits_result, tmp_path / "r/copy")
    assert evaluate(copy) == 2
    assert "is a copy" in capsys.readouterr().err


@pytest.fixture
def in_a_process(tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "harness", *arguments]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)

    return run


def test_plan_lists_the_selected_cases_with_their_time(in_a_process, tmp_path):
    folders = ("--results-dir", str(tmp_path / "r"), "--report-dir", str(tmp_path / "p"))
    ran = in_a_process(
        "plan", "-k", "digits and resnet20-", "--full-training", "--seeds", "0,1", "--device", "cpu", *folders
    )
    assert ran.returncode == 0, ran.stderr
    rows = [line.split() for line in ran.stdout.splitlines() if line.startswith("digits")]
    assert [row[1] + row[3] for row in rows] == [
        "resnet200", "resnet201", "resnet20-20", "resnet20-21", "resnet20-40", "resnet20-41",
    ]  # fmt: skip
    assert "6 cases; about" in ran.stdout
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--epochs", "0", "--full-training"], "error: --epochs '0': give a whole number, 1 or more"),
        (["-k", "nothing_of_the_kind"], "error: no experiment is selected"),
        (["--no-such-option"], "error: unrecognized arguments: --no-such-option"),
        (["no_such_folder.py"], "error: file or directory not found: no_such_folder.py"),
    ],
)
def test_plan_refuses_what_pytest_refuses(arguments, says, in_a_process):
    ran = in_a_process("plan", *arguments)
    assert ran.returncode == 2
    assert ran.stderr.startswith(says)
    assert "Traceback" not in ran.stderr


def test_plan_takes_an_options_value_for_no_file_and_needs_no_conftest(in_a_process, tmp_path):
    ran = in_a_process("plan", "-k", "digits", "--deselect", "bench/test_digits.py::test_digits[resnet110-seed0]")
    assert ran.returncode == 0, ran.stderr
    assert "4 cases; about" in ran.stdout
    bench = tmp_path / "test_mine.py"
    bench.write_text(
        "import pytest\n@pytest.mark.experiment('digits', models=['resnet8'])\ndef test_mine(trained):\n    pass\n"
    )
    ran = in_a_process("plan", str(bench), "--rootdir", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert "1 cases; about" in ran.stdout


def test_output_that_cannot_show_every_sign_shows_the_rest():
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "harness", "models", "resnet8"]
    ran = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0
    assert "resnet8" in ran.stdout


def test_help_does_not_import_torch():
    check = (
        "import sys; from harness.__main__ import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\nprint('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", check], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.splitlines()[-1] == "False"
    assert "pytest bench -k digits --full-training" in ran.stdout
