"""A case: one model on one dataset by one recipe with one seed, on one kind of device at one precision.

Needs no torch. Everything in a case decides the outcome of training it, and nothing that decides it is outside: its
hash is its identity, under which its result is kept.
"""

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from harness.config.datasets import file_stem, is_folder
from harness.config.families import parse_model
from harness.config.recipes import Recipe
from harness.errors import InputError

Mode = Literal["full", "shortened", "quick"]
Pipeline = Literal["fast", "reference"]


@dataclass(frozen=True)
class Case:
    """What is trained, and how.

    Attributes:
        model: a canonical model name.
        mode: ``full``, the recipe's own epochs; ``shortened``, fewer or more (``--epochs``); ``quick``, a smoke run.
        device_kind: ``cpu``, ``cuda`` or ``mps``.
        precision: ``fp32``, ``tf32`` or ``bf16``.
        val_split: share of the training images held out for the per-epoch evaluation; 0, the paper's protocol, in which
            the test set is evaluated every epoch.
        data_fingerprint: SHA-256 of the images and labels.
        pipeline: ``fast``, or ``reference``, as the study did it; statistically the same, with other random draws.
        compiled: whether the network is compiled, which changes the last digits of sums.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # read back, a field that is none of these is refused

    model: str
    dataset: str
    recipe: Recipe
    seed: int
    mode: Mode
    device_kind: str
    precision: str
    data_fingerprint: str
    val_split: float = 0.0
    shortcut: Literal["A", "B"] = "A"
    pipeline: Pipeline = "fast"
    compiled: bool = False

    def __post_init__(self) -> None:
        if (canonical := parse_model(self.model).name) != self.model:
            raise InputError(f"model {self.model!r} is no canonical name: give {canonical!r}")

    @property
    def label(self) -> str:
        """How a person names it: ``cifar10 resnet20-4 seed 0``."""
        return f"{self.dataset} {self.model} seed {self.seed}"

    @functools.cached_property
    def identity(self) -> str:
        """SHA-256 over everything that decides the outcome. Where a user's folder lies does not; what is in it does."""
        content = asdict(self) | ({"dataset": "folder"} if is_folder(self.dataset) else {})
        return hashlib.sha256(json.dumps(_canonical(content), sort_keys=True).encode()).hexdigest()

    @property
    def folder_name(self) -> str:
        """The name of its folder under the results folder."""
        return f"{file_stem(self.dataset)}-{self.model}-seed{self.seed}-{self.mode}-{self.identity[:12]}"


def _canonical(value: Any) -> Any:
    """The value with whole floats as integers: 30 and 30.0 are one and the same in a recipe, but not in JSON."""
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
