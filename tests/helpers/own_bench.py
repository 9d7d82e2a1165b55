"""A bench file with a family of its own, whose blocks are in a folder that only the bench file finds."""

import sys

BLOCKS = """
import os
from torch import nn

# Every process that imports this file leaves its id.
with open(os.environ["IMPORTS"], "a", encoding="utf-8") as file:
    print(os.getpid(), file=file)
CHANNELS = 8


class Block(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)

    def forward(self, images):
        from activations import activation

        return activation(self.norm(self.conv(images)))
"""
BENCH = """
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "library"))
import activations
import blocks

sys.path.pop(0)
import pytest
from torch import nn

import harness

RECIPE = replace(harness.DIGITS, epochs={epochs}, milestones=(), batch_size={batch_size})


def build(depth, width, in_channels, num_classes):
    layers, channels = [], in_channels
    for _ in range(depth):
        out = round(blocks.CHANNELS * width)
        layers.append(blocks.Block(channels, out))
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))


NET = harness.Family("mynet", build)


@pytest.mark.experiment("digits", models=[{models}], recipe=RECIPE)
def test_own(trained):
    assert trained.is_complete
"""


def write_own_bench(folder, epochs=3, batch_size=64, models="NET(1), NET(2, 0.5)"):
    """Write the bench file and its library into a folder."""
    for name in ("activations", "blocks"):  # imported by another test, from a folder that may be gone
        sys.modules.pop(name, None)
    library = folder / "library"
    library.mkdir(parents=True)
    (library / "blocks.py").write_text(BLOCKS, encoding="utf-8")
    (library / "activations.py").write_text("from torch.nn.functional import relu as activation\n", encoding="utf-8")
    text = BENCH.format(epochs=epochs, batch_size=batch_size, models=models)
    (folder / "test_own.py").write_text(text, encoding="utf-8")
    return folder
