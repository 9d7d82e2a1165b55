"""A result's network as an ONNX file, with its preprocessing and origin in a JSON file beside it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from harness.config.datasets import file_stem
from harness.errors import InputError
from harness.files import os_error_as_input_error, require_writable, write_atomically, write_text_atomically
from harness.results.checked_files import WEIGHTS
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.study.export.onnx_model import INPUT, OPSET, OUTPUT, PreparingNetwork, to_onnx
from harness.study.export.preprocessing import split_steps
from harness.study.own_network import channels_and_classes
from harness.study.stored_network import network_of, require_weights

MODEL, DESCRIPTION = "model.onnx", "preprocessing.json"
_SCHEMA_VERSION = 1
_MAX_BYTES = 2**31 - 2**20  # of an ONNX file, less 1 MiB for all that is not weights


@dataclass(frozen=True)
class Export:
    """A network that was exported.

    Attributes:
        network: the same network in torch, without the preprocessing.
        folder: the folder of both files.
        description: the content of ``preprocessing.json``.
    """

    result: Result
    network: nn.Module
    folder: Path
    description: Mapping[str, Any]

    @property
    def paths(self) -> tuple[Path, Path]:
        """The paths of the ONNX model and of its description."""
        return self.folder / MODEL, self.folder / DESCRIPTION


def export_network(
    result: Result,
    results: ResultsFolder,
    folder: Path,
    *,
    with_preprocessing: bool = False,
    place: str | None = None,
) -> Export:
    """Write a complete result's network to ``model.onnx`` and its description to ``preprocessing.json``.

    Args:
        with_preprocessing: let the ONNX model take 8-bit images and scale and normalise them itself; it also resizes
            them if the recipe resizes normalised images, as GTSRB's does.
        place: the present place of the user's own network, as ``FILE:NAME``; None for the recorded one.

    Raises:
        InputError: the result is not complete, its weights are damaged or too large, or the folder cannot be written
            to.
    """
    require_weights(result)
    _require_small(result)
    network = network_of(result, results, place)
    require_writable(folder, "--output")
    recipe = result.case.recipe
    channels, _ = channels_and_classes(result)
    outside, inside = split_steps(result.case, channels, with_preprocessing)
    resizes = any(step["step"] == "resize" for step in inside)
    exported = PreparingNetwork(network, recipe.augmentation, recipe.image_size if resizes else None)
    content = to_onnx(exported.eval() if inside else network, channels, recipe.image_size)
    size = ["H", "W"] if resizes else [recipe.image_size, recipe.image_size]
    description = {
        "schema_version": _SCHEMA_VERSION,
        "steps": outside,
        "steps_inside_the_model": inside,
        "input_is": "the images after these steps, stacked: number of images, channels, height, width",
        "input": {"name": INPUT, "dtype": "uint8" if inside else "float32", "shape": ["N", channels, *size]},
        **_output_and_origin(result, content),
    }
    with os_error_as_input_error(f"write to {folder}", "free space or give another --output"):
        write_atomically(folder / MODEL, lambda file: file.write(content))
        write_text_atomically(folder / DESCRIPTION, json.dumps(description, indent=1, ensure_ascii=False) + "\n")
    return Export(result, network, folder, description)


def _require_small(result: Result) -> None:
    size = 4 * result.params
    if size > _MAX_BYTES:
        raise InputError(
            f"{result.case.label} has {size / 1e9:.1f} GB of weights, and an ONNX file holds 2 GB: load them in torch, "
            "with harness.load_network"
        )


def _output_and_origin(result: Result, model: bytes) -> dict[str, Any]:
    """Return the description's entries on logits, classes and the training of the weights."""
    names = [scores["class_name"] for scores in result.per_class]
    return {
        "output": {"name": OUTPUT, "dtype": "float32", "shape": ["N", len(names)]},
        "output_is": "one logit per class, in the order of class_names; their softmax gives probabilities",
        "class_names": names,
        "opset": OPSET,
        "model": result.model,
        "dataset": file_stem(result.dataset),  # without the path of a user's folder
        "seed": result.seed,
        "mode": result.mode,
        "accuracy_percent": result.accuracy_percent,
        "macro_f1_percent": result.macro_f1_percent,
        "case": result.case.identity,
        "training_code": result.environment.get("training_code"),
        "sha256": {WEIGHTS: result.files[WEIGHTS], MODEL: hashlib.sha256(model).hexdigest()},
    }
