"""Experiments beside other pytest plugins: several at once, and those that run tests again or in another order."""

import hashlib
import json

import pytest

from tests.plugin.benches import BENCH, CONFTEST, properties_in, results_in

CONFTEST_WITH_OPTIONS = """
def pytest_addoption(parser):
    parser.addoption("--device", default="theirs")
    parser.addoption("--seeds", default="theirs")
    parser.addoption("--precision", default="theirs")
"""
THEIRS = """
def test_theirs(pytestconfig):
    given = [pytestconfig.getoption(name) for name in ("--device", "--seeds", "--precision")]
    assert given == ["abacus", "plenty", "theirs"]
"""


ALL = ("xdist", "xdist.looponfail", "timeout", "randomly", "rerunfailures", "pytest_cov", "sugar")


@pytest.mark.slow
def test_digits_run_beside_all_plugins(beside, pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_digits=BENCH)
    run = beside("-k", "digits and resnet8-seed", "--device", "Pixel 7")  # pytest-playwright's
    run.assert_outcomes(passed=1, deselected=1)
    run.stdout.fnmatch_lines(["plugins: *playwright-*", "*wider or deeper*", "resnet8 *", "written: *"])


@pytest.mark.slow
def test_digits_run_beside_plugins_and_the_projects_options(beside, pytester):
    pytester.makeconftest(CONFTEST_WITH_OPTIONS)  # pytest-playwright itself refuses a second --device
    pytester.makepyfile(test_digits=BENCH, test_theirs=THEIRS)
    arguments = ("--device", "abacus", "--seeds", "plenty", "--wod-seeds", "3", "--wod-device", "cpu")
    run = beside("-pharness.plugin", "-k", "theirs or (digits and resnet8-seed)", *arguments, only=ALL)
    run.assert_outcomes(passed=2, deselected=1)
    assert [result["seed"] for result in results_in(pytester)] == [3]


FAILING_ONCE = "FAILURES = []" + BENCH.replace(
    "    assert trained.is_complete",
    "    FAILURES.append(trained.model)\n    assert FAILURES.count(trained.model) == 2",
)


def outcomes(pytester):
    """The weights and predictions of the results, by model."""
    files = sorted(pytester.path.glob("results/*/*.safetensors")) + sorted(pytester.path.glob("results/*/*.npz"))
    return [(path.parent.name, path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]


@pytest.mark.slow
def test_shuffled_and_repeated_tests_change_no_result_and_count_once(bench, beside, pytester):
    bench("--full-training").assert_outcomes(passed=2)
    expected = outcomes(pytester)
    pytester.makepyfile(test_digits=FAILING_ONCE)
    files = ("--junitxml=junit.xml", "--benchmark-json=benchmark.json")
    run = beside(
        "--full-training", "--rerun", "--reruns", "2", "--randomly-seed", "3", "-v", *files,
        only=("randomly", "rerunfailures", "pytest_cov", "timeout"),
    )  # fmt: skip
    run.stdout.fnmatch_lines(["*resnet8-seed0] RERUN*", "*resnet8-2-seed0] RERUN*", "*2 passed, 2 rerun*"])
    assert outcomes(pytester) == expected
    benchmarks = json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"]
    assert [one["stats"]["rounds"] for one in benchmarks] == [2, 2]
    assert [len(result["attempts"]) for result in results_in(pytester)] == [1, 1]


def test_test_that_runs_again_has_its_properties_once(bench, pytester):
    again = """
    from _pytest.runner import runtestprotocol
    def pytest_runtest_protocol(item, nextitem):
        runtestprotocol(item, log=False, nextitem=nextitem)
        item._initrequest()  # as pytest-rerunfailures does
    """
    pytester.makeconftest(CONFTEST + again.replace("\n    ", "\n"))
    files = ("--junitxml=junit.xml", "--benchmark-json=benchmark.json")
    bench("-k", "resnet8-seed0", *files).assert_outcomes(passed=1, deselected=1)
    assert properties_in(pytester.path / "junit.xml")["model"] == "resnet8"
    assert (pytester.path / "junit.xml").read_text().count('name="model"') == 1
    assert len(json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"]) == 1


@pytest.mark.slow
def test_pytest_timeout_leaves_a_case_to_resume(bench, beside, pytester):
    pytester.makepyfile(test_digits=BENCH.replace('["resnet8", "resnet8-2"]', '["resnet8"]').replace("=2,", "=400,"))
    command = ("--full-training", "--rerun")
    run = beside(*command, "--timeout", "5", only=("timeout",))
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["interrupted: digits resnet8 seed 0, * of 400 epochs done", "not finished: *"])
    assert (pytester.path / "results/.rerun.json").exists()
    assert results_in(pytester) == []
