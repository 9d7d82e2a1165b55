"""The list of checks, and running them."""

import pytest

from harness.errors import InputError
from harness.throughput.doctor.checks import CHECKS, Check, choose_checks, run_checks
from harness.throughput.doctor.findings import not_applicable, passed_if

CHEAP = [check for check in CHECKS if check.name not in ("augmentation", "compiled", "out-of-memory", "two-processes")]


def _raise(subject):
    raise RuntimeError("the first line\nthe second line")


def test_a_check_that_raises_fails_with_its_cause_and_stops_no_other(subject):
    checks = [Check("one", _raise, 1.0), Check("two", lambda subject: passed_if(True, "as it should"), 1.0)]
    first, second = run_checks(subject, checks)
    assert (first.outcome.status, first.outcome.text) == ("failed", "raised RuntimeError: the first line")
    assert (second.outcome.status, second.name) == ("passed", "two")


def test_memory_is_released_after_a_check_that_raises_too(subject, monkeypatch):
    released = []

    def release(device):
        released.append(device)
        raise RuntimeError("a device that no longer answers")

    monkeypatch.setattr("harness.throughput.doctor.checks.release_freed_memory", release)
    (found,) = run_checks(subject, [Check("one", _raise, 1.0)])
    assert (found.outcome.status, released) == ("failed", [subject.device])


def test_the_time_left_is_scaled_by_the_time_spent(subject, monkeypatch):
    clock = iter([0.0, 20.0, 20.0, 40.0])
    monkeypatch.setattr("harness.throughput.doctor.checks.time.perf_counter", lambda: next(clock))
    left = []
    checks = [Check(name, lambda subject: not_applicable("of no use"), 10.0) for name in ("one", "two")]
    list(run_checks(subject, checks, lambda check, seconds: left.append((check.name, seconds))))
    assert left == [("one", 20.0), ("two", 20.0)]


def test_checks_are_chosen_by_name():
    assert [check.name for check in choose_checks("resumed, warm-up")] == ["warm-up", "resumed"]
    assert choose_checks(None) == CHECKS


def test_an_unknown_check_names_the_known_ones():
    with pytest.raises(InputError, match=r"--checks 'warmup': give names of augmentation, .* compiled"):
        choose_checks("warmup")


def test_names_of_checks_differ():
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_the_cheap_checks_pass_or_do_not_apply_on_this_cpu(subject):
    found = {finding.name: finding.outcome for finding in run_checks(subject, CHEAP)}
    assert {name: one.text for name, one in found.items() if one.status == "failed" and name != "bf16-speed"} == {}
    inapplicable = {name for name, one in found.items() if one.status == "not_applicable"}
    assert inapplicable == {"captured-fp32", "captured-bf16", "waits", "streamed"}


@pytest.mark.slow
def test_costly_checks_pass_on_this_cpu(subject):
    """The checks that start processes have tests of their own."""
    found = {finding.name: finding.outcome for finding in run_checks(subject, choose_checks("augmentation, compiled"))}
    assert {one.text for one in found.values() if one.status == "failed"} == set()
