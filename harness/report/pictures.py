"""Pictures of test images, beside the networks' answers; the report itself reads no images."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.analysis.evidence import Evidence
from harness.config.datasets import is_own_images
from harness.errors import InputError
from harness.report.section import Section
from harness.results.result import Result
from harness.text import count_noun

PictureReader = Callable[[Result, Sequence[int]], Sequence[bytes]]
"""Returns the test images at these positions as PNG; raises an `InputError` if they are not on this machine."""
_HOW = "run `python -m harness report --data-dir FOLDER` where the images are"


def with_pictures(section: Section, evidence: Evidence, read: PictureReader | None, *, is_public: bool) -> Section:
    """Return a section with its pictures read, or with the reason why they are left out."""
    if not section.pictures:
        return section
    if is_public and is_own_images(evidence.dataset):
        return _without(section, "they are of your own images, which a public report leaves out")
    if read is None:
        return _without(section, _HOW)
    try:
        pngs = read(evidence.used_results[0], [one.position for one in section.pictures])
    except InputError:  # its text names a folder
        return _without(section, f"the test images are not found, are others now, or are too many to load; {_HOW}")
    return replace(section, pictures=[replace(one, png=png) for one, png in zip(section.pictures, pngs, strict=True)])


def _without(section: Section, reason: str) -> Section:
    line = f"{count_noun(len(section.pictures), 'picture')} of such images are not shown: {reason}."
    return replace(section, pictures=(), sentences=(*section.sentences, line))
