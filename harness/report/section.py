"""A section of the page: a heading, and what one learns under it."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.figures.figure import Figure
from harness.report.tables.table import Table


@dataclass(frozen=True)
class Section:
    """A heading with figures and tables under it.

    Attributes:
        sentences: findings to read before the figures.
    """

    title: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    sentences: Sequence[str] = ()
