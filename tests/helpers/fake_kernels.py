"""Operations on FakeTensors whose results are remembered by the shapes they take: thrice as fast as torch's."""

from typing import ClassVar

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, in_kernel_invocation_manager, unset_fake_temporarily

_IN_PLACE = {"copy_", "add_", "zero_", "fill_", "mul_", "div_", "sub_"}


class FakeKernels:
    """The operations of a fake GPU.

    Attributes:
        mode: the FakeTensorMode that computes what is not known yet.
        device: the device of the results.
    """

    _known: ClassVar = {}

    def __init__(self, mode, device):
        self.mode, self.device = mode, device

    def run(self, func, name, args, kwargs):
        """Return what the operation returns: new FakeTensors, or its first argument."""
        if name in _IN_PLACE and isinstance(args[0], FakeTensor) and _fits(args[1:], args[0]):
            return args[0]
        if func.is_view and isinstance(func._schema.returns[0].type, torch.TensorType):
            with unset_fake_temporarily(), in_kernel_invocation_manager(self.mode):
                view = func(*args, **kwargs)
            return FakeTensor(self.mode, view, self.device)
        if func.is_view or func._schema.is_mutable:
            return func(*args, **kwargs)
        key = (func, _key(args), _key(tuple(kwargs.items())), torch.is_inference_mode_enabled())
        if (layouts := self._known.get(key)) is None:
            out = func(*args, **kwargs)
            self._known[key] = _layouts(out, args) or False
            return out
        return self._made(layouts) if layouts else func(*args, **kwargs)

    def _made(self, layouts):
        with unset_fake_temporarily():
            made = tuple(
                layout and FakeTensor(self.mode, torch.empty_strided(*layout[:2], dtype=layout[2], device="meta"),
                                      self.device)
                for layout in layouts
            )  # fmt: skip
        return made if len(made) > 1 else made[0]


def _fits(others, target):
    """Return true if an operation in place can only keep its target as it is."""
    return all(not isinstance(one, Tensor) or one.shape == target.shape or not one.dim() for one in others)


def _key(value):
    if isinstance(value, Tensor):
        return value.shape, value.stride(), value.dtype, isinstance(value, FakeTensor)
    if isinstance(value, list | tuple):
        return tuple(map(_key, value))
    return type(value), value


def _layouts(out, args):
    """Return shape, stride and type of each result; None if one is no new tensor on its own memory."""
    results = out if isinstance(out, tuple) else (out,)
    taken = {one.untyped_storage()._cdata for one in args if isinstance(one, Tensor)}
    for one in results:
        if one is None:
            continue
        if not isinstance(one, FakeTensor) or one.device.type != "cuda" or one.storage_offset():
            return None
        if one.untyped_storage()._cdata in taken:
            return None
        taken.add(one.untyped_storage()._cdata)
    return tuple(one if one is None else (one.shape, one.stride(), one.dtype) for one in results)
