import csv
import shutil
import sys
from dataclasses import replace

import pytest

from harness.throughput import workbench as workbench_module  # here: what a pytester run imports, it forgets again
from tests.helpers import REPOSITORY
from tests.helpers.busy import needs_affinity, pinned_beside_a_busy_process
from tests.helpers.disturbances import QUIET, busy, use_meter
from tests.plugin.benches import CONFTEST
from tests.throughput.recordings import make_comparison

MEASUREMENT = """
import pytest
@pytest.mark.measurement
def test_speed_of_augmentation(workbench):
    assert workbench.compare_augmentation("digits").ratio > 0
def test_other():
    pass
"""


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ((), 1),
        (("-k", "not other"), 0),
        (("-k", "speed"), 2),
        (("test_speed.py",), 2),
        (("-k", "Speed"), 2),
        (("-m", "measurement"), 1),
    ],
)
def test_a_measurement_runs_only_if_the_command_line_names_it(arguments, passed, pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_speed=MEASUREMENT.replace('workbench.compare_augmentation("digits").ratio', "1"))
    run = pytester.runpytest_inprocess(*arguments)
    run.assert_outcomes(passed=passed, deselected=2 - passed)


def test_a_measurement_is_printed_kept_and_reported(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_speed=MEASUREMENT)
    run = pytester.runpytest_inprocess("-k", "speed")
    run.stdout.fnmatch_lines(
        ["*test_speed_of_augmentation: augm*", "*throughput*", "augmentation alone*", "digits*1×8×8*", "written:*"]
    )
    assert (pytester.path / "results/throughput/augmentation-1x8x8-cpu.json").exists()
    assert "digits" in (pytester.path / "report/tables/throughput-augmentation.csv").read_text()


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch):
    """Measurements in this process that read as undisturbed, however busy this machine is."""
    use_meter(monkeypatch, QUIET)


@pytest.fixture
def throughput_bench(pytester):
    """A folder with the bench of throughput measurements."""
    pytester.makeconftest(CONFTEST)
    shutil.copy(REPOSITORY / "bench/test_throughput.py", pytester.path)
    return pytester


def compared(disturbance, fast=27.0, peak=5e9):
    """A comparison whose rounds and peak have this disturbance."""
    one = make_comparison((fast,), (50.0,), peak_flops_per_second=peak, peak_disturbance=disturbance)
    return replace(one, fast=tuple(replace(measured, disturbance=disturbance) for measured in one.fast))


def run_pipelines(pytester, monkeypatch, *comparisons, options=()):
    """Run the bench's test of one pipeline that gives these comparisons."""
    monkeypatch.setattr(workbench_module, "compare_pipelines", lambda *_, **__: list(comparisons))
    return pytester.runpytest_inprocess("-k", "throughput and resnet20-3x32", "--device", "cpu", "-rs", *options)


def test_bf16_without_hardware_for_it_is_noted(throughput_bench, monkeypatch):
    monkeypatch.setattr("harness.hardware.device.computes_bf16", lambda _: False)
    fast = compared(QUIET, fast=80.0, peak=40e9)
    run = run_pipelines(throughput_bench, monkeypatch, fast, options=("--precision", "bf16"))
    run.stdout.fnmatch_lines(["*resnet20-3x32*: cpu does not compute bf16 in hardware: training takes 2 to 10 times*"])


def test_an_undisturbed_slow_fast_pipeline_fails(throughput_bench, monkeypatch):
    run = run_pipelines(throughput_bench, monkeypatch, compared(QUIET))
    run.assert_outcomes(failed=1, deselected=11)
    run.stdout.fnmatch_lines(["*the fast pipeline at fp32 is slower than the reference*"])


def test_an_undisturbed_fast_pipeline_passes(throughput_bench, monkeypatch):
    run = run_pipelines(throughput_bench, monkeypatch, compared(QUIET, fast=80.0, peak=40e9))
    run.assert_outcomes(passed=1, deselected=11)
    run.stdout.fnmatch_lines(["resnet20 *1.60*48%"])
    run.stdout.no_fnmatch_line("*(disturbed)*")


def test_a_slow_pipeline_fails_beside_a_disturbed_precision(throughput_bench, monkeypatch):
    slow = replace(compared(QUIET), precision="bf16")
    run = run_pipelines(throughput_bench, monkeypatch, compared(busy(1.2)), slow)
    run.assert_outcomes(failed=1, deselected=11)
    run.stdout.fnmatch_lines(["*the fast pipeline at bf16 is slower than the reference*"])


def test_a_disturbed_measurement_asserts_nothing_and_is_marked(throughput_bench, monkeypatch):
    run = run_pipelines(throughput_bench, monkeypatch, compared(busy(1.2)))
    run.assert_outcomes(skipped=1, deselected=11)
    run.stdout.fnmatch_lines([
        "resnet20 (disturbed) *0.54*",
        "*peak unknown",
        "*because its measurement was disturbed: resnet20 3×32×32*",
        "*disturbed, so no test asserts anything about it: resnet20 3×32×32, 1 of 1",
        "*rounds (other processes used 1.2 cores)",
        "SKIPPED*: measured, but disturbed: 1 of 1 rounds (other processes used 1.2 cores); run it again when the "
        "machine is free",
    ])  # fmt: skip
    (row,) = csv.DictReader((throughput_bench.path / "report/tables/throughput.csv").read_text().splitlines())
    assert (row["peak_share"], row["disturbed"]) == ("", "1 of 1 rounds (other processes used 1.2 cores)")
    assert (throughput_bench.path / "results/throughput/resnet20-3x32x32-cpu.json").exists()


@pytest.mark.release  # a plan is made beside a busy process in tests/cli/test_plan.py
@needs_affinity
def test_throughput_beside_a_busy_process_is_marked_and_does_not_fail(throughput_bench):
    one_round = "functools.partial(workbench.compare_augmentation, rounds=1)"
    throughput_bench.makeconftest(
        f"{CONFTEST}\nimport functools\nfrom harness.throughput import workbench\n"
        f"workbench.compare_augmentation = {one_round}\n"
    )
    command = [sys.executable, "-m", "pytest", "-k", "throughput_of_augmentation and 1x28", "-rs"]
    with pinned_beside_a_busy_process():
        run = throughput_bench.run(*command)
    assert run.ret == 0
    run.assert_outcomes(skipped=1, deselected=11)
    run.stdout.fnmatch_lines(["*round 1 disturbed (other processes used * cores): measured again"])
    run.stdout.fnmatch_lines(["fashionmnist (disturbed) *"])
    run.stdout.fnmatch_lines(["SKIPPED*: measured, but disturbed: 1 of 1 rounds (other processes used *"])


def test_an_absent_device_fails_a_measurement_in_one_line(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_speed=MEASUREMENT)
    run = pytester.runpytest_inprocess("-k", "speed", "--device", "abacus")
    run.assert_outcomes(errors=1, passed=1)
    run.stdout.fnmatch_lines(["*unknown device 'abacus'*"])
    run.stdout.no_fnmatch_line("*InputError*")
    run.stdout.no_fnmatch_line("*another exception*")
    run.stdout.no_fnmatch_line("*Traceback*")
