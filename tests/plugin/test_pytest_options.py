import sys

import pytest

from harness.plugin.session import session_of
from tests.plugin.benches import BENCH, WARNINGS_ARE_ERRORS, results_in


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--epochs", "0", "--full-training"], "--epochs '0': give whole numbers, 1 or more, separated by commas*"),
        (["--epochs", "3"], "--epochs needs --full-training*"),
        (["--seeds", "one"], "--seeds 'one': give whole numbers or ranges of them, separated by commas, *"),
        (["--device", "cuda:99"], "device 'cuda:99' not found: this machine has *"),
        (["--device", "tpu"], "unknown device 'tpu': give auto, cpu, cuda, cuda:N or mps"),
        (["--precision", "fp8"], "unknown precision 'fp8': give one of auto, fp32, tf32, bf16"),
        (["--precision", "tf32", "--device", "cpu"], "precision 'tf32' is not supported on cpu*"),
        (["--data-dir", "/no/such/folder"], "--data-dir /no/such/folder does not exist*"),
        (["--results-dir", "/dev/null/x"], "--results-dir /dev/null/x cannot be written to*"),
        (["--val-split", "1"], "--val-split '1': give a share*"),
    ],
)
def test_a_wrong_option_is_a_usage_error_before_training(arguments, says, bench, pytester):
    run = bench(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"ERROR: {says}"])
    assert len(run.stderr.str().strip().splitlines()) <= 2
    assert results_in(pytester) == []


def test_help_names_every_options_variable_and_ini_key(bench):
    text = " ".join(bench("--help").stdout.str().split())
    for name in ("full-training", "epochs", "seeds", "data-dir", "results-dir", "report-dir", "device", "precision"):
        assert f"--{name}" in text
    assert "WIDER_OR_DEEPER_DATA_DIR" in text
    assert "ini key data_dir" in text


@pytest.mark.parametrize("key", ["report_dir", "report-dir"])
def test_an_option_can_be_set_in_the_ini_file(key, bench, pytester):
    pytester.makeini(f"[pytest]\n{key} = elsewhere\nseeds = 4")
    bench("-k", "resnet8-seed4").assert_outcomes(passed=1, deselected=1)
    assert (pytester.path / "elsewhere/tables/digits-smoke.csv").exists()


TYPED = """
full_training = true
seeds = [5, 6]
val_split = 0.1
epochs = 30
results_dir = "r"
budget = "2h"
"""
TEXTS = """
full_training = true
seeds = 5,6
val_split = 0.1
epochs = 30
results_dir = r
budget = 2h
"""


@pytest.mark.parametrize(
    ("file", "section", "content"),
    [
        ("pyproject.toml", "tool.pytest", TYPED),
        ("pyproject.toml", "tool.pytest.ini_options", TYPED),
        ("pyproject.toml", "tool.pytest", TYPED.replace("[5, 6]", '["5", "6"]').replace('"r"', '["r"]')),
        ("pyproject.toml", "tool.pytest.ini_options", TYPED.replace("[5, 6]", '"5,6"').replace("30", '"30"')),
        ("pytest.toml", "pytest", TYPED),
        ("pytest.ini", "pytest", TEXTS),
        ("tox.ini", "pytest", TEXTS.replace("5,6", "5 6")),
        ("setup.cfg", "tool:pytest", TEXTS.replace("5,6", "\n  5\n  6")),
    ],
)
def test_ini_values_of_every_type_are_read_from_every_file(file, section, content, pytester):
    (pytester.path / file).write_text(f"[{section}]{content}")
    pytester.makepyfile(test_digits=BENCH)
    run = pytester.runpytest_inprocess("-p", "harness.plugin", "--collect-only", "--strict-config")
    run.stdout.fnmatch_lines(["wider-or-deeper: full training, epochs 30, seeds 5,6"])
    assert run.stderr.str() == ""


@pytest.mark.parametrize(
    ("section", "line", "says"),
    [
        ("tool.pytest", 'seeds = "plenty"', "ini key seeds 'plenty': give whole numbers*"),
        ("tool.pytest", "epochs = [1]\nval_split = 2", "ini key val_split '2': give a share*"),
        ("tool.pytest", "rerun = 3", "ini key rerun '3': give true or false"),
        ("tool.pytest.ini_options", "seeds = [0, 0]", "ini key seeds '0,0': seed 0 is given twice*"),
        ("tool.pytest.ini_options", 'results_dir = ["a", "b"]', "ini key results_dir [[]'a', 'b'[]]: give one folder"),
    ],
)
def test_a_wrong_ini_value_is_a_usage_error_of_one_line(section, line, says, pytester):
    pytester.makepyprojecttoml(f"[{section}]\n{line}\n")
    pytester.makepyfile(test_digits=BENCH, test_ordinary="def test_ordinary():\n    pass")
    run = pytester.runpytest_inprocess("-p", "harness.plugin")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in run.stderr.str().splitlines() if line] == run.errlines[:1]
    run.stderr.fnmatch_lines([f"ERROR: {says}"])
    pytester.runpytest_inprocess("-p", "harness.plugin", "test_ordinary.py", *WARNINGS_ARE_ERRORS).assert_outcomes(
        passed=1
    )


def settings_in(pytester, *arguments):
    """The settings of a session in the current folder."""
    return session_of(pytester.parseconfigure("-p", "harness.plugin", *arguments)).settings


def test_folders_in_an_ini_file_are_relative_to_it(pytester, monkeypatch):
    (pytester.path / "base").mkdir()
    pytester.makepyprojecttoml(
        '[tool.pytest]\nresults_dir = "r"\nreport_dir = ["p"]\ndata_dir = "."\nbaseline = "base"\nfull_training = true'
    )
    inner = pytester.mkdir("inner")
    monkeypatch.chdir(inner)
    got = settings_in(pytester)
    assert (got.results_dir, got.report_dir) == (pytester.path / "r", pytester.path / "p")
    assert (got.data_dir, got.baseline) == (pytester.path, pytester.path / "base")
    monkeypatch.setenv("WIDER_OR_DEEPER_REPORT_DIR", "p")
    got = settings_in(pytester, "--results-dir", "r")
    assert (got.results_dir, got.report_dir) == (inner / "r", inner / "p")


def test_an_override_precedes_every_key_of_the_ini_file(pytester):
    pytester.makeini("[pytest]\nwod_seeds = 1\nseeds = 2\n")
    assert settings_in(pytester).seeds == (1,)
    assert settings_in(pytester, "-o", "seeds=3").seeds == (3,)


def test_engine_ray_without_ray_says_what_to_install(bench, monkeypatch):
    for name in [
        name for name in sys.modules if name.split(".")[0] == "ray" or name.startswith("harness.study.engines.")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    run = bench("--engine", "ray")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: --engine ray needs ray, install it: python -m pip install -e *[[]ray[]]*"])
