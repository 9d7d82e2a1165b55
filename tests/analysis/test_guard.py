from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.guard import joined, value_of
from harness.report.guard_text import verdict_lines
from harness.results.inference_time import InferenceTime
from tests.helpers.guarding import AFTER, BEFORE, before, compare, failed, limits, trained, violated
from tests.helpers.synthetic import disturbed


def test_a_case_trained_again_is_within_the_limits():
    verdict = compare(before(), trained())
    assert (len(verdict.comparisons), verdict.exit_code, verdict.not_compared) == (5, 0, ())
    assert {one.limit.measure.name: one.method for one in verdict.comparisons} == {
        "accuracy_percent": "paired t", "epoch_seconds": "Welch's t", "params": "exact", "macs": "exact",
        "peak_memory_bytes": "Welch's t",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "measure"),
    [
        ({"accuracies": (94.0, 94.4, 94.1)}, "accuracy_percent"),
        ({"seconds": (1.3, 1.31, 1.29)}, "epoch_seconds"),
        ({"params": 75_003}, "params"),
        ({"macs": 747_137}, "macs"),
        ({"peak_memory_bytes": 2**30 * 5 // 4}, "peak_memory_bytes"),
    ],
)
def test_each_measure_beyond_its_limit_is_a_violation(changes, measure):
    verdict = compare(before(seconds=(1.0, 1.01, 0.99)), trained(**{"seconds": (1.0, 1.01, 0.99)} | changes))
    assert violated(verdict) == [measure]
    assert verdict.exit_code == 1


def test_a_rise_of_the_accuracy_or_a_fall_of_a_cost_violates_nothing():
    verdict = compare(before(), trained((99.0, 99.1, 99.2), 0.5, params=10, macs=10, peak_memory_bytes=2**20))
    assert verdict.exit_code == 0


def test_a_difference_whose_interval_includes_the_limit_is_no_violation():
    noisy = compare(before(seconds=(1.0, 1.3, 1.1)), trained(seconds=(1.2, 1.5, 1.3)))
    steady = compare(before(seconds=(1.0, 1.01, 1.02)), trained(seconds=(1.2, 1.21, 1.22)))
    assert (violated(noisy), violated(steady)) == ([], ["epoch_seconds"])
    (time,) = steady.violations
    assert time.excess == pytest.approx(1.21 - 1.1 * 1.01)
    assert 0 < time.excess_at_least < time.excess


def test_paired_bound_is_students_one_sided_bound():
    verdict = compare(before((96.0, 96.0, 96.0)), trained((95.0, 94.0, 94.5)))
    (accuracy,) = [one for one in verdict.comparisons if one.limit.measure.name == "accuracy_percent"]
    excesses = np.array([one - 0.5 for one in accuracy_drops((96.0,) * 3, (95.0, 94.0, 94.5))])
    assert accuracy.excess == pytest.approx(excesses.mean())
    bound = excesses.mean() - 2.919986 * excesses.std(ddof=1) / np.sqrt(3)  # t(0.95, 2) from a table
    assert accuracy.excess_at_least == pytest.approx(bound, abs=1e-5)


def accuracy_drops(accuracies, others):
    """Return the drops between accuracies as stored: whole images of 360."""
    stored = [[one.accuracy_percent for one in trained(values)] for values in (accuracies, others)]
    return [one - other for one, other in zip(*stored, strict=True)]


def test_other_seeds_are_compared_by_welchs_interval():
    verdict = compare(before(), trained(seeds=(3, 4, 5)))
    assert verdict.comparisons[0].method == "Welch's t"
    assert violated(compare(before(), trained((93.0, 93.1), seeds=(3, 4)))) == ["accuracy_percent"]


@pytest.mark.parametrize(("base", "new"), [((96.0,), (95.0,)), ((96.0, 96.4, 95.6), (95.0,)), ((96.0,), (95.0, 95.2))])
def test_one_seed_on_a_side_is_a_plain_comparison(base, new):
    verdict = compare(before(base), trained(new))
    assert {one.method for one in verdict.comparisons} == {"exact", "one seed"}
    assert violated(verdict) == ["accuracy_percent"]
    assert verdict.violations[0].excess_at_least is None


def test_equal_accuracies_of_several_seeds_are_compared_plainly():
    assert violated(compare(before((96.0, 96.0)), trained((95.0, 95.0)))) == ["accuracy_percent"]
    assert violated(compare(before((96.0, 96.0)), trained((96.0, 96.0)), accuracy_percent="0")) == []


def test_epoch_time_is_the_median_without_the_first_epoch():
    (result,) = trained((96.0,))
    assert value_of(replace(result, epoch_seconds=(9.0, 1.0, 3.0, 2.0)), "epoch_seconds") == 2.0
    assert value_of(replace(result, epoch_seconds=(9.0,)), "epoch_seconds") == 9.0


def test_epoch_time_leaves_disturbed_epochs_out():
    (result,) = trained((96.0,))
    seconds = (9.0, 1.0, 30.0, 2.0, 3.0)
    assert value_of(replace(result, epoch_seconds=seconds, disturbed_epochs=(1, 3)), "epoch_seconds") == 2.0
    assert value_of(replace(result, epoch_seconds=seconds, disturbed_epochs=()), "epoch_seconds") == 2.5


@pytest.mark.parametrize("side", ["before", "after"])
def test_busy_neighbour_violates_no_limit_and_is_reported(side):
    quiet = [trained((96.0, 96.2), at=at) for at in (BEFORE, AFTER)]
    busy = [disturbed(one, range(5, one.epochs + 1)) for one in quiet[side == "after"]]
    base, new = (busy, quiet[1]) if side == "before" else (quiet[0], busy)
    verdict = compare(base, new, epoch_seconds="+10%")
    assert verdict.exit_code == 0
    assert {one.limit.measure.name for one in verdict.comparisons if any(one.disturbed_epochs)} == {"epoch_seconds"}
    (line,) = [line for line in verdict_lines(verdict, 200) if line.startswith("disturbed: ")]
    number = 2 * (quiet[0][0].epochs - 4)
    numbers = f"{number} epochs before and 0 epochs" if side == "before" else f"0 epochs before and {number} epochs"
    assert line == (f"disturbed: digits resnet8, epoch time: compared without {numbers} after that were disturbed")


def test_true_slowdown_beside_disturbed_epochs_is_a_violation():
    new = [disturbed(one, range(10, 20)) for one in trained((96.0, 96.2), seconds=1.3)]
    assert violated(compare(before((96.0, 96.2)), new)) == ["epoch_seconds"]


@pytest.mark.parametrize(("side", "name"), [(0, "in the baseline"), (1, "in the new results")])
def test_too_few_undisturbed_epochs_are_no_pass(side, name):
    sides = [before((96.0, 96.2)), trained((96.0, 96.2))]
    (first, second), epochs = sides[side], sides[side][0].epochs
    sides[side] = [first, disturbed(second, range(3, epochs))]
    reason = (
        f"{epochs - 3} of {epochs} epochs of seed 1 {name} were disturbed (other processes used 1.2 cores); "
        "train it again when the machine is free"
    )
    by_default, asked = compare(*sides), compare(*sides, epoch_seconds="+10%")
    assert [(one.measure.name, one.reason) for one in by_default.not_compared] == [("epoch_seconds", reason)]
    assert "peak_memory_bytes" in {one.limit.measure.name for one in by_default.comparisons}
    assert (by_default.exit_code, asked.exit_code) == (0, 2)
    assert reason.split(" (")[0] in " ".join(verdict_lines(by_default, 200))


@pytest.mark.parametrize(
    ("epochs", "disturbed_epochs", "is_compared"),
    [(1, (), True), (1, (1,), False), (2, (1,), True), (2, (2,), False), (5, (2,), True), (5, (2, 3), False)],
)
def test_short_trainings_are_compared_if_what_is_compared_is_undisturbed(epochs, disturbed_epochs, is_compared):
    short = [replace(one, epoch_seconds=(1.0,) * epochs, epochs=epochs) for one in trained()]
    verdict = compare(before(), [replace(one, disturbed_epochs=disturbed_epochs) for one in short])
    assert ("epoch_seconds" in {one.limit.measure.name for one in verdict.comparisons}) is is_compared


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"cpu": "abacus"}, "AMD EPYC → abacus"),
        ({"threads": 1}, "2 threads → 1 thread"),
        ({"processes": 2}, "1 process → 2 processes"),
        ({"versions": {"torch": "2.16.0"}}, "torch 2.15.0 → torch 2.16.0"),
        ({"co_scheduled": True}, "co-scheduled with other cases in the new results"),
    ],
)
def test_times_and_memory_of_other_conditions_are_refused_by_name(environment, reason):
    verdict = compare(before(), trained(seconds=9.0, environment=environment))
    assert {(one.measure.title, one.reason) for one in verdict.not_compared} == {
        ("epoch time", reason), ("peak memory", reason)
    }  # fmt: skip
    assert [one.limit.measure.name for one in verdict.comparisons] == ["accuracy_percent", "params", "macs"]
    assert verdict.exit_code == 0  # nothing but defaults could not be checked


def test_a_limit_that_was_given_and_not_checked_does_not_pass():
    verdict = compare(before(), trained(environment={"threads": 1}), epoch_seconds="+10%")
    assert [one.measure.name for one in verdict.unchecked] == ["epoch_seconds"]
    assert verdict.exit_code == 2


def test_memory_that_the_system_does_not_record_is_not_compared():
    verdict = compare(before(peak_memory_bytes=0), trained(peak_memory_bytes=0))
    assert [one.reason for one in verdict.not_compared] == ["it is not recorded on this system"]


def test_a_new_training_that_did_not_complete_is_a_violation():
    verdict = compare(before(), [*trained((96.0, 96.2)), failed(2)])
    (incomplete,) = verdict.incomplete
    assert (incomplete.before, incomplete.after) == ("3 complete", "2 complete, 1 diverged")
    assert verdict.exit_code == 1
    assert compare(before(), [failed(0, "out_of_memory")]).incomplete[0].after == "1 out of memory"


def test_a_baseline_without_a_complete_training_is_not_compared():
    verdict = compare([failed(0, at=BEFORE)], trained((96.0,)))
    assert verdict.exit_code == 2
    assert verdict.not_compared[0].reason == "before: 1 diverged; only complete trainings are compared"
    partly = compare([*before((96.0, 96.2)), failed(2, at=BEFORE)], trained())
    assert (partly.exit_code, partly.comparisons[0].seeds, len(partly.not_compared)) == (0, (2, 3), 1)


def test_a_change_of_the_harness_itself_is_named():
    code = trained()[0].environment["code"] | {"models/resnet.py": "0"}
    verdict = compare(before(environment={"training_code": "0", "code": code}), trained())
    assert [one.changes for one in verdict.changed] == [("the harness's own models/resnet.py",)]
    assert len(verdict.comparisons) == 5
    assert not compare(before(), trained()).changed


def test_the_baselines_own_training_proves_nothing():
    verdict = compare(before(), before())
    assert (verdict.comparisons, verdict.exit_code) == ((), 2)
    assert "its seed 0 is the baseline's own training, copied or reused" in verdict.not_compared[0].reason


def test_a_violation_precedes_what_was_not_compared_in_the_exit_code():
    other = {"threads": 1}
    assert compare(before(), trained(environment=other, params=1e9), epoch_seconds="+10%").exit_code == 1
    assert joined([]).exit_code == 2


def test_macro_f1_is_compared_if_it_has_a_limit():
    assert "macro_f1_percent" not in limits()
    verdict = compare(before(), trained((90.0, 90.2, 90.1)), accuracy_percent="none", macro_f1_percent="0.5")
    assert violated(verdict) == ["macro_f1_percent"]


def used(latency, batch_seconds=0.1, threads=2, *, is_disturbed=False):
    """Return the field of a result for these times of use, with those of one thread, which do not count."""
    alone = [InferenceTime(batch, 1, 15, 9.0, 0.1) for batch in (1, 64)] if threads > 1 else []
    pairs = ((1, latency), (64, batch_seconds))
    times = [InferenceTime(batch, threads, 15, seconds, 0.1, is_disturbed) for batch, seconds in pairs]
    return {"inference": (*times, *alone)}


ASKED = {"latency_seconds": "+10%", "image_seconds": "+10%"}


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (used(0.0109, 0.109), []),
        (used(0.02, 0.1), ["latency_seconds"]),
        (used(0.01, 0.2), ["image_seconds"]),
        (used(0.005, 0.05), []),
    ],
)
def test_a_rise_of_the_time_of_use_beyond_its_limit_is_a_violation(new, expected):
    verdict = compare(before(**used(0.01, 0.1)), trained(**new), **ASKED)
    assert violated(verdict) == expected
    assert len(verdict.comparisons) == 7
    assert verdict.exit_code == bool(expected)


@pytest.mark.parametrize(
    ("base", "new", "reason"),
    [
        (used(0.01), used(0.01, is_disturbed=True), "that of seed 0 in the new results was disturbed; train it again"),
        (used(0.01, is_disturbed=True), used(0.01), "that of seed 0 in the baseline was disturbed; train it again"),
        ({}, used(0.01), "seed 0 in the baseline has none: train it again"),
        (used(0.01), used(0.01) | {"environment": {"threads": 4}}, "2 threads → 4 threads"),
    ],
)
def test_times_of_use_that_do_not_compare_fail_only_if_asked_for(base, new, reason):
    asked = compare(before(**base), trained(**new), **ASKED)
    by_default = compare(before(**base), trained(**new))
    reasons = {one.measure.name: one.reason for one in asked.not_compared if one.measure.name in ASKED}
    assert reasons.keys() == ASKED.keys()
    assert all(one.startswith(reason) for one in reasons.values())
    assert asked.exit_code == 2
    assert by_default.exit_code == 0


def test_times_of_use_are_those_of_the_last_attempt_alone():
    """It may have trained no epoch: the case was interrupted between training and the measurement."""
    (moved,) = trained((96.0,), **used(0.01))
    moved = replace(moved, environment={**moved.environment, "threads": 8})
    assert moved.training_environments[0]["threads"] == 2
    verdict = compare(before((96.0,), **used(0.01)), [moved], **ASKED)
    assert {one.measure.name for one in verdict.unchecked} == ASKED.keys()
    assert "epoch_seconds" in {one.limit.measure.name for one in verdict.comparisons}


def test_a_violated_time_of_use_is_shown_with_its_unit():
    verdict = compare(before(**used(0.01)), trained(**used(0.02)), **ASKED)
    (line,) = [line for line in verdict_lines(verdict, 80) if " latency " in line]
    assert "0.01 s" in line
    assert "0.02 s" in line
    assert "+10%" in line


def test_times_of_use_are_compared_if_the_training_alone_was_co_scheduled():
    shared = trained(environment={"co_scheduled": True}, **used(0.01))
    verdict = compare(before(**used(0.01)), shared, **ASKED)
    assert ASKED.keys() <= {one.limit.measure.name for one in verdict.comparisons}
    assert verdict.exit_code == 0
