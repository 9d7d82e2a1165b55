"""The operations of a step for which the host would wait if its tensors were on a GPU."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# A value read by Python; a result whose size is known to the device alone; values of Python's, copied to the device.
WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "lift_fresh"}
INDEXING = {"index", "index_put", "index_put_"}


class HostWaits(TorchDispatchMode):
    """A context that lists such operations of this thread by name; tensors may be on the CPU."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = operation.overloadpacket.__name__
        is_mask = name in INDEXING and any(
            isinstance(one, torch.Tensor) and one.dtype == torch.bool for one in tree_leaves(args[1])
        )
        if name in WAITING or is_mask:
            self.names.append(name)
        return operation(*args, **(kwargs or {}))
