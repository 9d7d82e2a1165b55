"""The pictures in the documents, from the page of a record; ``python -m tests.records.pictures`` takes them again.

It needs chromium. Each picture keeps the tables that it shows in its PNG, so that a test compares them with the record.
"""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

from tests.records.quote import ROOT
from tests.records.record import Record, record

_KEEP = """
<script>
document.querySelectorAll("details").forEach((one) => {{ one.open = true; }});
const kept = [...document.querySelectorAll({parts!r})];
for (const one of document.body.querySelectorAll("*"))
  if (!kept.some((part) => part.contains(one) || one.contains(part))) one.style.display = "none";
</script>
"""
_MARGIN = 16  # pixels around what is shown
_COLOURS = 128


@dataclass(frozen=True)
class Picture:
    """A part of a record's page as a picture.

    Attributes:
        parts: the selector of what is shown; everything else on the page is hidden.
        tables: the tables whose figures it shows.
        height: of the window; what the parts leave empty is cut off.
    """

    path: str
    record: Callable[[], Record]
    parts: str
    tables: tuple[str, ...] = ("digits-verdicts",)
    width: int = 960
    height: int = 3000

    @property
    def shown(self) -> str:
        """The digest of the tables that the picture shows."""
        return hashlib.sha256("".join(self.record().csv_texts[one] for one in self.tables).encode()).hexdigest()

    def take(self) -> None:
        """Take the picture again."""
        with tempfile.TemporaryDirectory() as scratch:
            page, shot = Path(scratch) / "page.html", Path(scratch) / "shot.png"
            page.write_text(self.record().page + _KEEP.format(parts=self.parts))
            size = f"--window-size={self.width},{self.height}"
            flags = ("--headless", "--no-sandbox", "--hide-scrollbars", size, f"--screenshot={shot}")
            subprocess.run(["chromium", *flags, page.as_uri()], check=True, capture_output=True)
            with Image.open(shot) as image:
                kept = _without_margin(image.convert("RGB")).quantize(_COLOURS)
        info = PngInfo()
        info.add_text("shown", self.shown)
        kept.save(ROOT / self.path, optimize=True, pnginfo=info)


def _without_margin(image: Image.Image) -> Image.Image:
    empty = Image.new("RGB", image.size, image.getpixel((0, 0)))
    left, top, right, bottom = ImageChops.difference(image, empty).getbbox() or (0, 0, *image.size)
    return image.crop(
        (
            max(0, left - _MARGIN),
            max(0, top - _MARGIN),
            min(image.width, right + _MARGIN),
            min(image.height, bottom + _MARGIN),
        )
    )


FIVE_SEEDS, TEN_SEEDS = partial(record, "digits", tuple(range(5))), partial(record, "digits")
_CLAIMS = "#claims details:last-of-type thead, #claims details:last-of-type tbody:nth-of-type(-n+2)"
PICTURES = [
    Picture("docs/report.png", FIVE_SEEDS, "body", width=1100, height=1510),
    Picture("docs/pictures/answer.png", FIVE_SEEDS, ".headline, .certainty"),
    Picture(
        "docs/pictures/verdict.png", FIVE_SEEDS, ".verdicts colgroup, .verdicts thead, .verdicts tbody tr:last-child"
    ),
    Picture("docs/pictures/plot.png", FIVE_SEEDS, ".plots"),
    Picture("docs/pictures/claims.png", partial(record, "fashionmnist"), _CLAIMS, tables=()),  # the paper's own figures
    Picture(
        "docs/pictures/differences.png", TEN_SEEDS, "#table-digits-differences", ("digits-differences",), width=1160
    ),
]

if __name__ == "__main__":
    for picture in PICTURES:
        if picture.path in sys.argv[1:] or len(sys.argv) == 1:
            picture.take()
            print(picture.path)
