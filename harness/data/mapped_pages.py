"""The pages of a mapped file: what is needed soon is read in time, and nothing else with it."""

import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_HAS_ADVICE = hasattr(mmap.mmap, "madvise") and hasattr(mmap, "MADV_WILLNEED")


@dataclass(frozen=True)
class MappedPages:
    """A part of a mapped file.

    The system would read up to megabytes around each page that is touched: of a file that is larger than the memory,
    and whose images are read in random order, it would read most of them again and again. Here it reads ahead only what
    it is asked for.

    Attributes:
        memory: the mapped file; None in a process that got a copy of the images.
        first_byte: the beginning of the part in the file.
    """

    memory: mmap.mmap | None
    first_byte: int = 0

    def __post_init__(self) -> None:
        if self.memory is not None and _HAS_ADVICE:
            self.memory.madvise(mmap.MADV_RANDOM)

    def read_ahead(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Start to read ranges of bytes of the part, each its first byte and its length; do not wait for them."""
        if self.memory is None or not _HAS_ADVICE:
            return
        for start, length in _joined(ranges):
            into_page = (self.first_byte + start) % mmap.PAGESIZE
            self.memory.madvise(mmap.MADV_WILLNEED, self.first_byte + start - into_page, length + into_page)

    def __reduce__(self) -> tuple[type["MappedPages"], tuple[None]]:
        """Leave the file out of a pickle: the images are copied into it."""
        return type(self), (None,)


def _joined(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield ranges, each with those that follow it without a gap."""
    first, end = 0, 0
    for start, length in ranges:
        if start != end:
            if end > first:
                yield first, end - first
            first = start
        end = start + length
    if end > first:
        yield first, end - first
