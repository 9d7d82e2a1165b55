"""Autograd's backward pass in Python: torch's own asks CUDA for its streams, which needs a driver."""

import contextlib
import heapq
import itertools
from collections import Counter
from unittest import mock

import torch
from torch import Tensor


class _Saved:
    """A tensor that the forward pass saved; dropped, as by torch's engine, once its node has run."""

    def __init__(self, tensor):
        self.tensor = tensor


@contextlib.contextmanager
def running():
    """Replace `Tensor.backward` in the body."""
    unpacked = []

    def unpack(saved):
        unpacked.append(saved)
        return saved.tensor

    def backward(loss):
        with torch.no_grad():
            _backward(loss, unpacked)

    with mock.patch.object(Tensor, "backward", backward), torch.autograd.graph.saved_tensors_hooks(_Saved, unpack):
        yield


def _backward(loss, unpacked):
    """Run the nodes in the engine's order: the latest of the forward pass first."""
    root = loss.grad_fn
    waiting, numbers = _uses(root), itertools.count()
    gradients = {root: {0: torch.ones_like(loss)}}
    ready = [(0, next(numbers), root)]
    while ready:
        node = heapq.heappop(ready)[2]
        received = gradients.pop(node, {})
        produced = _run(node, received) if received else [(edge, None) for edge in node.next_functions if edge[0]]
        for saved in unpacked:
            saved.tensor = None
        unpacked.clear()
        del received
        for (target, place), gradient in produced:
            if gradient is not None:
                gradient = _fitted(gradient, target._input_metadata[place])
                sums = gradients.setdefault(target, {})
                sums[place] = gradient if place not in sums else sums[place] + gradient
            waiting[target] -= 1
            if not waiting[target]:
                heapq.heappush(ready, (_order(target), next(numbers), target))


def _fitted(gradient, metadata):
    """Return a gradient in the shape and type of what it is of, as torch's engine does."""
    if gradient.shape != metadata.shape:
        gradient = gradient.sum_to_size(metadata.shape)
    return gradient if gradient.dtype == metadata.dtype else gradient.to(metadata.dtype)


def _uses(root):
    """Return how many edges lead to each node of the graph."""
    uses, seen, stack = Counter(), {root}, [root]
    while stack:
        for target, _ in stack.pop().next_functions:
            if target is not None:
                uses[target] += 1
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
    return uses


def _order(node):
    return -(2**63) if node.name() == "torch::autograd::AccumulateGrad" else -node._sequence_nr()


def _run(node, received):
    """Return a node's edges, each with its gradient."""
    inputs = [received.get(place) for place in range(len(node._input_metadata))]
    is_python = hasattr(node, "needs_input_grad")
    outputs = node.apply(*inputs) if is_python else node(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    if is_python:  # its edges are those of its tensors alone
        outputs = tuple(one for one, needed in zip(outputs, node.needs_input_grad, strict=False) if needed)
        edges = [edge for edge in node.next_functions if edge[0] is not None]
        return list(zip(edges, outputs, strict=True))
    return [(edge, one) for edge, one in zip(node.next_functions, outputs, strict=False) if edge[0] is not None]
