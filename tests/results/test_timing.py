from harness.results.timing import timed_on, timing_changes


def test_co_scheduled_cases_have_different_timing_conditions():
    alone = {"cpu": "AMD EPYC", "gpu": None, "threads": 2, "versions": {"torch": "2.15.0"}, "co_scheduled": False}
    shared = alone | {"co_scheduled": True}
    assert timed_on(alone) == "AMD EPYC, 2 threads, torch 2.15.0"
    assert timed_on(shared) == "AMD EPYC, 2 threads, torch 2.15.0, co-scheduled"
    assert timing_changes(alone, shared) == ["alone → co-scheduled"]
    assert timing_changes(alone, {key: alone[key] for key in alone if key != "co_scheduled"}) == []  # of before
