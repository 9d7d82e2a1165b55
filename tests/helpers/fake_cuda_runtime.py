"""The runtime of fake CUDA: streams, events, graphs, generators and memory; the order of streams is checked."""

import contextlib
import sys
import weakref
from unittest import mock

import torch


def caller():
    """Return the place in the harness that is being run: ``training/trainers/fast.py:step``."""
    frame = sys._getframe(1)
    while frame is not None:
        _, harness, path = frame.f_code.co_filename.rpartition("/harness/")
        if harness and "/tests/" not in path:
            return f"{path}:{frame.f_code.co_name}"
        frame = frame.f_back
    return "outside the harness"


class Stream:
    """A stream: the number of kernels launched on it, and how far it has waited for the others."""

    def __init__(self, name="side"):
        self.name, self.time, self.seen = name, 0, {}

    def wait_stream(self, other):
        self._wait(other, other.time, other.seen)

    def wait_event(self, event):
        self._wait(*event.reached)

    def record_event(self, event=None):
        event = event or Event()
        event.record(self)
        return event

    def _wait(self, other, time, seen):
        for one, reached in {**seen, other: time}.items():
            self.seen[one] = max(self.seen.get(one, 0), reached)


class Event:
    """A point of a stream."""

    def __init__(self, **_):
        self.reached = None

    def record(self, stream):
        self.reached = (stream, stream.time, dict(stream.seen))

    def wait(self, stream):
        stream.wait_event(self)


class Use:
    """A block of memory: the stream that owns it, and the last kernel of each stream that used it."""

    def __init__(self, owner):
        self.owner, self.last, self.recorded = owner, {owner: owner.time + 1}, set()

    def not_ended(self):
        """Return the name of a stream whose use the owner does not wait for, or None."""
        late = (one for one, time in self.last.items() if one is not self.owner and one not in self.recorded
                if self.owner.seen.get(one, 0) < time)  # fmt: skip
        return next((one.name for one in late), None)


class Streams:
    """The device's streams, and the uses of its memory."""

    def __init__(self):
        self.current = Stream("current")
        self.uses = weakref.WeakKeyDictionary()

    def use(self, storage, stream):
        """Record a use; raise if the stream does not wait for the stream that used the memory last."""
        use = self.uses.get(storage)
        if use is None:
            return
        for other, time in use.last.items():
            if other is not stream and stream.seen.get(other, 0) < time:
                raise RuntimeError(f"stream {stream.name} uses what stream {other.name} may be writing, at {caller()}")
        use.last[stream] = stream.time + 1

    def record(self, tensor, stream):
        """Record, as `Tensor.record_stream`, that a stream uses the memory."""
        self.uses[tensor.untyped_storage()].recorded.add(stream)

    @contextlib.contextmanager
    def on(self, stream):
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before


class Generator:
    """A generator of the device; it draws nothing."""

    def __init__(self):
        self.seed = 0

    def manual_seed(self, seed):
        self.seed = seed

    def get_state(self):
        return torch.tensor([self.seed])

    clone_state = get_state

    def set_state(self, state):
        self.seed = int(state)

    graphsafe_set_state = set_state


def _graph_class(cuda):
    class Graph:
        """A captured graph; a replay is one launch."""

        is_captured = False

        def pool(self):
            return "pool"

        def replay(self):
            assert self.is_captured, "a graph is replayed that was never captured"
            cuda.launches[cuda.phase] += 1
            cuda.kernels[cuda.phase, "replay"] += 1

    return Graph


def _nothing(*_):
    """Do nothing, faster than a mock."""


def runtime_patches(cuda):
    """Return the patches of torch that make up the device."""

    @contextlib.contextmanager
    def capture(graph, pool=None, stream=None):
        with cuda.streams.on(stream), cuda.recording("capture"):
            cuda.is_capturing = True
            try:
                yield
            finally:
                cuda.is_capturing = False
        graph.is_captured = True
        cuda.graphs += 1

    replaced = {
        "mem_get_info": lambda _=None: (cuda.total_bytes - cuda.live_bytes, cuda.total_bytes),
        "synchronize": lambda _=None: cuda.wait("synchronize"),
        "Stream": lambda _=None, **__: Stream(),
        "Event": Event,
        "current_stream": lambda _=None: cuda.streams.current,
        "stream": cuda.streams.on,
        "set_stream": lambda stream: setattr(cuda.streams, "current", stream),
        "device": lambda _: contextlib.nullcontext(),
        "CUDAGraph": _graph_class(cuda),
        "graph": capture,
        "empty_cache": lambda: None,
        "reset_peak_memory_stats": lambda _=None: setattr(cuda, "peak_since_reset", cuda.live_bytes),
        "max_memory_allocated": lambda _=None: cuda.peak_since_reset,
        "max_memory_reserved": lambda _=None: cuda.peak_since_reset,
        "default_generators": (Generator(),),
        "get_sync_debug_mode": lambda: cuda.sync_debug_mode,
        "set_sync_debug_mode": lambda mode: setattr(cuda, "sync_debug_mode", mode),
        "is_bf16_supported": lambda *_, **__: True,
        "get_device_capability": lambda _=None: (9, 0),
    }
    patches = [mock.patch.object(torch.cuda, name, value) for name, value in replaced.items()]
    patches.append(mock.patch("torch.cuda.amp.common.amp_definitely_not_available", return_value=False))
    patches.append(mock.patch("torch._subclasses.fake_tensor.init_gpu_context", _nothing))
    patches.append(mock.patch.object(torch.Tensor, "record_stream", lambda *both: cuda.streams.record(*both)))
    return patches
