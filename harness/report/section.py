"""A section of the page: a heading, and what one learns under it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.report.figures.figure import Figure
from harness.report.tables.other_code import CodeStamp
from harness.report.tables.table import Table


@dataclass(frozen=True)
class Picture:
    """A test image, and the networks' answers.

    Attributes:
        position: within the test set.
        truth: its class.
        answers: each model's class for it, by the model's name.
        png: empty until the image is read.
    """

    position: int
    truth: str
    answers: Mapping[str, str]
    png: bytes = b""


@dataclass(frozen=True)
class Section:
    """A heading with figures and tables under it.

    Attributes:
        sentences: findings to read before the figures.
        pictures: test images, shown after the sentences.
    """

    title: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    sentences: Sequence[str] = ()
    pictures: Sequence[Picture] = ()

    def stamped(self, stamp: CodeStamp) -> "Section":
        """Return the section with the stamp on its tables and figures."""
        return replace(
            self, figures=list(map(stamp.on_figure, self.figures)), tables=[stamp.on(table) for table in self.tables]
        )
