"""A dataset as it lies on disk: which layout, where, how many images, and how to read them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.data.images import ImageSet


@dataclass(frozen=True)
class Source:
    """A dataset that was found.

    Attributes:
        layout: in a person's words, as ``class folders``.
        count: numbers of training and test images, without decoding any.
        verify: True if the files' content is the published one, False where the layout leaves nothing to compare with.
            An `InputError` names the file whose content is another.
        read: training and test images, at most the given numbers of each.
        missing: files of the layout that are not there, as after a download that was broken off.
    """

    layout: str
    path: Path
    count: Callable[[], tuple[int, int]]
    verify: Callable[[], bool]
    read: Callable[[int | None, int | None], tuple[ImageSet, ImageSet]]
    missing: tuple[str, ...] = ()


def unverifiable() -> bool:
    """The verdict on a layout that has no published checksums."""
    return False
