import pytest

from tests.plugin.benches import CONFTEST

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


def test_an_absent_device_fails_a_measurement_in_one_line(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_speed=MEASUREMENT)
    run = pytester.runpytest_inprocess("-k", "speed", "--device", "abacus")
    run.assert_outcomes(errors=1, passed=1)
    run.stdout.fnmatch_lines(["*unknown device 'abacus'*"])
    run.stdout.no_fnmatch_line("*InputError*")
    run.stdout.no_fnmatch_line("*another exception*")
    run.stdout.no_fnmatch_line("*Traceback*")
