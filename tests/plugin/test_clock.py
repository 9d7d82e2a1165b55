import json

import pytest

from harness.plugin.clock import RecordedClock
from tests.plugin.benches import BENCH, results_in


def test_the_rounds_equal_the_recorded_epoch_seconds(bench, pytester, monkeypatch):
    seconds = iter([0.1, 0.2, 0.3, 0.7])  # (0.1 + 0.2) − 0.1 is not 0.2
    monkeypatch.setattr("harness.hardware.stopwatch.Stopwatch.total", lambda _: next(seconds))
    bench("--benchmark-json", "benchmark.json").assert_outcomes(passed=2)
    saved = json.loads((pytester.path / "benchmark.json").read_text())
    recorded = {result["model"]: result for result in results_in(pytester)}
    assert len(saved["benchmarks"]) == 2
    for benchmark in saved["benchmarks"]:
        result = recorded[benchmark["params"]["model"]]
        assert benchmark["stats"]["data"] == result["epoch_seconds"]
        assert benchmark["stats"]["rounds"] == result["epochs"]
        assert benchmark["group"] == "digits"
        for measure in ("accuracy_percent", "macro_f1_percent", "params", "macs", "total_seconds", "marginal_gain"):
            assert benchmark["extra_info"][measure] == result[measure]
    assert saved["machine_info"]["wider_or_deeper"]["device"] == "cpu"


def test_the_users_benchmark_mark_keeps_its_options(bench, pytester):
    marked = BENCH.replace("def test_digits", "@pytest.mark.benchmark(group='mine')\ndef test_digits")
    pytester.makepyfile(test_digits=marked)
    bench("--benchmark-json", "benchmark.json", "-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    (benchmark,) = json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"]
    assert benchmark["group"] == "mine"
    assert benchmark["stats"]["data"] == results_in(pytester)[0]["epoch_seconds"]


@pytest.mark.parametrize("option", ["--benchmark-disable", "--benchmark-only", "--benchmark-cprofile=tottime"])
def test_all_epochs_are_trained_with_every_benchmark_option(option, bench, pytester):
    bench(option, "-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    assert [result["epochs"] for result in results_in(pytester)] == [2]


def test_benchmark_skip_skips_the_cases(bench):
    bench("--benchmark-skip").assert_outcomes(skipped=2)


def test_the_clock_replays_seconds_exactly_and_then_stands_still():
    clock = RecordedClock()
    clock.load((0.1, 0.2, 1e9 + 0.1))  # (0.1 + 0.2) − 0.1 is not 0.2
    readings = []
    for _ in range(4):
        clock.rewind()
        start = clock()
        clock.play_epoch()
        readings.append(clock() - start)
    assert readings == [0.1, 0.2, 1e9 + 0.1, 0.0]
