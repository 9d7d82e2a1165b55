"""A case: one model, dataset, recipe and seed, on one kind of device at one precision.

Needs no torch. A case holds everything that decides the outcome of its training, and nothing else. Its hash is its
identity, under which its result is stored.
"""

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from harness.config.datasets import file_stem, is_own_images, kind_of
from harness.config.families import parse_model
from harness.config.recipe import Recipe, require_recipe
from harness.config.variant import fraction_name
from harness.errors import InputError
from harness.files import safe_name
from harness.text import one_line

SEED_LIMIT = 2**63  # torch's generators take signed 64-bit integers
# Fields of later versions, at any depth: left out of the identity at these values, so that earlier cases keep theirs.
_LATER_FIELDS: dict[str, Any] = {
    "network": "", "deterministic": False, "fit": "squash", "padding": 0, "train_fraction": 1.0,
}  # fmt: skip

_MAX_MODEL_CHARACTERS = 40  # in the name of a folder, which file systems limit to 255 bytes

Mode = Literal["full", "shortened", "quick"]
Pipeline = Literal["fast", "reference"]


@dataclass(frozen=True)
class Case:
    """One training: the model, the images, the recipe and everything else that decides the outcome.

    Attributes:
        model: canonical model name, e.g. ``resnet20-4``.
        mode: ``full``, the recipe's own epochs; ``shortened``, another number (``--epochs``); ``quick``, a smoke run.
        device_kind: ``cpu``, ``cuda`` or ``mps``.
        precision: ``fp32``, ``tf32`` or ``bf16``.
        val_split: share of the training images held out for the evaluation after each epoch; 0 is the paper's protocol,
            which evaluates the test set after each epoch.
        data_fingerprint: SHA-256 of the images and labels.
        shortcut: ``A``, parameter-free, or ``B``, 1×1 convolutions.
        pipeline: ``fast``, or ``reference``, the study's own way; statistically the same, with other random draws.
        compiled: True if the network is compiled, which changes the last digits of sums.
        deterministic: True if only kernels with the same bits in every run are chosen; a CPU needs no choice.
        network: identity of the user's own network, from `harness.network_identity`; empty for one of the harness.
        train_fraction: share of the training images that is trained on, drawn class by class from the seed; smaller
            shares are parts of larger ones.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # unknown fields in a file are refused

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
    network: str = ""
    deterministic: bool = False
    train_fraction: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.model, str):
            raise InputError(
                f"model {one_line(str(self.model), 60)}: give its name, MODEL.name, and for your own network "
                "network=harness.network_identity(MODEL, dataset.spec)"
            )
        require_recipe(self.recipe)
        if not self.network and (canonical := parse_model(self.model).name) != self.model:
            raise InputError(f"model {self.model!r} is not a canonical name: give {canonical!r}")
        if not (isinstance(self.seed, int) and 0 <= self.seed < SEED_LIMIT):
            raise InputError(f"seed {one_line(str(self.seed), 20)}: give a whole number from 0 to 2⁶³ - 1")
        if not 0 <= self.val_split < 1:
            raise InputError(
                f"val_split {self.val_split!r}: give a share of the training images, 0 or more and below 1"
            )
        if not 0 < self.train_fraction <= 1:
            raise InputError(
                f"train_fraction {self.train_fraction!r}: give a share of the training images, above 0 and up to 1"
            )

    @property
    def label(self) -> str:
        """The human-readable name: ``cifar10 resnet20-4 seed 0``, with a share of the images below 1."""
        share = "" if self.train_fraction == 1 else f" {fraction_name(self.train_fraction)}"
        return f"{self.dataset} {self.model} seed {self.seed}{share}"

    @functools.cached_property
    def identity(self) -> str:
        """SHA-256 over the fields; a user's own images count by ``data_fingerprint``, not by their path."""
        content = asdict(self) | ({"dataset": kind_of(self.dataset)} if is_own_images(self.dataset) else {})
        return hashlib.sha256(json.dumps(_canonical(content), sort_keys=True).encode()).hexdigest()

    @property
    def folder_name(self) -> str:
        """The name of the case's folder inside the results folder."""
        return f"{file_stem(self.dataset)}-{self.folder_suffix}"

    @property
    def folder_suffix(self) -> str:
        """The part of `folder_name` that stays when a user's folder of images is renamed."""
        return f"{safe_name(self.model)[:_MAX_MODEL_CHARACTERS]}-seed{self.seed}-{self.mode}-{self.identity[:12]}"


def _canonical(value: Any) -> Any:
    """Return the value without later fields at their defaults, with whole floats as integers.

    30 and 30.0 are equal in a recipe, but not in JSON.
    """
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in _LATER_FIELDS or item != _LATER_FIELDS[key]}
        return {key: _canonical(item) for key, item in kept.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def by_dotted_name(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values under dotted names, e.g. ``recipe.augmentation.mean``."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        found |= by_dotted_name(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found
