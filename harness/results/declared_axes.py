"""Axes given by experiment marks, kept in the results folder for later reports.

No case depends on them, so reused results may be older than their axes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from harness.config.given_axes import GivenAxes
from harness.results.declared import changing, read_declared, write_declared

FILE = "axes.json"


@dataclass(frozen=True)
class DeclaredAxes:
    """The axes given for a study.

    Attributes:
        dataset: the dataset's name at that time.
        images: SHA-256 of the images and labels; a user's images may be moved or renamed.
    """

    dataset: str
    images: str
    axes: GivenAxes

    def __post_init__(self) -> None:
        if len(self.axes.models) < 1 + len(self.axes.depth) + len(self.axes.width):
            raise ValueError(f"the axes of {self.dataset} have a model twice")


@dataclass(frozen=True)
class AskedStudy:
    """The models that a mark asks for on a dataset, and the axes that it gives; None without."""

    dataset: str
    images: str
    models: frozenset[str]
    axes: GivenAxes | None

    def replaces(self, earlier: DeclaredAxes) -> bool:
        """Return whether earlier axes are void: other ones of that base, or none any more for those models."""
        if earlier.images != self.images:
            return False
        return earlier.axes.models <= self.models if self.axes is None else earlier.axes.base == self.axes.base


_ADAPTER = TypeAdapter(tuple[DeclaredAxes, ...])


def read_declared_axes(root: Path) -> tuple[DeclaredAxes, ...]:
    """Read the declared axes of a results folder, the newest last; empty if none were declared.

    Raises:
        DamagedError: the file does not have its form.
    """
    return read_declared(root / FILE, _ADAPTER, (), "axes", "delete it, and run pytest again to declare them")


def declare_axes(root: Path, studies: Iterable[AskedStudy]) -> None:
    """Write the axes of studies into a results folder, beside those that it has for other studies.

    Raises:
        DamagedError: the file of earlier axes does not have its form.
        InputError: the file cannot be written.
    """
    studies = list(dict.fromkeys(studies))
    if not (root / FILE).exists() and all(study.axes is None for study in studies):
        return
    with changing(root / FILE):
        before = read_declared_axes(root)
        kept = [one for one in before if not any(study.replaces(one) for study in studies)]
        new = [DeclaredAxes(one.dataset, one.images, one.axes) for one in studies if one.axes is not None]
        if (*kept, *new) != before:
            write_declared(root / FILE, _ADAPTER, (*kept, *new))
