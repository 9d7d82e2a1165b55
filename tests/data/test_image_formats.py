"""The formats of image files that are read, and that no other decoder of Pillow is ever started."""

import io
import os
import subprocess

import numpy as np
import pytest
from PIL import Image

from harness.__main__ import main
from harness.data import registry
from harness.data.decoding import check_file
from harness.data.formats.folder_listing import list_images
from harness.data.headers import ImageShape, shape_in_bytes, shape_in_headers
from harness.data.image_formats import FORMATS, FORMATS_SHOWN
from harness.errors import InputError
from tests.data.builders import encode, noise, write, write_class_folders, write_table
from tests.data.formats.hugging_face_files import save, table
from tests.data.image_files import decode_one, saved

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n0 0 8 8 rectfill\n%%EOF\n"


@pytest.fixture
def started(tmp_path, monkeypatch):
    """The file that a `gs` first in PATH writes when it is started."""
    marker, program = tmp_path / "ghostscript-ran", write(tmp_path / "bin/gs", "")
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    subprocess.run(["gs"], check=True)
    assert marker.exists()
    marker.unlink()
    return marker


def refused(call, *arguments):
    with pytest.raises(InputError) as error:
        call(*arguments)
    return str(error.value)


def test_an_image_file_never_starts_ghostscript(tmp_path, started, capsys):
    root = write_class_folders(tmp_path / "photos")
    path = write(root / "train/cat/0.png", POSTSCRIPT)
    expected = f"unreadable image {path}: it is an EPS file: convert it to {FORMATS_SHOWN}"
    assert refused(registry.load, f"folder:{root}", tmp_path) == expected
    assert refused(check_file, path, None) == expected
    assert main(["data", f"folder:{root}"]) == 2
    assert expected in capsys.readouterr().out
    assert not started.exists()


def test_an_image_of_a_table_never_starts_ghostscript(tmp_path, started):
    csv = write_table(tmp_path / "table")
    write(tmp_path / "table/5.png", POSTSCRIPT)
    assert "5.png: it is an EPS file" in refused(registry.load, f"csv:{csv}", tmp_path)
    assert not started.exists()


def test_bytes_in_memory_never_start_ghostscript(started):
    assert "it is an EPS file" in refused(decode_one, POSTSCRIPT)
    assert shape_in_bytes([POSTSCRIPT]) == ImageShape(3, None)
    assert not started.exists()


OTHERS = {
    "ICO": "an ICO",
    "JPEG2000": "a JPEG 2000",
    "DDS": "a DDS",
    "EPS": "an EPS",
    "PDF": "a PDF",
    "ICNS": "an ICNS",
}


@pytest.mark.parametrize("format", [*OTHERS, "TGA", "PCX", "SGI"])
def test_a_file_of_another_format_is_named_by_its_first_bytes(format):
    what = f"{OTHERS[format]} file: convert it to" if format in OTHERS else "no"
    message = refused(decode_one, encode(noise(32), format))
    assert message == f"unreadable image somewhere/x.png: it is {what} {FORMATS_SHOWN}"


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_that_is_read_is_decoded_and_listed(tmp_path, format):
    image = Image.fromarray(np.full((8, 8, 3), 200, np.uint8))
    options = {"lossless": True} if format == "WEBP" else {}
    content = saved(image, format, **options)
    assert abs(decode_one(content).float() - 200).max() <= 2
    path = write(tmp_path / f"0.{format.lower()}", content)
    assert list_images(tmp_path) == [path]
    assert shape_in_headers([path]) == ImageShape(3, 8)
    check_file(path, 8)


def test_a_jpeg_of_several_pictures_is_read():
    content, image = io.BytesIO(), Image.fromarray(noise(8))
    image.save(content, "MPO", save_all=True, append_images=[image])
    assert decode_one(content.getvalue()).shape == (3, 8, 8)


@pytest.mark.parametrize("ending", [".eps", ".ps", ".ico", ".wmf", ".fits", ".h5", ".jp2"])
def test_files_of_other_formats_are_refused_by_their_ending(tmp_path, ending):
    path = write(tmp_path / f"0{ending}", POSTSCRIPT)
    assert refused(list_images, tmp_path).startswith(f"{path}: {ending} files are not read; convert it to PNG or JPEG")


def test_an_image_of_hugging_face_never_starts_ghostscript(tmp_path, started):
    datasets = pytest.importorskip("datasets")
    rows = table((0, 1, 0, 1)).cast_column("image", datasets.Image(decode=False))
    as_eps = rows.map(lambda row: {"image": {"bytes": POSTSCRIPT, "path": "0.png"}})
    save(tmp_path / "pets", train=as_eps.cast_column("image", datasets.Image()))
    assert "it is an EPS file" in refused(registry.load, f"hf:{tmp_path}/pets", tmp_path / "data")
    assert not started.exists()
