import pytest

from harness.results.timing import processes_of, timed_on, timing_changes

ALONE = {"cpu": "AMD EPYC", "gpu": None, "threads": 2, "versions": {"torch": "2.15.0"}, "co_scheduled": False}


def test_co_scheduled_cases_have_different_timing_conditions():
    shared = ALONE | {"co_scheduled": True}
    assert timed_on(ALONE) == "AMD EPYC, 2 threads, torch 2.15.0"
    assert timed_on(shared) == "AMD EPYC, 2 threads, torch 2.15.0, co-scheduled"
    assert timing_changes(ALONE, shared) == ["alone → co-scheduled"]
    assert timing_changes(ALONE, {key: ALONE[key] for key in ALONE if key != "co_scheduled"}) == []  # an older result


def test_accelerations_are_timing_conditions():
    compiled = ALONE | {"compiled": True}
    off = compiled | {"switched_off": {"compile": "it raised", "bf16": "it differs"}}
    assert timed_on(compiled) == "AMD EPYC, 2 threads, torch 2.15.0, compiled"
    assert timed_on(off) == "AMD EPYC, 2 threads, torch 2.15.0, without bf16 and compile"
    assert timing_changes(compiled, off) == [
        "compiled → not compiled",
        "with all accelerations → without bf16 and compile",
    ]
    assert timing_changes(ALONE, ALONE | {"compiled": False, "switched_off": {}}) == []  # an older result


def test_threads_do_not_count_on_a_gpu_and_several_processes_do():
    gpu = ALONE | {"gpu": "NVIDIA H200"}
    assert timed_on(gpu) == "NVIDIA H200, torch 2.15.0"
    assert timed_on(gpu | {"processes": 8}) == "NVIDIA H200, 8 processes, torch 2.15.0"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "1 process"),
        ({"processes": 1}, "1 process"),
        ({"processes": 4}, "4 processes"),
        ({"processes": 8, "machines": 2}, "8 processes on 2 machines"),
        ({"processes": 2, "sharded": True}, "2 processes, sharded"),
    ],
)
def test_processes_are_counted_with_their_machines(environment, expected):
    assert processes_of(environment) == expected


def test_equal_environments_have_no_timing_changes():
    assert timing_changes(ALONE, ALONE) == []
    assert timing_changes(ALONE, ALONE | {"threads": 1, "processes": 2}) == [
        "2 threads → 1 thread",
        "1 process → 2 processes",
    ]
