from harness.report.guard_text import closing_line, limits_lines, verdict_lines, violation_text
from tests.helpers.guarding import before, compare, failed, limits, trained

SECONDS = (1.0, 1.01, 0.99)
SLOWER = tuple(1.3 * seconds for seconds in SECONDS)


def test_a_verdict_within_the_limits_is_one_line():
    assert verdict_lines(compare(before(), trained()), 80) == ["5 comparisons of 1 case: within the limits"]


def test_a_violation_is_a_row_with_before_after_change_and_limit():
    verdict = compare(before(seconds=SECONDS), trained(seconds=SLOWER, params=80_000))
    assert verdict_lines(verdict, 80) == [
        "beyond the limits:",
        "--------------  ----------  ------  ------  ------  -----",
        "case            measure     before   after  change  limit",
        "--------------  ----------  ------  ------  ------  -----",
        "digits resnet8  epoch time     1 s   1.3 s  +30.0%   +10%",
        "digits resnet8  parameters  75,002  80,000   +6.7%    +0%",
        "--------------  ----------  ------  ------  ------  -----",
        "",
        "5 comparisons of 1 case: 2 beyond the limits",
    ]
    assert violation_text(verdict.violations[0]) == "digits resnet8: epoch time 1 s → 1.3 s (+30.0%), limit +10%"


def test_a_lower_accuracy_is_shown_in_percentage_points():
    (violation,) = compare(before((96.0, 96.2)), trained((90.0, 90.2))).violations
    assert violation_text(violation) == "digits resnet8: accuracy 96.10 % → 90.08 % (-6.02 pp), limit -0.5 pp"


def test_an_incomplete_training_is_a_row_too():
    verdict = compare(before((96.0, 96.2)), [*trained((96.0,)), failed(1)])
    (line,) = [line for line in verdict_lines(verdict, 80) if line.startswith("digits")]
    assert line.split("  ")[1].strip() == "status"
    assert closing_line(verdict) == "5 comparisons of 1 case: 1 beyond the limits"
    assert violation_text(verdict.incomplete[0]).endswith("2 complete → 1 complete, 1 diverged, limit as before")


def test_what_is_not_compared_has_a_line_of_80_columns():
    lines = verdict_lines(compare(before(), trained(environment={"threads": 1}), epoch_seconds="10%"), 80)
    assert lines[:2] == [
        "not compared: digits resnet8, epoch time: 2 threads → 1 thread",
        "not compared: digits resnet8, peak memory: 2 threads → 1 thread",
    ]
    assert " ".join(line.strip() for line in lines[2:]) == (
        "3 comparisons of 1 case: within the limits, 1 that must be checked could not be compared"
    )
    assert max(map(len, lines)) <= 80
    assert closing_line(compare(before(), before())).startswith("0 comparisons of 0 cases: 3 that must be checked")


def test_one_seed_is_said_to_be_a_plain_comparison():
    lines = verdict_lines(compare(before((96.0,)), trained((96.0,))), 80)
    assert lines[0] == "one seed: plain comparison of digits resnet8"


def test_limits_in_a_line_mark_the_defaults():
    found = limits(epoch_seconds="0.02", peak_memory_bytes="none")
    assert " ".join(limits_lines(found.values(), 80)).replace("   ", " ") == (
        "limits: accuracy -0.5 pp (default), epoch time +0.02 s, parameters +0% (default), MACs +0% (default)"
    )
