import os

import pytest
from PIL import Image

from harness.data import headers, registry
from harness.data.headers import ImageShape, shape_in_headers
from tests.data.builders import write_class_folders


def saved(folder, *images):
    """Save images, each given as mode and size; return their paths."""
    paths = []
    for number, (mode, size) in enumerate(images):
        paths.append(folder / f"{number}.{'tif' if mode.startswith('I') else 'png'}")
        Image.new(mode, size).save(paths[-1])
    return paths


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        ([("L", (8, 8)), ("LA", (8, 8)), ("1", (8, 8)), ("I;16", (8, 8))], ImageShape(1, 8)),
        ([("L", (8, 8)), ("RGB", (8, 8))], ImageShape(3, 8)),
        ([("L", (8, 8)), ("P", (8, 8))], ImageShape(3, 8)),
        ([("L", (8, 8)), ("L", (9, 9))], ImageShape(1, None)),
        ([("L", (8, 9)), ("L", (8, 9))], ImageShape(1, None)),
        ([("RGB", (8, 9)), ("L", (8, 8))], ImageShape(3, None)),
        ([], ImageShape(3, None)),
    ],
)
def test_shape_is_what_all_images_have_in_common(images, shape, tmp_path):
    assert shape_in_headers(saved(tmp_path, *images)) == shape


def test_an_unreadable_file_is_left_to_the_decoder(tmp_path):
    paths = saved(tmp_path, ("L", (8, 8)))
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert shape_in_headers([tmp_path / "broken.png", tmp_path / "absent.png", *paths]) == ImageShape(1, 8)


def test_headers_are_read_again_once_a_file_changes(tmp_path, monkeypatch):
    paths = saved(tmp_path, ("L", (8, 8)))
    assert shape_in_headers(paths) == shape_in_headers(paths) == ImageShape(1, 8)
    assert headers._shape.cache_info().hits >= 1
    Image.new("RGB", (9, 9)).save(paths[0])
    os.utime(paths[0], ns=(1, 1))
    assert shape_in_headers(paths) == ImageShape(3, 9)


def test_reading_ends_once_the_shape_is_known(tmp_path, monkeypatch):
    paths = saved(tmp_path, ("RGB", (8, 8)), ("RGB", (9, 9)), ("RGB", (9, 9)))
    opened, open_image = [], Image.open
    monkeypatch.setattr(Image, "open", lambda file, **options: opened.append(file) or open_image(file, **options))
    assert shape_in_headers(paths) == ImageShape(3, None)
    assert len(opened) == 2


def test_folders_of_grey_images_have_one_channel(tmp_path):
    grey = write_class_folders(tmp_path / "grey", size=8, channels=1)
    dataset = registry.load(f"folder:{grey}", tmp_path)
    assert (dataset.spec.channels, dataset.spec.image_size) == (1, 8)
    assert dataset.train.pixels.shape == (4, 1, 8, 8)
    Image.new("RGB", (8, 8)).save(grey / "test/cat/colour.png")
    assert registry.get_spec(f"folder:{grey}").channels == 3
