"""Fake CUDA itself: each fault that is put into the CUDA path is found."""

import pytest
import torch
from torch import nn

from harness.hardware.stopwatch import Stopwatch
from harness.training.trainers import cuda_graph, streaming
from harness.training.trainers.fast import FastTrainer
from tests.helpers import fake_autograd
from tests.helpers.fake_cuda import GPU, FakeCudaError, fake_cuda
from tests.helpers.fake_kernels import FakeKernels
from tests.helpers.fake_training import cuda_case, pass_through
from tests.helpers.tiny import CPU, TINY_SPEC, make_case

COMPUTE = FastTrainer._compute


@pytest.fixture(autouse=True)
def one_warm_up_step(monkeypatch):
    monkeypatch.setattr(cuda_graph, "_WARM_UP_STEPS", 1)


def run(**options):
    return pass_through(cuda_case("digits", "resnet8", precision="fp32"), images=36, **options)


def read_the_loss(trainer, batch, labels):
    COMPUTE(trainer, batch, labels)
    trainer._loss_sum.item()


def choose_by_an_index_on_the_cpu(trainer, batch, labels):
    COMPUTE(trainer, batch[torch.arange(len(batch))], labels)


def add_noise_made_on_the_cpu(trainer, batch, labels):
    COMPUTE(trainer, batch + torch.zeros(batch.shape), labels)


def copy_from_the_cpu(trainer, batch, labels):
    COMPUTE(trainer, batch, torch.zeros(labels.shape, dtype=torch.int64).to(GPU))


def copy_from_the_cpu_without_waiting(trainer, batch, labels):
    COMPUTE(trainer, batch, torch.zeros(labels.shape, dtype=torch.int64).to(GPU, non_blocking=True))


def choose_by_a_mask(trainer, batch, labels):
    COMPUTE(trainer, batch[labels > 0], labels[labels > 0])


def wait_for_the_device(trainer, batch, labels):
    COMPUTE(trainer, batch, labels)
    torch.cuda.synchronize()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (add_noise_made_on_the_cpu, "add mixes devices"),
        (copy_from_the_cpu_without_waiting, "copy from pageable memory during a capture"),
        (choose_by_a_mask, "nonzero"),
    ],
)
def test_a_fault_in_the_step_is_found(fault, message, monkeypatch):
    monkeypatch.setattr(FastTrainer, "_compute", fault)
    with pytest.raises(Exception, match=message):
        run()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (read_the_loss, "read of a value"),
        (choose_by_an_index_on_the_cpu, "index on the CPU"),
        (copy_from_the_cpu, "blocking copy to the GPU"),
        (wait_for_the_device, "synchronize"),
    ],
)
def test_a_wait_in_the_step_is_found(fault, kind, monkeypatch):
    monkeypatch.setattr(FastTrainer, "_compute", fault)
    done = run()
    assert "called a synchronizing CUDA operation" in done.trainer.switched_off["capture"]
    assert kind in {one for phase, one, _ in done.cuda.waits if phase == "train"}


def test_a_wait_in_a_capture_is_an_error():
    with pytest.raises(FakeCudaError, match="read of a value during a capture"), fake_cuda():
        value = torch.zeros((), device=GPU)
        with torch.cuda.graph(torch.cuda.CUDAGraph(), stream=torch.cuda.Stream()):
            value.item()


def test_a_step_that_fails_before_its_capture_is_waited_for(monkeypatch):
    def fail_on_the_side_stream(trainer, batch, labels):
        COMPUTE(trainer, batch, labels)
        if torch.cuda.current_stream().name == "side":
            raise ValueError("on the side stream")

    monkeypatch.setattr(FastTrainer, "_compute", fail_on_the_side_stream)
    done = run()
    assert "on the side stream" in done.trainer.switched_off["capture"]
    assert done.cuda.graphs == 0


def test_gradients_in_another_memory_format_are_found(monkeypatch):
    step = torch.optim.SGD.step

    def step_on_other_strides(optimizer, *arguments):
        for group in optimizer.param_groups:
            for one in group["params"]:
                one.grad = one.grad.transpose(0, -1).contiguous().transpose(0, -1)
        return step(optimizer, *arguments)

    monkeypatch.setattr(torch.optim.SGD, "step", step_on_other_strides)
    with pytest.raises(FakeCudaError, match="fused SGD: strides"):
        run()


@pytest.mark.parametrize("change", [torch.Tensor.bfloat16, torch.Tensor.cpu])
def test_a_learning_rate_of_another_type_or_device_is_found(change, monkeypatch):
    init = torch.optim.SGD.__init__

    def changed(optimizer, parameters, lr, **options):
        init(optimizer, parameters, lr=change(lr), **options)

    monkeypatch.setattr(torch.optim.SGD, "__init__", changed)
    with pytest.raises(FakeCudaError, match="fused SGD: the learning rate"):
        run()


def test_a_blocking_copy_in_the_loading_is_recorded(monkeypatch):
    def load(*_):
        return torch.zeros(32, 1, 8, 8).to(GPU), torch.zeros(32, dtype=torch.int64).to(GPU)

    monkeypatch.setattr(FastTrainer, "_load", load)
    assert sum(run().cuda.waits_in("load").values()) > 0


def test_a_chunk_used_before_its_copy_has_ended_is_found(monkeypatch):
    monkeypatch.setattr("tests.helpers.fake_cuda_runtime.Stream.wait_stream", lambda *_: None)
    monkeypatch.setattr(FastTrainer, "warm_up", lambda *_: None)
    monkeypatch.setattr(FastTrainer, "step", lambda *_: None)
    with pytest.raises(RuntimeError, match="stream current uses what stream side may be writing, at data/"):
        run(total_bytes=2**10)


def test_a_chunk_freed_while_it_is_used_is_found(monkeypatch):
    monkeypatch.setattr("tests.helpers.fake_cuda_runtime.Streams.record", lambda *_: None)
    with pytest.raises(FakeCudaError, match="memory of stream side is freed while stream current may use it"):
        run(total_bytes=2**10)


def test_copies_that_wait_are_found(monkeypatch):
    monkeypatch.setattr(streaming.ImageStream, "_sent", lambda self, tensor: tensor.to(GPU))
    assert run(total_bytes=2**10).cuda.waits_in("load") != {}


def test_gradients_are_those_of_torchs_own_backward_pass(tiny_dataset):
    def gradients(trainer):
        batch, labels = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3
        trainer._compute(batch, labels)
        return [one.grad for one in trainer.network.parameters()]

    own = gradients(FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU))
    with fake_autograd.running():
        ours = gradients(FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU))
    assert all(torch.equal(one, other) for one, other in zip(own, ours, strict=True))


def test_what_is_remembered_equals_what_torch_computes(monkeypatch):
    remembered = run().cuda
    monkeypatch.setattr(FakeKernels, "run", lambda _, func, __, args, kwargs: func(*args, **kwargs))
    computed = run().cuda
    assert remembered.launches == computed.launches
    assert remembered.peak_bytes == computed.peak_bytes


def test_memory_is_freed_as_the_backward_pass_goes():
    with fake_cuda() as cuda:
        weights = [torch.zeros(2**20, device=GPU, requires_grad=True) for _ in range(8)]
        with cuda.recording("deep"):
            y = weights[0] * 1
            for weight in weights:
                y = y * weight
            y.sum().backward()
        assert all(weight.grad is not None for weight in weights)
        del weights, weight, y
    assert cuda.peak_bytes["deep"] < 22 * 4 * 2**20  # 8 weights, 10 results, 3 gradients
    assert cuda.live_bytes == 0


def test_everything_outside_the_context_is_as_before():
    before = nn.Module.to, torch.Tensor.backward, torch.cuda.Stream, torch.cuda.synchronize
    with fake_cuda():
        assert torch.zeros(2, device=GPU).device == GPU
    assert (nn.Module.to, torch.Tensor.backward, torch.cuda.Stream, torch.cuda.synchronize) == before
    assert torch.zeros(2).sum().item() == 0


def test_times_of_parts_wait_for_the_fake_device():
    with fake_cuda() as cuda, Stopwatch(GPU).part("load"):
        pass
    assert sum(cuda.waits.values()) == 3
