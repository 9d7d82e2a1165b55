import sys

import pytest

from tests.plugin.benches import results_in


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--epochs", "0", "--full-training"], "--epochs '0': give a whole number, 1 or more"),
        (["--epochs", "3"], "--epochs needs --full-training*"),
        (["--seeds", "one"], "--seeds 'one': give whole numbers separated by commas, e.g. 0,1,2"),
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


def test_engine_ray_without_ray_says_what_to_install(bench, monkeypatch):
    for name in [
        name for name in sys.modules if name.split(".")[0] == "ray" or name.startswith("harness.study.engines.")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    run = bench("--engine", "ray")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: --engine ray needs ray, install it: python -m pip install -e *[[]ray[]]*"])
