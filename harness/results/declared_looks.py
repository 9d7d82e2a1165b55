"""Looks declared by studies of sequential seeds, kept in the results folder for later reports."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from harness.config.case import SEED_LIMIT, Mode
from harness.config.variant import fraction_name
from harness.results.declared import changing, read_declared, write_declared

FILE = "looks.json"
_MOST_SEEDS, _MOST_LOOKS = 10_000, 10  # the level of a look takes a matrix of all looks
_Seed = Annotated[int, Field(ge=0, lt=SEED_LIMIT)]
_Look = Annotated[int, Field(ge=0, le=_MOST_SEEDS)]


@dataclass(frozen=True)
class DeclaredLooks:
    """The seeds of a study in their order, and the numbers of seeds after which it is looked at."""

    seeds: Annotated[tuple[_Seed, ...], Field(min_length=1, max_length=_MOST_SEEDS)]
    looks: Annotated[tuple[_Look, ...], Field(min_length=1, max_length=_MOST_LOOKS)]


_ADAPTER = TypeAdapter(dict[str, DeclaredLooks])


def looks_key(dataset: str, mode: Mode, epochs: int | None = None, train_fraction: float = 1.0) -> str:
    """Return the key of a dataset's looks; each mode, schedule and share of the images has its own.

    Args:
        epochs: of a shortened study; None for the key of earlier versions, which told no schedules apart.
        train_fraction: share of the training images.
    """
    of_schedule = f" epochs{epochs}" if mode == "shortened" and epochs is not None else ""
    return f"{mode} {dataset}{of_schedule}" + (f" {fraction_name(train_fraction)}" if train_fraction != 1 else "")


def read_declared_looks(root: Path) -> dict[str, DeclaredLooks]:
    """Read the declared looks of a results folder, by `looks_key`; empty if none were declared.

    Raises:
        DamagedError: the file does not have its form.
    """
    return read_declared(root / FILE, _ADAPTER, {}, "looks", "delete it to report without looks")


def declare_looks(root: Path, looks: dict[str, DeclaredLooks]) -> None:
    """Write looks, by `looks_key`, into a results folder, beside those that it has.

    Raises:
        DamagedError: the file of earlier looks does not have its form.
        InputError: the file cannot be written.
    """
    with changing(root / FILE):
        write_declared(root / FILE, _ADAPTER, read_declared_looks(root) | looks)
