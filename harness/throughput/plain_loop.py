"""The plain loop: what a good PyTorch user writes without this harness, on ready batches.

The network is channels_last, the batches lie on the device, prepared and never augmented, SGD is torch's fused one, and
nothing is read back within an epoch. There is no graph and no compilation.
"""

import itertools
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.data.augment import prepare
from harness.data.images import ImageSet
from harness.hardware.device import computing_at
from harness.hardware.stopwatch import Stopwatch
from harness.throughput.pipelines import Round
from harness.training.trainers.trainer import initial_network, make_optimizer

_READY_BYTES = 256 * 2**20  # of batches on the device, used in turn; an epoch of 225×225 images may exceed its memory

Batch = tuple[Tensor, Tensor]
"""Images, (N, C, S, S), and their labels, (N,)."""


def train_plainly(
    network: nn.Module, optimizer: torch.optim.Optimizer, batches: Iterable[Batch], *, bf16: bool = False
) -> Tensor:
    """Train on the batches, one step each; return the sum of their mean losses, on the device."""
    network.train()
    loss_sum = torch.zeros((), device=next(network.parameters()).device)
    for images, labels in batches:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=bf16):
            loss = functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        loss_sum += loss.detach()
    return loss_sum


class PlainLoop:
    """The plain loop on a case's network, by its recipe's SGD at the precision of the case."""

    def __init__(self, case: Case, spec: DatasetSpec, device: torch.device) -> None:
        self.case, self.device = case, device
        network = initial_network(case, spec)
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = make_optimizer(self.network, case.recipe, fused=None if device.type == "mps" else True)

    def measure(self, images: ImageSet) -> Round:
        """Train one epoch of as many images; the batches are made ready before the time begins."""
        size = self.case.recipe.batch_size
        ready = list(self._ready_batches(images))
        batches = itertools.islice(itertools.cycle(ready), len(images) // size)
        watch = Stopwatch(self.device)
        with computing_at(self.case.precision):
            train_plainly(self.network, self.optimizer, batches, bf16=self.case.precision == "bf16")
        return Round(len(images) // size * size / watch.total(), 0.0)

    def _ready_batches(self, images: ImageSet) -> Iterator[Batch]:
        """Yield the first full batches of the images, at least one, of `_READY_BYTES` at most."""
        recipe, used_bytes = self.case.recipe, 0
        for start in range(0, len(images) - recipe.batch_size + 1, recipe.batch_size):
            chosen = images.select(torch.arange(start, start + recipe.batch_size))
            inputs = prepare(chosen.pixels, recipe.augmentation, recipe.image_size).to(self.device)
            used_bytes += inputs.nbytes
            if start and used_bytes > _READY_BYTES:
                return
            yield inputs.contiguous(memory_format=torch.channels_last), chosen.labels.to(self.device)
