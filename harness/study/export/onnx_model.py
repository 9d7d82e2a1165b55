"""A network as the bytes of an ONNX model, by torch's exporter; needs the extra ``onnx``."""

import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.config.recipe import Augmentation
from harness.data.pixel_operations import normalise

INPUT, OUTPUT = "images", "logits"
OPSET = 18  # the first with an antialiased resize
_SMALL_SIDE = 40  # of the example images, where any size may enter


class PreparingNetwork(nn.Module):
    """A network that takes 8-bit images, (N, C, H, W), and prepares them itself.

    Attributes:
        resize_to: side in pixels to which normalised images of any size are resized; None resizes none.
    """

    def __init__(self, network: nn.Module, augmentation: Augmentation, resize_to: int | None) -> None:
        super().__init__()
        self.network = network
        self.augmentation = augmentation
        self.resize_to = resize_to

    def forward(self, images: Tensor) -> Tensor:
        prepared = normalise(images, self.augmentation)
        if self.resize_to is not None:
            size = (self.resize_to, self.resize_to)
            prepared = functional.interpolate(prepared, size, mode="bilinear", align_corners=False, antialias=True)
        logits: Tensor = self.network(prepared)
        return logits


def to_onnx(network: nn.Module, channels: int, side: int) -> bytes:
    """Return a network as an ONNX model that maps ``images``, (N, C, H, W), to ``logits``, (N, classes).

    N is any number of images from 1 on. H and W are ``side``, or any size if the network resizes images itself. The
    model has no names of this machine's files.
    """
    prepares = isinstance(network, PreparingNetwork)
    takes_any_size = prepares and network.resize_to is not None
    height, width = (_SMALL_SIDE, _SMALL_SIDE + 1) if takes_any_size else (side, side)
    images = torch.zeros(2, channels, height, width, dtype=torch.uint8 if prepares else torch.float32)
    names = {0: "N", 2: "H", 3: "W"} if takes_any_size else {0: "N"}
    dimensions = {axis: torch.export.Dim(name) for axis, name in names.items()}
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # torch 2.11 warns of its own exporter
        program = torch.onnx.export(
            network, (images,), dynamo=True, verbose=False, opset_version=OPSET, input_names=[INPUT],
            output_names=[OUTPUT], dynamic_shapes=(dimensions,),
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    for node in model.graph.node:
        node.ClearField("metadata_props")  # the exporter's stack traces, with paths of this machine
    content: bytes = model.SerializeToString()
    return content
