"""Class folders that cannot be taken whole: an error names every fault."""

import numpy as np
import pytest
from PIL.ImageFile import ImageFile

from harness.config.datasets import DatasetSpec
from harness.config.recipe import Resize
from harness.data import registry
from harness.data.decoding import check_file
from harness.data.formats import class_folders
from harness.errors import InputError
from tests.data.builders import encode, noise, write, write_class_folders


def spec_of(*names, size=None):
    return DatasetSpec("folder:x", 3, size, names, 0, 0)


def error_of(function, *arguments):
    with pytest.raises(InputError) as refusal:
        function(*arguments)
    return str(refusal.value)


@pytest.mark.parametrize("splits", [["train"], ["test"], ["train", "test"]])
def test_a_class_folder_that_is_a_link_to_nothing_is_named(tmp_path, splits):
    write_class_folders(tmp_path, ["cat", "dog", "emu"])
    for split in splits:
        (tmp_path / split / "emu").rename(tmp_path / f"{split} emu")
        (tmp_path / split / "emu").symlink_to("/not/mounted/emu")
    message = error_of(registry.get_spec, f"folder:{tmp_path}")
    for split in splits:
        assert f"link {tmp_path}/{split}/emu leads to /not/mounted/emu, which does not exist" in message
    assert len(message.splitlines()) == (1 if len(splits) == 1 else 3)


@pytest.mark.parametrize("place", ["", "train", "test"])
def test_a_split_that_is_a_link_to_nothing_is_named(tmp_path, place):
    write_class_folders(tmp_path / "photos")
    link = tmp_path / "photos" / place
    link.rename(tmp_path / "elsewhere")
    link.symlink_to("/not/mounted")
    expected = f"link {link} leads to /not/mounted, which does not exist: is its disk mounted? Restore it, or remove"
    assert error_of(registry.get_spec, f"folder:{tmp_path / 'photos'}").startswith(expected)
    assert error_of(class_folders.has_class_folders, tmp_path / "photos").startswith(expected)


def test_a_class_folder_and_a_split_may_be_links(tmp_path):
    write_class_folders(tmp_path / "disk")
    write(tmp_path / "disk/more/2.png", encode(noise(8)))
    (tmp_path / "photos").mkdir()
    for split in ("train", "test"):
        (tmp_path / "photos" / split).symlink_to(tmp_path / "disk" / split)
    (tmp_path / "disk/train/cat/more").symlink_to(tmp_path / "disk/more")
    assert registry.get_spec(f"folder:{tmp_path / 'photos'}").train_images == 5


def test_faults_of_both_splits_and_all_classes_are_named_together(tmp_path):
    write_class_folders(tmp_path)
    (tmp_path / "train/cat/x.png").symlink_to("/not/mounted/x.png")
    write(tmp_path / "train/dog/deep/clip.mp4", "")
    (tmp_path / "test/cat/0.png").unlink()
    message = error_of(registry.get_spec, f"folder:{tmp_path}")
    first, *others = message.splitlines()
    assert first == "3 faults:"
    for line, name in zip(others, ["train/cat/x.png", "test/cat is empty", "train/dog/deep/clip.mp4"], strict=True):
        assert name in line


def test_damaged_images_of_both_splits_are_named_together(tmp_path):
    write_class_folders(tmp_path, size=8)
    damaged = ["train/cat/0.png", "train/dog/1.png", "test/dog/0.png"]
    for name, content in zip(damaged, [b"", b"no image", encode(noise(8))[:60]], strict=True):
        write(tmp_path / name, content)
    write(tmp_path / "test/cat/0.png", encode(noise(9)))
    source = class_folders.locate(tmp_path, spec_of("cat", "dog", size=8))
    message = error_of(source.read, None, None)
    assert message.startswith("4 faults:\n")
    for name in [*damaged, "test/cat/0.png is 9×9 pixels; this dataset's images are 8×8"]:
        assert f"{tmp_path}/{name}" in message


def test_a_class_of_links_to_nothing_is_not_said_to_be_empty(tmp_path):
    write_class_folders(tmp_path)
    (tmp_path / "test/dog/0.png").unlink()
    (tmp_path / "test/dog/0.png").symlink_to("/not/mounted")
    message = error_of(registry.get_spec, f"folder:{tmp_path}")
    assert message.startswith(f"link {tmp_path}/test/dog/0.png leads to /not/mounted")
    assert "empty" not in message


@pytest.mark.parametrize("place", ["cat/dog", "cat/deep/dog"])
def test_a_sub_folder_with_the_name_of_another_class_is_refused(tmp_path, place):
    write_class_folders(tmp_path)
    write(tmp_path / "train" / place / "2.png", encode(noise(8)))
    expected = f"{tmp_path}/train/{place} has the name of another class: move it into {tmp_path}/train, or rename it"
    assert error_of(registry.get_spec, f"folder:{tmp_path}") == expected


def test_a_sub_folder_with_the_name_of_its_own_class_is_taken(tmp_path):
    write_class_folders(tmp_path)
    write(tmp_path / "train/cat/cat/2.png", encode(noise(8)))  # an archive unpacked into a folder of its name
    assert registry.get_spec(f"folder:{tmp_path}").train_images == 5


def test_a_file_instead_of_the_folder_is_named(tmp_path):
    path = write(tmp_path / "photos.zip", "")
    assert error_of(class_folders.class_names, path).startswith(f"{path} is not a folder: give folder:PATH")


def test_non_images_of_both_splits_are_named_together_with_their_number(tmp_path):
    write_class_folders(tmp_path)
    for name in ("train/cat/b.heic", "train/dog/deep/c.mp4", "test/dog/a.pdf", "test/dog/d.zip"):
        write(tmp_path / name, "")
    assert error_of(registry.get_spec, f"folder:{tmp_path}") == (
        f"{tmp_path}: 4 files are no images that are read (test/dog/a.pdf, test/dog/d.zip, train/cat/b.heic and "
        "1 more file): convert them to PNG or JPEG, or remove them"
    )


def test_a_class_of_non_images_is_not_said_to_be_empty(tmp_path):
    write_class_folders(tmp_path)
    (tmp_path / "test/dog/0.png").rename(tmp_path / "test/dog/0.heic")
    expected = f"{tmp_path}/test/dog/0.heic: .heic files are not read; convert it to PNG or JPEG, or remove it"
    assert error_of(registry.get_spec, f"folder:{tmp_path}") == expected


def test_files_beside_the_class_folders_are_named_together(tmp_path):
    write_class_folders(tmp_path)
    for number in range(5):
        write(tmp_path / f"test/{number}.jpg", "")
    assert error_of(registry.get_spec, f"folder:{tmp_path}") == (
        f"{tmp_path}/test: 5 files are in no class folder (0.jpg, 1.jpg, 2.jpg and 2 more files): move them into "
        f"{tmp_path}/test/<class>, or remove them"
    )


# --- check


def test_check_names_damaged_images_together(tmp_path):
    write_class_folders(tmp_path, size=8)
    source = class_folders.locate(tmp_path, spec_of("cat", "dog", size=8))
    assert source.check() is None
    write(tmp_path / "train/cat/1.png", "")
    write(tmp_path / "train/dog/0.png", encode(noise(9)))
    write(tmp_path / "test/dog/0.png", encode(np.array([[256, 65535]], np.uint16)))
    message = error_of(source.check)
    assert message.startswith("3 faults:\n")
    for fault in ("train/cat/1.png: it is no PNG", "train/dog/0.png is 9×9 pixels", "0.png has more than 8 bits"):
        assert fault in message


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "PPM", "BMP", "WEBP", "TIFF"])
def test_check_names_an_image_that_was_cut_short(tmp_path, format):
    content = encode(noise(40), format)
    path = write(write_class_folders(tmp_path) / f"train/cat/0.{format}".lower(), content)
    source = class_folders.locate(tmp_path, spec_of("cat", "dog"))
    assert source.check() is None
    write(path, content + b"more data")
    assert source.check() is None
    write(path, content[: len(content) // 2])
    assert error_of(source.check).startswith(f"unreadable image {path}: ")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF"])
def test_check_decodes_no_image_that_is_whole(tmp_path, monkeypatch, format):
    monkeypatch.setattr(ImageFile, "load", None)
    path = write(tmp_path / "0", encode(noise(40), format))
    assert check_file(path, 40) is None


def test_check_takes_every_size_if_images_are_resized(tmp_path):
    write_class_folders(tmp_path, size=9)
    assert class_folders.locate(tmp_path, spec_of("cat", "dog"), resize_to=Resize(16)).check() is None
