import csv
import json

import pytest

import harness.plugin.summary  # noqa: F401 - pytester forgets modules that its sessions import first
from tests.helpers.disturbances import QUIET, busy, use_meter
from tests.plugin.benches import properties_in, results_in


@pytest.fixture
def disturbed_bench(bench, monkeypatch):
    """A run of two epochs, of which the first is disturbed."""
    use_meter(monkeypatch, busy(0.5), QUIET)
    monkeypatch.setenv("COLUMNS", "160")
    arguments = ("--junit-xml", "junit.xml", "--benchmark-json", "benchmark.json")
    return bench("--full-training", "-k", "resnet8-seed0", *arguments)


def test_disturbed_epoch_is_named_in_the_table_and_every_file(disturbed_bench, pytester):
    disturbed_bench.assert_outcomes(passed=1)
    disturbed_bench.stdout.fnmatch_lines([
        "model*s/epoch  undisturbed*",
        "resnet8 * ~ *",
        "  ~ resnet8 seed 0: epoch 1 of 2 disturbed (other processes used 0.5 cores); "
        "median of undisturbed epochs * s, mean * s",
    ])  # fmt: skip
    (result,) = results_in(pytester)
    assert (result["disturbed_epochs"], result["disturbance_causes"]) == ([1], ["other processes used 0.5 cores"])
    tables = pytester.path / "report/tables"
    (row,) = csv.DictReader((tables / "digits.csv").read_text().splitlines())
    assert row["disturbed_epochs"] == "1"
    assert float(row["undisturbed_median_seconds"]) == pytest.approx(result["epoch_seconds"][1])
    assert "resnet8 seed 0: epoch 1 of 2 disturbed" in (tables / "digits.md").read_text()
    assert "resnet8 seed 0: epoch 1 of 2 disturbed" in (pytester.path / "report/index.html").read_text()
    properties = properties_in(pytester.path / "junit.xml")
    assert properties["disturbed_epochs"] == "1"
    assert float(properties["undisturbed_median_seconds"]) == result["epoch_seconds"][1]
    (benchmark,) = json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"]
    assert benchmark["extra_info"]["disturbed_epochs"] == [1]
