"""pytest's own errors and listings come first: no study is made, so nothing is downloaded."""

import pytest


def result_folders(pytester):
    return {"results", "report"} & {path.name for path in pytester.path.iterdir()}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["-k", "cifar and"], pytest.ExitCode.USAGE_ERROR, "ERROR: Wrong expression passed to '-k'*"),
        (["-m", "slow and"], pytest.ExitCode.USAGE_ERROR, "ERROR: Wrong expression passed to '-m'*"),
        (["nosuch.py"], pytest.ExitCode.USAGE_ERROR, "ERROR: file or directory not found: nosuch.py"),
        (["test_digits.py::no"], pytest.ExitCode.USAGE_ERROR, "ERROR: not found: *"),
        (["--nosuch"], pytest.ExitCode.USAGE_ERROR, "*unrecognized arguments: --nosuch"),
        (["--strict-config", "-o", "nosuch=1"], pytest.ExitCode.USAGE_ERROR, "ERROR: *nosuch*"),
        (["--benchmark-compare-fail=min:5%"], pytest.ExitCode.USAGE_ERROR, "ERROR: *needs --benchmark-compare*"),
        (
            ["-Wignore", "--benchmark-json=nosuch/x.json"],  # pytest-benchmark warns that it saves nothing
            pytest.ExitCode.USAGE_ERROR,
            "ERROR: --benchmark-json nosuch/x.json cannot be written*",
        ),
        (
            ["-Wignore", "--benchmark-json=."],
            pytest.ExitCode.USAGE_ERROR,
            "ERROR: --benchmark-json . cannot be written*",
        ),
        (
            ["-Wignore", "--benchmark-autosave", "--benchmark-storage=/dev/null/x"],
            pytest.ExitCode.USAGE_ERROR,
            "ERROR: --benchmark-storage /dev/null/x cannot be written to*",
        ),
        (
            ["-Wignore", "--benchmark-save=mine", "--benchmark-storage=conftest.py"],
            pytest.ExitCode.USAGE_ERROR,
            "ERROR: --benchmark-storage *conftest.py cannot be written to*",
        ),
        (["--full-training", "-k", "no and"], pytest.ExitCode.USAGE_ERROR, "ERROR: Wrong expression*"),
    ],
)
def test_usage_error_comes_before_any_study(arguments, code, says, bench, pytester, studies):
    run = bench(*arguments)
    assert run.ret == code
    run.stderr.fnmatch_lines([says])
    assert studies == []
    assert not result_folders(pytester)


@pytest.mark.parametrize(
    "option",
    ["--collect-only", "--fixtures", "--fixtures-per-test", "--setup-plan", "--setup-only", "--markers", "--version"],
)
def test_listing_makes_no_study(option, bench, pytester, studies):
    assert bench(option).ret == pytest.ExitCode.OK
    assert studies == []
    assert not result_folders(pytester)


def test_setup_only_skips_the_cases(bench, studies):
    bench("--setup-only").assert_outcomes(skipped=2)


def test_error_in_another_file_makes_no_study(bench, pytester, studies):
    pytester.makepyfile(test_broken="import nosuch")
    run = bench()
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines(["ERROR test_broken.py", "*1 error during collection*"])
    assert studies == []
    run = bench("--continue-on-collection-errors")
    run.stderr.fnmatch_lines(["ERROR: a study was made"])
    assert studies == ["a study"]


def test_error_in_a_conftest_makes_no_study(bench, pytester, studies):
    pytester.mkdir("inner").joinpath("conftest.py").write_text("import nosuch")
    (pytester.path / "inner/test_it.py").write_text("def test_it(): pass")
    assert bench().ret != pytest.ExitCode.OK
    assert studies == []
