"""A reused result in pytest-benchmark's record, in JUnit and on the terminal."""

import json
from xml.etree import ElementTree

FULL = ("--full-training", "--epochs", "1", "-k", "resnet8-seed0")


def properties_in(path):
    return {one.get("name"): one.get("value") for one in ElementTree.parse(path).iter("property")}


def test_reused_result_says_so_and_is_compared_with_nothing(bench, pytester, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    summary = pytester.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    first = bench(*FULL, "--benchmark-autosave", "--junitxml=first.xml", "-v")
    first.stdout.no_fnmatch_line("*PASSED (reused)*")
    assert properties_in(pytester.path / "first.xml")["reused"] == "false"
    summary.unlink()

    fail_if_compared = ("--benchmark-compare", "--benchmark-compare-fail=min:0.0")
    again = bench(*FULL, *fail_if_compared, "--benchmark-json=again.json", "--junitxml=again.xml", "-v")
    again.assert_outcomes(passed=1, deselected=1)
    again.stdout.fnmatch_lines(
        [
            "*test_digits[[]resnet8-seed0[]] PASSED (reused) *",
            "1 of 1 result reused, *",
            "--benchmark-compare left out 1 reused result: *",
        ]
    )
    again.stdout.no_fnmatch_line("*(0001_*")  # the saved run has no row
    (saved,) = json.loads((pytester.path / "again.json").read_text())["benchmarks"]
    assert saved["extra_info"]["reused"] is True
    assert saved["options"]["timer"] == "RecordedClock"
    recorded = properties_in(pytester.path / "again.xml")
    assert recorded["reused"] == "true"
    assert recorded["finished_at"] == saved["extra_info"]["finished_at"]
    assert "- 1 of 1 result reused, not trained now" in summary.read_text()
    assert "left out" not in bench(*FULL).stdout.str()  # nothing is compared
