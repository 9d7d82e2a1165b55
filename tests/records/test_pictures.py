import pytest
from PIL import Image

from tests.records.pictures import PICTURES
from tests.records.quote import ROOT

LARGEST = 150_000  # bytes
AGAIN = "take it again with `python -m tests.records.pictures PATH`"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.path)
def test_picture_shows_its_record(picture):
    with Image.open(ROOT / picture.path) as image:
        assert image.info["shown"] == picture.shown, f"{picture.path} shows other tables: {AGAIN}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/pictures/*.png")), ids=lambda path: path.name)
def test_picture_is_small(path):
    assert path.stat().st_size < LARGEST
