"""A training step captured as a CUDA graph: one launch, not the hundreds that slow narrow networks."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.hardware.memory import is_out_of_memory
from harness.models.foreign import raised
from harness.models.random_state import host_state

# torch's advice: cuDNN, cuBLAS and autograd set themselves up in the first steps.
_WARM_UP_STEPS = 3


@contextlib.contextmanager
def preserved(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Restore every tensor's values in place afterwards, so that the steps inside leave no trace.

    A warm-up step would otherwise train on meaningless images, and change BatchNorm's running statistics.
    """
    kept = [(tensor, tensor.detach().clone()) for tensor in tensors]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, values in kept:
                tensor.copy_(values)


@dataclass(frozen=True)
class _Capture:
    """A captured step and the memory that it reads its batch from."""

    graph: Any
    batch: Tensor
    labels: Tensor


Step = Callable[[Tensor, Tensor], None]


def why_not_capturable(step: Step, state: Callable[[], Iterable[Tensor]], batch: Tensor, labels: Tensor) -> str | None:
    """Return why a step cannot be captured, or None: it waits for the device, or draws on the host.

    It is found out before a capture: a failed one is costly, and a replay would repeat the numbers that the host drew.
    """
    with preserved(state()):
        step(batch, labels)  # first: libraries may wait when they set themselves up
        mode, before = torch.cuda.get_sync_debug_mode(), host_state()
        torch.cuda.set_sync_debug_mode("error")
        try:
            step(batch, labels)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            return f"its step waits for the device: {raised(error)}"
        finally:
            torch.cuda.set_sync_debug_mode(mode)
        return None if host_state() == before else "it draws random numbers on the host"


def end_failed_capture(device: torch.device) -> None:
    """Reset the device's generator, which a failed capture leaves as if the capture continued."""
    if device.type == "cuda":
        generator = torch.cuda.default_generators[device.index or 0]
        generator.graphsafe_set_state(generator.clone_state())


class CapturedStep:
    """A step on CUDA, captured once per batch size and then replayed.

    It holds no reference to the step or its state. So their owner, and its GPU memory, is freed with the last reference
    to it, and not only by the garbage collector.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: Any = None
        self._captures: dict[torch.Size, _Capture] = {}

    def run(self, step: Step, state: Callable[[], Iterable[Tensor]], batch: Tensor, labels: Tensor) -> None:
        """Run one step on images (N, C, H, W) and labels (N,).

        Args:
            step: the step; it must not wait for the device, and must change tensors in place.
            state: returns every tensor that the step changes.
            batch: the images.
            labels: their classes.
        """
        capture = self._captures.get(batch.shape)
        if capture is None:
            with torch.cuda.device(self._device):  # a capture records the current device's work
                capture = self._captures[batch.shape] = self._capture(step, state, batch, labels)
        capture.batch.copy_(batch)
        capture.labels.copy_(labels)
        capture.graph.replay()

    def _capture(self, step: Step, state: Callable[[], Iterable[Tensor]], batch: Tensor, labels: Tensor) -> _Capture:
        static_batch, static_labels = batch.clone(), labels.clone()
        graph = torch.cuda.CUDAGraph()
        # Graphs captured on the same stream and replayed one after the other may share memory: gradients do not outlive
        # a step.
        pool = next((capture.graph.pool() for capture in self._captures.values()), None)
        if self._stream is None:
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        current, aside = torch.cuda.current_stream(self._device), self._stream
        with preserved(state()):
            aside.wait_stream(current)
            with torch.cuda.stream(aside):
                for _ in range(_WARM_UP_STEPS):
                    step(static_batch, static_labels)
            current.wait_stream(aside)
            with torch.cuda.graph(graph, pool=pool, stream=aside):
                step(static_batch, static_labels)
        return _Capture(graph, static_batch, static_labels)
