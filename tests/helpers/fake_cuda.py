"""Fake CUDA: the harness's own code on tensors whose device says ``cuda``, without a GPU or a driver.

Tensors on the CPU are real. Tensors on CUDA are FakeTensors: they have shapes, types, strides and devices, but no
values; a value read from one is zero. Every operation is checked and recorded: kernels launched, waits of the host for
the device by their place in the harness, memory, and the order of streams. Verification cannot fail here: copies to
the CPU are zeros, and `equal` is True.
"""

import contextlib
import functools
import warnings
import weakref
from collections import Counter
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode

from harness.hardware.stopwatch import Stopwatch
from tests.helpers import fake_autograd
from tests.helpers.fake_cuda_runtime import Streams, Use, caller, runtime_patches
from tests.helpers.fake_kernels import FakeKernels

GPU = torch.device("cuda", 0)
_COPIES = ("_to_copy", "copy_")
_INDEXING = ("index", "index_put_", "_index_put_impl_", "_unsafe_index")
_WAITING = {"nonzero", "masked_select", "_unique2", "is_nonzero", "unique_dim", "bincount"}
_NO_KERNEL = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach", "lift_fresh"}


class FakeCudaError(Exception):
    """The harness's code did what CUDA forbids, or what its results would not survive."""


class FakeCuda(TorchDispatchMode):
    """One fake GPU, and the record of what was done on it.

    Attributes:
        phase: the name under which operations are recorded now.
        launches: kernels launched, by phase; a replayed graph is one.
        waits: waits of the host for the device, by (phase, kind, place in the harness).
        copies: asynchronous copies to the device, by (phase, "pinned" or "pageable", stream).
        kernels: the names of the operations in the present phase.
        peak_bytes: the most memory in use, by phase.
        live_bytes: the memory in use.
        peak_since_reset: the most memory in use since the statistics were reset.
    """

    def __init__(self, mode, total_bytes=80 * 2**30):
        super().__init__()
        self._kernels = FakeKernels(mode, GPU)
        self.total_bytes = total_bytes
        self.phase = "set-up"
        self.launches, self.waits, self.copies, self.kernels = Counter(), Counter(), Counter(), Counter()
        self.peak_bytes, self.live_bytes, self.peak_since_reset = Counter(), 0, 0
        self.streams = Streams()
        self.is_capturing, self.sync_debug_mode = False, "default"
        self.graphs = 0
        self.errors = []
        self._pinned = weakref.WeakSet()

    @contextlib.contextmanager
    def recording(self, phase):
        """Record operations under another phase; a phase inside a phase takes its place."""
        before, self.phase = self.phase, phase
        self._note_peak()
        try:
            yield
        finally:
            self.phase = before

    def waits_in(self, phase):
        """Return the waits of a phase by (kind, place), without those of timing."""
        found = {(kind, place): n for (where, kind, place), n in self.waits.items() if where == phase}
        return {key: n for key, n in found.items() if key[1] != "hardware/device.py:wait_for_device"}

    def fail(self, message):
        """Raise for a fault; the end of the context raises again if the harness's code catches it."""
        self.errors.append(message)
        raise FakeCudaError(message)

    def wait(self, kind):
        """Record that the host waits for the device."""
        place = caller()
        self.waits[self.phase, kind, place] += 1
        if self.is_capturing:
            self.fail(f"{kind} during a capture, at {place}")
        if self.sync_debug_mode == "error":
            raise RuntimeError("called a synchronizing CUDA operation")
        if self.sync_debug_mode == "warn":
            warnings.warn("called a synchronizing CUDA operation", stacklevel=1)

    @classmethod
    def _should_skip_dynamo(cls):
        return False  # its wrapper costs time

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.ops.prim.device.default:
            return args[0].fake_device
        if is_composite(func):  # in inference mode, which does not take them apart
            with self:
                return func.decompose(*args, **kwargs)
        name = func._schema.name[6:]
        tensors = list(_tensors((args, kwargs.values())))
        device = kwargs.get("device")
        if not any(isinstance(one, FakeTensor) for one in tensors) and (
            device is None or torch.device(device).type == "cpu"
        ):
            return self._on_cpu(func, name, args, kwargs)
        if (given := self._copied_to_cpu(name, args, kwargs)) is not None:
            return given
        self._check(name, args, kwargs, tensors)
        if name == "_fused_sgd_":
            if fault := fused_sgd_fault(*args[:3], kwargs["lr"]):
                self.fail(f"fused SGD: {fault}")
            out = None
        else:
            out = self._kernels.run(func, name, args, kwargs)
        self._record(func, name, tensors, out)
        return out

    def _on_cpu(self, func, name, args, kwargs):
        with unset_fake_temporarily():
            if name == "is_pinned":
                return args[0].untyped_storage() in self._pinned
            if name == "_pin_memory" or kwargs.pop("pin_memory", False):
                out = args[0].clone() if name == "_pin_memory" else func(*args, **kwargs)
                self._pinned.add(out.untyped_storage())
                return out
            return func(*args, **kwargs)

    def _copied_to_cpu(self, name, args, kwargs):
        """Return the result of an operation that brings values from CUDA to the CPU; else None."""
        if name == "_local_scalar_dense":
            self.wait("read of a value")
            return False if args[0].dtype == torch.bool else 0.0 if args[0].dtype.is_floating_point else 0
        if name == "equal":
            self.wait("comparison")
            return True
        if name == "_to_copy" and torch.device(kwargs.get("device") or GPU).type == "cpu":
            self.wait("copy to the CPU")
            with unset_fake_temporarily():
                return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        if name == "copy_" and not isinstance(args[0], FakeTensor):
            self.wait("copy to the CPU")
            with unset_fake_temporarily():
                return args[0].zero_()
        return None

    def _check(self, name, args, kwargs, tensors):
        """Record the waits of an operation; raise for devices mixed."""
        on_cpu = [one for one in tensors if not isinstance(one, FakeTensor)]
        if name in _WAITING:
            self.wait(name)
        if name in _INDEXING and any(one.dtype in (torch.bool, torch.uint8) for one in _tensors(args[1:2])):
            self.wait("index by a mask")
        if not on_cpu:
            return
        if name in _COPIES:
            self._copy_to_cuda(on_cpu[0], kwargs.get("non_blocking") or (len(args) > 2 and args[2]))
        elif name in _INDEXING:
            if any(one.dim() for one in on_cpu):
                self.wait("index on the CPU")
        elif any(one.dim() for one in on_cpu):
            shapes = [f"{tuple(one.shape)} on {one.device.type}" for one in tensors]
            self.fail(f"{name} mixes devices, at {caller()}: {', '.join(shapes)}")

    def _copy_to_cuda(self, source, non_blocking):
        if not non_blocking:
            self.wait("blocking copy to the GPU")
            return
        is_pinned = source.untyped_storage() in self._pinned
        self.copies[self.phase, "pinned" if is_pinned else "pageable", self.streams.current.name] += 1
        if self.is_capturing and not is_pinned:
            self.fail(f"copy from pageable memory during a capture, at {caller()}")

    def _record(self, func, name, tensors, out):
        stream = self.streams.current
        if not self.is_capturing:  # what is captured runs at a replay
            for one in tensors:
                if isinstance(one, FakeTensor):
                    self.streams.use(one.untyped_storage(), stream)
        for one in _tensors((out,)):
            self._track(one.untyped_storage(), stream)
        if not func.is_view and name not in _NO_KERNEL:
            stream.time += 1
            self.launches[self.phase] += 1
            self.kernels[self.phase, name] += 1

    def _track(self, storage, stream):
        if storage in self.streams.uses:
            return
        size = storage.nbytes()
        self.live_bytes += size
        self._note_peak()
        use = self.streams.uses[storage] = Use(stream)
        weakref.finalize(storage, self._free, size, use).atexit = False

    def _free(self, size, use):
        self.live_bytes -= size
        if (late := use.not_ended()) and not self.is_capturing:
            self.errors.append(f"memory of stream {use.owner.name} is freed while stream {late} may use it")

    def _note_peak(self):
        self.peak_bytes[self.phase] = max(self.peak_bytes[self.phase], self.live_bytes)
        self.peak_since_reset = max(self.peak_since_reset, self.live_bytes)


class PhaseWatch(Stopwatch):
    """A stopwatch whose parts are phases of the record."""

    def __init__(self, cuda):
        self._cuda = cuda
        super().__init__(GPU)

    @contextlib.contextmanager
    def part(self, name):
        with super().part(name), self._cuda.recording(name):
            yield


@functools.cache
def is_composite(func):
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
    return func.namespace == "aten" and has_kernel(func.name(), "CompositeImplicitAutograd")


def fused_sgd_fault(parameters, gradients, momentum, learning_rate):
    """Return what the fused kernel refuses, or None: see torch's ForeachUtils.h and FusedSgdKernel.cu."""
    for group in zip(*(one for one in (parameters, gradients, momentum) if one), strict=True):
        first = group[0]
        for other in group:
            if (other.device, other.dtype, other.shape) != (first.device, first.dtype, first.shape):
                return f"{other.dtype} on {other.device}, not {first.dtype} on {first.device}"
            strides = zip(first.stride(), other.stride(), first.shape, strict=True)
            if any(mine != its for mine, its, size in strides if size != 1):
                return f"strides {other.stride()} and {first.stride()} of {tuple(first.shape)}"
    if isinstance(learning_rate, Tensor):
        kind, dtype = learning_rate.device.type, learning_rate.dtype
        if (kind, dtype) != ("cuda", torch.float32):
            return f"the learning rate is {dtype} on {kind}"
    return None


def _tensors(values):
    for one in values:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, list | tuple):
            yield from _tensors(one)
        elif type(one).__name__ == "dict_values":
            yield from _tensors(list(one))


_module_to = nn.Module.to


def _to(module, *args, **options):
    """Move a module: FakeTensors cannot be swapped into parameters, as torch does it."""
    device = options.get("device", args[0] if args else None)
    if not isinstance(device, torch.device) or device.type != "cuda":
        return _module_to(module, *args, **options)
    memory_format = options.get("memory_format")
    for part in module.modules():
        for name, value in [*part._parameters.items(), *part._buffers.items()]:
            if value is None:
                continue
            moved = value.detach().to(device, memory_format=memory_format if value.dim() == 4 else None)
            if name in part._parameters:
                part._parameters[name] = nn.Parameter(moved, requires_grad=value.requires_grad)
            else:
                part._buffers[name] = moved
    return module


@contextlib.contextmanager
def fake_cuda(**options):
    """Run the body with one fake GPU; yield its record.

    Raises:
        FakeCudaError: a fault was found, even if the harness's code caught the error.
    """
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    cuda = FakeCuda(mode, **options)
    with contextlib.ExitStack() as stack:
        for patch in runtime_patches(cuda):
            stack.enter_context(patch)
        stack.enter_context(mock.patch.object(nn.Module, "to", _to))
        stack.enter_context(fake_autograd.running())
        stack.enter_context(mode)
        stack.enter_context(cuda)
        try:
            yield cuda
        except Exception as error:
            if cuda.errors:
                raise FakeCudaError(cuda.errors[0]) from error
            raise
    if cuda.errors:
        raise FakeCudaError(cuda.errors[0])
