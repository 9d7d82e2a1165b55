"""Captured steps: with a recorded stand-in for a CUDA graph, and on a GPU if there is one."""

import contextlib
import random

import pytest
import torch

from harness.hardware.stopwatch import Stopwatch
from harness.models.random_state import host_state
from harness.training.trainers import cuda_graph as capture
from harness.training.trainers.cuda_graph import CapturedStep
from tests.helpers.captures import GPU, Replaying
from tests.helpers.networks import Drawing, HostDrawing, Plain, Waiting, model_with, own_case
from tests.helpers.tiny import TINY_SPEC, make_case, make_dataset

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class RecordedGraph:
    """A stand-in for a CUDA graph: capturing records the step without running it; replaying runs it."""

    capturing = None

    def __init__(self):
        self.step = None

    def pool(self):
        return "the pool"

    def replay(self):
        self.step()


@pytest.fixture
def graphs(monkeypatch):
    """The captures so far: graph, pool and stream of each."""
    captured = []

    class Stream:
        def __init__(self, name):
            self.name = name

        def wait_stream(self, other):
            waits.append((self.name, other.name))

    @contextlib.contextmanager
    def on(device):
        devices.append(device)
        yield
        devices.pop()

    @contextlib.contextmanager
    def begin(graph, pool, stream):
        assert devices == [GPU]  # a capture records the current device's work
        assert waits[-2:] == [("aside", "current"), ("current", "aside")]
        captured.append((graph, pool, stream))
        RecordedGraph.capturing = graph
        yield
        RecordedGraph.capturing = None

    waits, devices = [], []

    monkeypatch.setattr(torch.cuda, "CUDAGraph", RecordedGraph)
    monkeypatch.setattr(torch.cuda, "graph", begin)
    monkeypatch.setattr(torch.cuda, "device", on)
    monkeypatch.setattr(torch.cuda, "Stream", lambda _: Stream("aside"))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: Stream("current"))
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    return captured


def summing_step(total):
    """Return a step that adds images and labels to the total, or records itself during a capture."""

    def step(batch, labels):
        if RecordedGraph.capturing is not None:
            RecordedGraph.capturing.step = lambda: step(batch, labels)
        else:
            total.add_(batch.sum() + 100 * labels.sum())

    return step


def test_a_step_is_captured_once_per_batch_size_and_replayed(graphs):
    total = torch.zeros(())
    step = CapturedStep(GPU)
    for count, value in ((4, 1.0), (4, 2.0), (3, 5.0), (4, 1.0)):
        batch = torch.full((count, 1), value), torch.ones(count, dtype=torch.int64)
        step.run(summing_step(total), lambda: [total], *batch)
    assert len(graphs) == 2
    assert total.item() == (4 + 8 + 15 + 4) + 100 * (4 + 4 + 3 + 4)


def test_captures_share_memory_and_stream(graphs):
    total = torch.zeros(())
    step = CapturedStep(GPU)
    for count in (4, 3):
        step.run(summing_step(total), lambda: [total], torch.ones(count, 1), torch.ones(count, dtype=torch.int64))
    assert [pool for _, pool, _ in graphs] == [None, "the pool"]
    assert graphs[0][2] is graphs[1][2]


def test_a_capture_keeps_no_trainer_alive(graphs, tiny_dataset):
    import gc
    import weakref

    from harness.training.trainers.fast import FastTrainer
    from tests.helpers.tiny import CPU

    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    trainer._captured = CapturedStep(GPU)
    alive = weakref.ref(trainer)
    gc.disable()
    try:
        del trainer
        assert alive() is None
    finally:
        gc.enable()


def test_warm_up_steps_are_undone(graphs, monkeypatch):
    total, ran = torch.zeros(()), []
    inner = summing_step(total)
    monkeypatch.setattr(capture, "_WARM_UP_STEPS", 3)
    noted = lambda *batch: ran.append(total.item()) or (total.add_(1) and inner(*batch))  # noqa: E731
    CapturedStep(GPU).run(noted, lambda: [total], torch.ones(1, 1), torch.zeros(1, dtype=torch.int64))
    assert ran == [0, 1, 2, 3]  # three to warm up, then the capture's own
    assert total.item() == 1  # the replay's: the capture recorded no more than the sum of its batch


@pytest.fixture
def waits(monkeypatch, fake_cuda_state):
    """Make reading a value on the CPU a wait for the device."""
    item = torch.Tensor.item

    def waiting(tensor):
        if fake_cuda_state["mode"] == "error":
            raise RuntimeError("called a synchronizing CUDA operation")
        return item(tensor)

    monkeypatch.setattr(torch.Tensor, "item", waiting)


HOST = model_with(lambda self, x: self.fc(x.mean(dim=(2, 3))) * random.random())


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (Waiting, "its step waits for the device: RuntimeError: called a synchronizing CUDA operation ("),
        (HOST, "it draws random numbers on the host"),
    ],
)
def test_a_step_that_cannot_be_captured_is_trained_eagerly(build, reason, tiny_dataset, capture_with, waits):
    state, trainer = warmed_up(build, tiny_dataset, capture_with)
    assert trainer.switched_off["capture"].startswith(reason)
    assert trainer._captured is None
    assert (state["mode"], state["generator"].resets) == ("default", 0)


def warmed_up(build, dataset, capture_with):
    """Return the state of the stand-in for torch.cuda, and a warmed-up trainer, whose warm-up left no trace."""
    from harness.training.trainers.fast import FastTrainer
    from tests.helpers.tiny import CPU

    state = capture_with(Replaying)
    trainer = FastTrainer(own_case(dataset, build), TINY_SPEC, CPU)
    before, drawn = trainer.weights(), host_state()
    trainer.warm_up(dataset.train)
    assert host_state() == drawn
    assert all(torch.equal(before[name], value) for name, value in trainer.weights().items())
    return state, trainer


def test_a_network_with_a_generator_of_its_own_is_not_captured(tiny_dataset, capture_with):
    _, trainer = warmed_up(HostDrawing, tiny_dataset, capture_with)
    assert trainer.switched_off == {"capture": "it draws from a generator of its own"}


def test_a_foreign_step_that_can_be_captured_is(tiny_dataset, capture_with, waits):
    _, trainer = warmed_up(Plain, tiny_dataset, capture_with)
    assert trainer.switched_off == {}
    assert len(trainer._captured._captures) == 2


@needs_cuda
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_captured_steps_train_as_eager_ones(precision):
    from harness.training.trainers.fast import FastTrainer

    dataset = make_dataset()

    def weights(*, captured):
        trainer = FastTrainer(make_case(dataset, precision=precision, device_kind="cuda"), TINY_SPEC, GPU)
        if not captured:
            trainer._captured = None
        images = trainer.place(dataset.train)
        trainer.warm_up(images)
        figures = [trainer.train_epoch(images, epoch, Stopwatch(GPU)) for epoch in range(3)]
        return trainer.weights(), figures

    (replayed, figures), (eager, expected) = weights(captured=True), weights(captured=False)
    assert all(torch.allclose(replayed[name], eager[name], atol=1e-2) for name in eager)
    assert torch.tensor(figures) == pytest.approx(torch.tensor(expected), rel=0.05)


@needs_cuda
def test_every_replay_reads_the_learning_rate():
    from harness.training.trainers.fast import FastTrainer

    dataset = make_dataset()
    trainer = FastTrainer(make_case(dataset, device_kind="cuda", precision="fp32"), TINY_SPEC, GPU)
    images = trainer.place(dataset.train)
    trainer.warm_up(images)
    before = trainer.weights()
    trainer.optimizer.param_groups[0]["lr"].zero_()
    trainer.step(torch.randn(8, 1, 8, 8, device=GPU), images.labels[:8])
    after = trainer.weights()
    assert torch.equal(before["fc.weight"], after["fc.weight"])
    trainer.optimizer.param_groups[0]["lr"].fill_(0.1)
    trainer.step(torch.randn(8, 1, 8, 8, device=GPU), images.labels[:8])
    assert not torch.equal(before["fc.weight"], trainer.weights()["fc.weight"])


@needs_cuda
def test_images_too_large_for_the_gpu_are_streamed_to_it(monkeypatch):
    from harness.training.trainers import fast

    dataset = make_dataset()

    def weights():
        trainer = fast.FastTrainer(make_case(dataset, device_kind="cuda", precision="fp32"), TINY_SPEC, GPU)
        images = trainer.place(dataset.train)
        trainer.train_epoch(images, 0, Stopwatch(GPU))
        return images.labels.device.type, trainer.weights()

    resident_place, resident = weights()
    monkeypatch.setattr(fast, "_RESIDENT_SHARE", 0.0)
    streamed_place, streamed = weights()
    assert (resident_place, streamed_place) == ("cuda", "cpu")
    assert all(torch.allclose(resident[name], streamed[name], atol=1e-3) for name in resident)


@needs_cuda
@pytest.mark.parametrize("captured", [True, False])
def test_a_drawing_network_is_repeatable_on_a_gpu(captured):
    from harness.training.trainers.fast import FastTrainer

    dataset = make_dataset()

    def weights():
        trainer = FastTrainer(own_case(dataset, Drawing, device_kind="cuda"), TINY_SPEC, GPU)
        trainer._captured = trainer._captured if captured else None
        images = trainer.place(dataset.train)
        trainer.warm_up(images)
        state = torch.cuda.get_rng_state(GPU)
        for epoch in range(2):
            trainer.train_epoch(images, epoch, Stopwatch(GPU))
        assert torch.equal(torch.cuda.get_rng_state(GPU), state)
        assert (trainer._captured is not None) == captured
        return trainer.weights()

    drawn = [weights(), weights()]
    assert all(torch.equal(drawn[0][name], drawn[1][name]) for name in drawn[0])
