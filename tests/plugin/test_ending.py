import pytest


@pytest.fixture
def slower(bench, monkeypatch):
    """A function that runs a case again with epochs ten times as long, and compares them with a saved run."""
    seconds = iter([0.1, 0.2, 1.0, 2.0])
    monkeypatch.setattr("harness.hardware.stopwatch.Stopwatch.total", lambda _: next(seconds))
    bench("--benchmark-autosave", "-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    return lambda *options: bench("--benchmark-compare", "-k", "resnet8-seed0", *options)


def test_regression_fails_the_session_after_summary_and_report(slower, pytester):
    run = slower("--benchmark-compare-fail=min:5%")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(
        [
            "*= wider or deeper =*",
            "resnet8 *",
            "written: *report/index.html",
            "!* performance has regressed: 1 check failed, listed above !*",
            "*1 passed*",
        ]
    )
    run.stderr.fnmatch_lines(["*Performance has regressed:", "*test_digits[[]resnet8-seed0[]] (0001*"])
    assert "Traceback" not in run.stdout.str() + run.stderr.str()
    assert (pytester.path / "report/index.html").exists()


def test_summary_survives_an_error_at_the_end(bench, pytester, monkeypatch):
    def fill_the_disk(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("pytest_benchmark.session.BenchmarkSession.save_json", fill_the_disk)
    bench("-k", "resnet8-seed0", "--benchmark-json", "benchmark.json")
    assert (pytester.path / "report/index.html").exists()
