"""pytest-xdist and pytest-forked: they run ordinary tests as ever, and experiments are refused by name."""

import pytest

from tests.plugin.benches import BENCH

ORDINARY = "def test_one(): pass\ndef test_two(): pass"
REFUSED = (
    "ERROR: experiments and measurements do not run under pytest-xdist: leave out -n, or give `-n 0` *--engine ray*"
)
XDIST = ("xdist", "xdist.looponfail")


def errors(run):
    """The lines on standard error, without pytest-benchmark's own warning about xdist."""
    lines = [line for line in run.errlines if line.strip()]
    return [line for line in lines if "PytestBenchmarkWarning" not in line]


@pytest.mark.parametrize(
    "arguments", [("-n", "1"), pytest.param(("-d", "--tx", "2*popen", "--full-training"), marks=pytest.mark.slow)]
)
def test_experiments_under_xdist_are_refused_in_one_line(arguments, bench, beside, pytester):
    run = beside(*arguments, only=XDIST)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stdout.no_fnmatch_line("*INTERNALERROR*")
    run.stderr.fnmatch_lines([REFUSED])
    assert len(errors(run)) == 1
    assert not (pytester.path / "results").exists()


def test_measurements_under_xdist_are_refused(bench, beside, pytester):
    pytester.makepyfile(test_digits="import pytest\n@pytest.mark.measurement\ndef test_it(workbench): pass")
    run = beside("-n", "1", "-k", "digits", only=XDIST)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([REFUSED])


def test_remedy_for_xdist_in_addopts_works(bench, beside, pytester):
    pytester.makeini("[pytest]\naddopts = -n 2 --dist loadfile\n")
    run = beside("--collect-only", "-q", "-n", "0", only=XDIST)
    run.stdout.fnmatch_lines(["2 tests collected*"])


@pytest.mark.parametrize(
    "arguments", [("-k", "ordinary"), pytest.param(("--dist", "loadscope", "--benchmark-skip"), marks=pytest.mark.slow)]
)
def test_xdist_runs_a_session_that_trains_nothing(arguments, bench, beside, pytester):
    pytester.makepyfile(test_ordinary=ORDINARY)
    run = beside("-n", "1", *arguments, only=XDIST)
    assert run.ret == pytest.ExitCode.OK
    run.stdout.fnmatch_lines(["1 worker *"])


@pytest.mark.parametrize(
    ("variable", "text", "says"),
    [
        ("plenty", BENCH, "ERROR: WIDER_OR_DEEPER_SEEDS 'plenty': *"),
        ("0", BENCH.replace('"resnet8-2"', '"resnet21"'), "ERROR: *unknown model 'resnet21'*"),
    ],
)
def test_input_error_in_a_worker_reaches_the_user(variable, text, says, bench, beside, pytester, monkeypatch):
    monkeypatch.setenv("WIDER_OR_DEEPER_SEEDS", variable)
    pytester.makepyfile(test_digits=text)
    run = beside("-n", "1", only=XDIST)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stdout.no_fnmatch_line("*INTERNALERROR*")
    run.stderr.fnmatch_lines([says])


def test_experiments_under_pytest_forked_are_refused(bench, pytester):
    with (pytester.path / "conftest.py").open("a") as conftest:
        conftest.write("\ndef pytest_addoption(parser): parser.addoption('--forked', action='store_true')\n")
    run = bench("--forked")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: experiments *do not run under pytest-forked: leave out --forked*"])


IN_A_THREAD = """
import threading
from _pytest.runner import runtestprotocol
def pytest_runtest_protocol(item, nextitem):
    thread = threading.Thread(target=runtestprotocol, args=(item, True, nextitem))
    thread.start()
    thread.join()
    return True
"""


def test_case_in_another_thread_is_refused_by_its_test(bench, pytester):
    with (pytester.path / "conftest.py").open("a") as conftest:
        conftest.write(IN_A_THREAD)
    run = bench()
    run.assert_outcomes(errors=2)
    run.stdout.fnmatch_lines(["this test runs in another process or thread than pytest*"])


ALONE = """
import os

def test_alone(pytestconfig):
    assert not pytestconfig.pluginmanager.hasplugin("xdist")
    assert not [name for name in os.environ if name.startswith("PYTEST_XDIST_")]
"""


@pytest.mark.parametrize("how", ["runpytest_inprocess", "runpytest_subprocess"])
def test_sessions_of_these_tests_are_without_xdist(how, pytester):
    pytester.makepyfile(test_alone=ALONE)
    getattr(pytester, how)("-pno:cacheprovider").assert_outcomes(passed=1)
