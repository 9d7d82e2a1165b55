"""The table of gradient norms: how much of the gradient reaches a network's first layer."""

from collections.abc import Sequence
from typing import Any

from harness.report.tables.table import Column, Table
from harness.report.tables.throughput import Kind, tables_of
from harness.report.tables.throughput_notes import distinct
from harness.throughput.gradient_norms import GradientNorms, first_over_last
from harness.throughput.record import Recorded

GRADIENTS = "gradients"
"""The file name of the table."""


def gradient_tables(recorded: Sequence[Recorded]) -> list[Table]:
    """Return the table of gradient norms of each device; none if they were not measured."""
    return tables_of((_KIND,), recorded)


def _gradient_values(m: GradientNorms) -> dict[str, Any]:
    return {
        "dataset": m.dataset,
        "model": m.model,
        "layers": len(m.layers),
        "start_first_norm": m.at_start[0],
        "start_norm_ratio": first_over_last(m.at_start),
        "epoch_first_norm": m.after_epoch[0],
        "epoch_norm_ratio": first_over_last(m.after_epoch),
        "train_images": m.train_images,
        "batch_size": m.batch_size,
        "learning_rate": m.learning_rate,
        "layer": m.layers,
        "start_norm": m.at_start,
        "epoch_norm": m.after_epoch,
    }


_KIND = Kind(
    GradientNorms,
    GRADIENTS,
    "gradients: how much of them reaches the first layer",
    (
        Column("dataset", "dataset", is_words=True),
        Column("model", "model", is_words=True),
        Column("layers", "layers"),
        Column("first, start", "start_first_norm", "{:.2g}"),
        Column("÷ last", "start_norm_ratio", "{:.2g}"),
        Column("first, epoch 1", "epoch_first_norm", "{:.2g}"),
        Column("÷ last", "epoch_norm_ratio", "{:.2g}"),
    ),
    ("layers",),
    _gradient_values,
    lambda rows: (
        "first: the gradient norm of the first layer's weights, the mean over batches of "
        f"{distinct(rows, 'batch_size')} training images, at initialisation and after one epoch at learning rate "
        f"{distinct(rows, 'learning_rate', '{:g}')}; ÷ last: over that of the last convolution; 1 if gradients "
        "neither vanish nor explode on their way"
    ),
)
