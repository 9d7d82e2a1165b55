"""A training step captured as a CUDA graph: one launch instead of hundreds, which narrow networks wait for."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# torch's own advice for cuDNN, cuBLAS and autograd to have made what they make once.
_WARM_UP_STEPS = 3


@contextlib.contextmanager
def preserved(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Put every tensor's values back afterwards, in place: a step inside leaves no trace.

    Warming up would otherwise train on whatever it is fed, and leave it in BatchNorm's running statistics.
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
    """A captured step with the memory that it reads its batch from."""

    graph: Any
    batch: Tensor
    labels: Tensor


Step = Callable[[Tensor, Tensor], None]


class CapturedStep:
    """A step on CUDA, captured once for each batch size and replayed from then on.

    It holds neither the step nor its state: whoever owns both is freed with its last reference, and the GPU's memory
    with it, not when the garbage collector comes by.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: Any = None
        self._captures: dict[torch.Size, _Capture] = {}

    def run(self, step: Step, state: Callable[[], Iterable[Tensor]], batch: Tensor, labels: Tensor) -> None:
        """One step on images (N, C, H, W) and labels (N,).

        Args:
            step: it must not wait for the device, and must keep what it changes in the same memory.
            state: everything that it changes.
        """
        capture = self._captures.get(batch.shape)
        if capture is None:
            with torch.cuda.device(self._device):  # captures are of the current device's work
                capture = self._captures[batch.shape] = self._capture(step, state, batch, labels)
        capture.batch.copy_(batch)
        capture.labels.copy_(labels)
        capture.graph.replay()

    def _capture(self, step: Step, state: Callable[[], Iterable[Tensor]], batch: Tensor, labels: Tensor) -> _Capture:
        static_batch, static_labels = batch.clone(), labels.clone()
        graph = torch.cuda.CUDAGraph()
        # Graphs that are replayed one after the other may share memory, if they are captured on the same stream:
        # gradients do not outlive a step.
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
