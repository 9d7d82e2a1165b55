"""A small checkpoint to save, read and damage."""

from dataclasses import replace

import torch

from harness.results.result import Attempt, EpochRecord
from harness.training.checkpoint_file import Checkpoint, Expected

RECORDS = tuple(EpochRecord(epoch, 0.1, 2.0, 30.0, 1.9, 33.0, 0.1, 0.5, 0.2, 0.0, 0.8) for epoch in range(1, 9))
ATTEMPT = Attempt(1, "2026-11-23T12:00:00+00:00", {"cpu": "a", "gpu": None}, 0.5, 12.0, 2**30)
TENSORS = {
    "conv.weight": torch.randn(70, 30, 6, 6).contiguous(memory_format=torch.channels_last),  # large
    "bn.weight": torch.randn(70),
    "bn.num_batches_tracked": torch.tensor(7),
    "fc.weight": torch.randn(3, 4).T,
    "bf16": torch.randn(5).bfloat16(),
    "empty": torch.empty(0, 3),
}
EXPECTED = Expected("identity", 8, has_best=False, state=TENSORS)


def make_checkpoint(epochs=1, **changes):
    made = Checkpoint("identity", "code", RECORDS[:epochs], (ATTEMPT,), TENSORS, {"fc.weight": torch.ones(4, 3)})
    return replace(made, **changes)
