import pytest
import torch

from harness.hardware.stopwatch import Stopwatch

CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def test_parts_of_one_name_add_up_and_the_total_has_the_rest(monkeypatch):
    now = iter([0.0, 1.0, 3.0, 10.0, 14.0, 20.0, 21.0, 30.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    watch = Stopwatch(CPU)
    for name in ("load", "train", "load"):
        with watch.part(name):
            pass
    assert watch.seconds == {"load": 3.0, "train": 4.0}
    assert watch.total() == 30.0


def test_both_ends_of_a_part_wait_for_the_device(monkeypatch):
    waits = []
    monkeypatch.setattr("harness.hardware.stopwatch.wait_for_device", waits.append)
    watch = Stopwatch(CPU)
    waits.clear()
    with watch.part("train"):
        assert waits == [CPU]
    assert waits == [CPU, CPU]
    watch.total()
    assert waits == [CPU, CPU, CPU]


def test_a_part_that_raises_is_counted(monkeypatch):
    now = iter([0.0, 1.0, 3.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    watch = Stopwatch(CPU)
    with pytest.raises(ValueError, match="inside"), watch.part("train"):
        raise ValueError("inside")
    assert watch.seconds == {"train": 2.0}


@needs_cuda
def test_a_part_waits_for_the_gpu():
    device = torch.device("cuda", 0)
    big = torch.randn(4096, 4096, device=device)
    watch = Stopwatch(device)
    with watch.part("train"):
        for _ in range(20):
            big @ big
    assert watch.seconds["train"] > 20 * 2 * 4096**3 / 2e15
