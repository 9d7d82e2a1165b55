import json

import pytest

from tests.plugin.benches import BENCH, results_in

OTHER = "\ndef test_sorting(benchmark):\n    benchmark.pedantic(sorted, args=([3, 1, 2],), rounds=3)\n"


@pytest.fixture
def run(bench, pytester):
    """A function that runs one case and another plugin's benchmark, and returns the output's lines."""
    pytester.makepyfile(test_digits=BENCH + OTHER)

    def lines(*arguments):
        result = bench("-k", "resnet8-seed0 or sorting", *arguments)
        result.assert_outcomes(passed=2, deselected=1)
        return result.outlines

    return lines


def in_table(lines, name):
    return [line for line in lines if line.startswith(name)]


def test_experiments_are_not_in_the_benchmark_table(run, pytester):
    lines = run("--benchmark-json", "saved.json", "--benchmark-autosave")
    assert in_table(lines, "test_sorting ")
    assert not in_table(lines, "test_digits[")
    assert not [line for line in lines if "benchmark 'digits'" in line]
    saved = json.loads((pytester.path / "saved.json").read_text())
    (autosaved,) = pytester.path.glob(".benchmarks/*/*.json")
    for content in (saved, json.loads(autosaved.read_text())):
        assert sorted(one["name"] for one in content["benchmarks"]) == ["test_digits[resnet8-seed0]", "test_sorting"]
    (case,) = [one for one in saved["benchmarks"] if one["group"] == "digits"]
    assert case["stats"]["data"] == results_in(pytester)[0]["epoch_seconds"]


def test_compare_and_columns_bring_the_table_back(run):
    run("--benchmark-autosave")
    compared = run("--benchmark-compare")
    assert len(in_table(compared, "test_digits[resnet8-seed0] (")) == 2  # the saved run and this one
    chosen = run("--benchmark-columns=median")
    (row,) = in_table(chosen, "test_digits[resnet8-seed0]")
    assert len(row) <= 80


def test_slower_experiment_is_a_regression_without_a_false_warning(bench, monkeypatch):
    seconds = iter([0.1, 0.2, 1.0, 2.0])
    monkeypatch.setattr("harness.hardware.stopwatch.Stopwatch.total", lambda _: next(seconds))
    bench("--benchmark-autosave", "-k", "resnet8-seed0")
    result = bench("--benchmark-compare", "--benchmark-compare-fail=min:5%", "--rerun", "-k", "resnet8-seed0")
    text = "\n".join([*result.outlines, *result.errlines])
    assert "Performance has regressed" in text
    assert "test_digits[resnet8-seed0]" in text
    assert "machine_info is different" not in text


def test_session_of_experiments_alone_has_no_benchmark_table(bench):
    result = bench("-k", "resnet8-seed0")
    result.stdout.no_fnmatch_line("*Outliers: 1 Standard Deviation*")
    result.stdout.fnmatch_lines(["*resnet8 *"])
