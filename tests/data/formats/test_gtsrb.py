import shutil

import pytest
import torch

from harness.data.formats import gtsrb
from harness.data.images import fingerprint
from harness.errors import InputError
from tests.data.builders import (
    GTSRB_TEST_LABELS,
    GTSRB_TRAIN,
    encode,
    files_under,
    gtsrb_archives,
    gtsrb_test_pixels,
    gtsrb_train_pixels,
    linux,
    md5,
    unreadable,
    write,
    write_files,
    write_gtsrb_folders,
    write_gtsrb_kaggle,
)
from tests.data.formats.gtsrb_layouts import ARCHIVES, LABELS_ZIP, LAYOUTS, TEST_ZIP, TRAIN_ZIP, read
from tests.data.serving import serve


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["gtsrb", "GTSRB"])
def test_each_layout_is_found_in_the_datasets_folder(tmp_path, layout, name):
    LAYOUTS[layout](tmp_path / name)
    source = gtsrb.locate(tmp_path)
    assert source.layout == layout
    assert source.path == tmp_path / name
    assert source.count() == (len(GTSRB_TRAIN), len(GTSRB_TEST_LABELS))


def test_archives_unpacked_in_the_data_folder_itself_are_found(tmp_path):
    write_gtsrb_folders(tmp_path)
    source = gtsrb.locate(tmp_path)
    assert source.layout == "official folders"
    assert source.count() == (len(GTSRB_TRAIN), len(GTSRB_TEST_LABELS))


def test_nothing_is_found_in_an_empty_folder(tmp_path):
    assert gtsrb.locate(tmp_path) is None
    (tmp_path / "gtsrb").mkdir()
    assert gtsrb.locate(tmp_path) is None


def test_unpacked_archives_precede_packed_ones(tmp_path):
    LAYOUTS["official archives"](tmp_path / "gtsrb")
    LAYOUTS["official folders"](tmp_path / "gtsrb")
    assert gtsrb.locate(tmp_path).layout == "official folders"


@pytest.mark.parametrize("name", ["gtsrb", "GTSRB"])
def test_torchvisions_smaller_archive_is_refused(tmp_path, name):
    write(tmp_path / name / "GTSRB/Training/00000/00000_00000.ppm", encode(gtsrb_test_pixels(0), "PPM"))
    with pytest.raises(
        InputError, match="torchvision's GTSRB with 26,640 training images; the study has 39,209"
    ) as refusal:
        gtsrb.locate(tmp_path)
    assert TRAIN_ZIP in str(refusal.value)
    assert str(tmp_path / name) in str(refusal.value)
    assert len(str(refusal.value).splitlines()) <= 2


def test_torchvisions_training_set_beside_test_archives_is_refused(tmp_path):
    write(tmp_path / "gtsrb/GTSRB/Training/00000/00000_00000.ppm", encode(gtsrb_test_pixels(0), "PPM"))
    archives = gtsrb_archives()
    write_files(tmp_path / "gtsrb", {name: archives[name] for name in (TEST_ZIP, LABELS_ZIP)})
    with pytest.raises(InputError, match="26,640"):
        gtsrb.locate(tmp_path).count()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_studys_images_precede_torchvisions(tmp_path, layout):
    write(tmp_path / "gtsrb/GTSRB/Training/00000/00000_00000.ppm", encode(gtsrb_test_pixels(0), "PPM"))
    LAYOUTS[layout](tmp_path / "gtsrb")
    assert gtsrb.locate(tmp_path).layout == layout


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pixels_and_labels_are_those_of_the_files(tmp_path, layout):
    LAYOUTS[layout](tmp_path / "gtsrb")
    train, test = read(tmp_path)
    assert train.labels.tolist() == [label for label, *_ in GTSRB_TRAIN]
    assert test.labels.tolist() == list(GTSRB_TEST_LABELS)
    for pixels, shot in zip(train.pixels, GTSRB_TRAIN, strict=True):
        assert torch.equal(pixels, torch.from_numpy(gtsrb_train_pixels(*shot)).permute(2, 0, 1))
    for number, pixels in enumerate(test.pixels):
        assert torch.equal(pixels, torch.from_numpy(gtsrb_test_pixels(number)).permute(2, 0, 1))


def test_the_three_layouts_give_identical_images_labels_and_tracks(tmp_path):
    for layout, write_layout in LAYOUTS.items():
        write_layout(tmp_path / layout / "gtsrb")
    parts = [read(tmp_path / layout) for layout in LAYOUTS]
    assert len({fingerprint(*both) for both in parts}) == 1
    assert len({train.tracks for train, _ in parts}) == 1


def test_the_order_of_kaggles_rows_does_not_matter(tmp_path):
    kaggles_order = sorted(GTSRB_TRAIN, key=lambda shot: (shot[0] != 20, shot))  # its Train.csv begins with class 20
    assert kaggles_order != GTSRB_TRAIN
    write_gtsrb_kaggle(tmp_path / "kaggle/gtsrb", train=kaggles_order)
    write_gtsrb_folders(tmp_path / "official/gtsrb")
    kaggle, official = read(tmp_path / "kaggle"), read(tmp_path / "official")
    assert kaggle[0].labels.tolist() == official[0].labels.tolist()
    assert fingerprint(*kaggle) == fingerprint(*official)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_shot_of_a_sign_has_the_track_of_that_sign(tmp_path, layout):
    LAYOUTS[layout](tmp_path / "gtsrb")
    train, test = read(tmp_path)
    signs = [(label, track) for label, track, _ in GTSRB_TRAIN]
    assert len(set(train.tracks)) == len(set(signs))
    assert len(set(zip(train.tracks, signs, strict=True))) == len(set(signs))
    assert test.tracks is None


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_slice_is_spread_over_the_whole_and_keeps_its_tracks(tmp_path, layout):
    LAYOUTS[layout](tmp_path / "gtsrb")
    whole, (train, test) = read(tmp_path), read(tmp_path, 3, 2)
    assert train.labels.tolist() == [0, 1, 20]
    assert train.tracks == tuple(whole[0].tracks[position] for position in (0, 4, 8))
    assert len(test) == 2


def test_archives_are_read_without_unpacking(tmp_path):
    folder = LAYOUTS["official archives"](tmp_path / "gtsrb")
    read(tmp_path)
    assert files_under(folder) == sorted(gtsrb.MD5)


@pytest.mark.parametrize(
    "place", ["GT-final_test.csv", "GTSRB/GT-final_test.csv", "GTSRB/Final_Test/Images/GT-final_test.csv"]
)
def test_test_labels_may_be_beside_or_in_the_folders(tmp_path, place):
    folder = LAYOUTS["official folders"](tmp_path / "gtsrb")
    shutil.move(folder / "GT-final_test.csv", folder / place)
    assert read(tmp_path)[1].labels.tolist() == list(GTSRB_TEST_LABELS)


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("official folders", "GTSRB/Final_Training/Images/00001/00001_00001.ppm"),
        ("official folders", "GTSRB/Final_Test/Images/00002.ppm"),
        ("Kaggle", "Train/20/00020_00001_00000.png"),
        ("Kaggle", "Test/00000.png"),
    ],
)
@pytest.mark.parametrize("damage", ["missing", "truncated", "empty"])
def test_a_missing_or_damaged_image_is_named(tmp_path, layout, name, damage):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    content = (folder / name).read_bytes()
    if damage == "missing":
        (folder / name).unlink()
    else:
        write(folder / name, content[: len(content) // 2] if damage == "truncated" else b"")
    with pytest.raises(InputError, match=f"unreadable image {folder / name}"):
        read(tmp_path)


def test_damaged_images_of_both_splits_are_named_together(tmp_path):
    folder = LAYOUTS["Kaggle"](tmp_path / "gtsrb")
    for name in ("Train/20/00020_00001_00000.png", "Test/00000.png"):
        write(folder / name, "damaged")
    with pytest.raises(InputError, match=r"^2 faults:\n.*Train/20/00020_00001_00000\.png.*\n.*Test/00000\.png"):
        read(tmp_path)


def test_only_the_slice_is_decoded(tmp_path):
    folder = LAYOUTS["official folders"](tmp_path / "gtsrb")
    write(folder / "GTSRB/Final_Training/Images/00000/00000_00001.ppm", "no image")
    assert len(read(tmp_path, 3, 3)[0]) == 3
    with pytest.raises(InputError, match=r"00000_00001\.ppm"):
        read(tmp_path)


def test_training_images_without_class_folders_are_refused(tmp_path):
    folder = LAYOUTS["official folders"](tmp_path / "gtsrb")
    for label in ("00000", "00001", "00020"):
        shutil.rmtree(folder / "GTSRB/Final_Training/Images" / label)
    with pytest.raises(InputError, match="Final_Training/Images has no class folders"):
        gtsrb.locate(tmp_path).count()


@pytest.fixture
def published(monkeypatch):
    """The tiny archives in the place of the published ones."""
    monkeypatch.setattr(gtsrb, "MD5", {name: md5(content) for name, content in ARCHIVES.items()})
    return ARCHIVES


def test_the_published_archives_are_verified(tmp_path, published):
    write_files(tmp_path / "gtsrb", published)
    assert gtsrb.locate(tmp_path).verify() is True


@pytest.mark.parametrize("name", sorted(ARCHIVES))
def test_an_archive_that_is_not_the_published_one_is_named(tmp_path, published, name):
    path = write(write_files(tmp_path / "gtsrb", published) / name, published[name] + b"\0")
    with pytest.raises(InputError, match=f"{path} is not the published file"):
        gtsrb.locate(tmp_path).verify()


@pytest.mark.parametrize("name", sorted(ARCHIVES))
def test_without_one_of_the_archives_nothing_is_verified(tmp_path, published, name):
    write_files(tmp_path / "gtsrb", {other: content for other, content in published.items() if other != name})
    with pytest.raises(InputError, match=f"{tmp_path / 'gtsrb'} lacks {name}: put what is missing there"):
        gtsrb.locate(tmp_path).verify()


@linux
def test_an_archive_that_cannot_be_read_is_named(tmp_path, published):
    path = unreadable(write_files(tmp_path / "gtsrb", published) / TEST_ZIP)
    with pytest.raises(InputError, match=f"{path} cannot be read: Input/output error"):
        gtsrb.locate(tmp_path).verify()
    with pytest.raises(InputError, match=f"{path} is damaged"):
        read(tmp_path)


@pytest.mark.parametrize("layout", ["official folders", "Kaggle"])
def test_other_layouts_cannot_be_verified(tmp_path, layout):
    LAYOUTS[layout](tmp_path / "gtsrb")
    assert gtsrb.locate(tmp_path).verify() is False


def test_the_download_gets_the_three_archives(tmp_path, published, monkeypatch):
    with serve({f"/{name}": content for name, content in published.items()}) as (address, _):
        monkeypatch.setattr(gtsrb, "ARCHIVE_URL", address)
        gtsrb.download(tmp_path)
    assert files_under(tmp_path) == sorted(f"gtsrb/{name}" for name in published)
    assert gtsrb.locate(tmp_path).verify() is True
    assert len(read(tmp_path)[0]) == len(GTSRB_TRAIN)


def test_the_published_checksums_and_names_are_of_the_whole_dataset():
    assert gtsrb.MD5 == {
        "GTSRB_Final_Training_Images.zip": "f33fd80ac59bff73c82d25ab499e03a3",
        "GTSRB_Final_Test_Images.zip": "c7e4e6327067d32654124b0fe9e82185",
        "GTSRB_Final_Test_GT.zip": "fe31e9c9270bbcd7b84b7f21a9d9d9e5",
    }
    assert all(name in gtsrb.FILES for name in gtsrb.MD5)
