"""A training step captured as a CUDA graph: one launch, not the hundreds that slow narrow networks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.hardware.memory import is_out_of_memory
from harness.models.foreign import raised
from harness.models.random_state import host_state
from harness.training.trainers.step_changes import preserved

# torch's advice: cuDNN, cuBLAS and autograd set themselves up in the first steps.
_WARM_UP_STEPS = 3


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


def captured_step(device: torch.device) -> "CapturedStep | None":
    """Return an empty captured step on CUDA; None on other devices, whose steps cannot be captured."""
    return CapturedStep(device) if device.type == "cuda" else None


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
        if batch.shape not in self._captures:
            self.capture(step, state, batch, labels)
        capture = self._captures[batch.shape]
        capture.batch.copy_(batch)
        capture.labels.copy_(labels)
        capture.graph.replay()

    def capture(self, step: Step, state: Callable[[], Iterable[Tensor]], batch: Tensor, labels: Tensor) -> None:
        """Record the step, on blank images, for batches of this shape; see `run`.

        It leaves no trace. If it raises, nothing of the capture is left, and no earlier one, whose memory it shares.
        """
        current = torch.cuda.current_stream(self._device)
        with torch.cuda.device(self._device), preserved(state()):  # a capture records the current device's work
            try:
                self._captures[batch.shape] = self._capture(step, torch.zeros_like(batch), torch.zeros_like(labels))
            except BaseException:
                self._abandon(current)
                raise

    def _capture(self, step: Step, batch: Tensor, labels: Tensor) -> _Capture:
        graph = torch.cuda.CUDAGraph()
        # Graphs captured on the same stream and replayed one after the other may share memory: gradients do not outlive
        # a step.
        pool = next((capture.graph.pool() for capture in self._captures.values()), None)
        if self._stream is None:
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        current, aside = torch.cuda.current_stream(self._device), self._stream
        aside.wait_stream(current)
        try:
            with torch.cuda.stream(aside):
                for _ in range(_WARM_UP_STEPS):
                    step(batch, labels)
        finally:
            current.wait_stream(aside)  # after a failure too: the state is restored on the current stream
        with torch.cuda.graph(graph, pool=pool, stream=aside):
            step(batch, labels)
        return _Capture(graph, batch, labels)

    def _abandon(self, stream: Any) -> None:
        """Remove what a failed capture leaves: its stream, generator and graphs, and casts in its memory."""
        torch.cuda.set_stream(stream)  # the end of a failed capture raises before it restores the stream
        generator = torch.cuda.default_generators[self._device.index or 0]
        generator.graphsafe_set_state(generator.clone_state())  # it is left as if the capture continued
        torch.clear_autocast_cache()
        self._captures.clear()
        self._stream = None
