from pathlib import Path

from harness.cli.check_output import check_output
from tests.helpers.guarding import before, compare, failed, limits, trained


def output(base, new):
    return check_output(Path("base"), Path("new"), compare(base, new), limits())


def test_json_has_every_comparison_with_its_numbers():
    seconds = (1.0, 1.01, 0.99)
    found = output(before(seconds=seconds), trained(seconds=tuple(1.3 * one for one in seconds)))
    assert (len(found.comparisons), found.exit_code, found.not_compared) == (5, 1, [])
    (violation,) = found.violations
    assert violation.excess_at_least > 0
    assert (violation.measure, violation.method, violation.limit) == ("epoch_seconds", "Welch's t", "+10%")
    assert (found.comparisons[2].before, found.limits["params"]) == (75_002, "+0%")


def test_json_has_changed_statuses_beside_the_measures():
    (changed,) = output(before((96.0,)), [failed(0)]).violations
    assert (changed.measure, changed.before, changed.after) == ("status", "1 complete", "1 diverged")


def test_json_has_what_changed_since_the_baseline():
    (changed,) = output(before(environment={"training_code": "0", "code": {}}), trained()).changed
    assert changed.case == "digits resnet8"
    assert changed.changes[0].startswith("the harness's own config/")


def test_json_names_measures_that_were_not_compared_by_their_fields():
    found = output(before(), trained(environment={"threads": 1}))
    assert {one.measure for one in found.not_compared} == {"epoch_seconds", "peak_memory_bytes"}
