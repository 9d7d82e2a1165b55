import shutil
import struct
import zipfile

import pytest
import torch
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.data.formats import gtsrb
from harness.data.images import fingerprint
from harness.errors import InputError
from tests.data.builders import (
    GTSRB_TEST_LABELS,
    GTSRB_TRAIN,
    anything,
    encode,
    files_under,
    gtsrb_archives,
    gtsrb_test_pixels,
    gtsrb_train_pixels,
    linux,
    md5,
    official_csv,
    peak_bytes,
    serve,
    unreadable,
    unzipped,
    write,
    write_files,
    write_gtsrb_folders,
    write_gtsrb_kaggle,
    zipped,
)

TRAIN_ZIP, TEST_ZIP, LABELS_ZIP = gtsrb.TRAIN_ZIP, gtsrb.TEST_ZIP, gtsrb.LABELS_ZIP
LAYOUTS = {
    "official folders": lambda folder: write_gtsrb_folders(folder),
    "official archives": lambda folder: write_files(folder, gtsrb_archives()),
    "Kaggle": lambda folder: write_gtsrb_kaggle(folder),
}


def write_archives(folder, **changes):
    """The archives in ``folder``, with files changed or, where None, left out of the archive that holds them."""
    for archive, content in gtsrb_archives().items():
        files = {name: changes.get(name, inner) for name, inner in unzipped(content).items()}
        write(folder / archive, zipped({name: inner for name, inner in files.items() if inner is not None}))
    return folder


def read(data_dir, train=None, test=None):
    return gtsrb.locate(data_dir).read(train, test)


# --- where it lies


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


# --- reading


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


# --- read_rows

COLUMNS = ("Filename", "ClassId")


def rows_of(text, delimiter=";"):
    return [tuple(row[c] for c in COLUMNS) for row in gtsrb.read_rows(text, "GT.csv", COLUMNS, delimiter)]


def test_rows_are_read_in_any_order_of_columns_and_line_ends():
    assert rows_of("ClassId;Width;Filename\r\n7;9;a.ppm\r\n42;9;b.ppm\r\n") == [("a.ppm", "7"), ("b.ppm", "42")]
    assert rows_of("Filename,ClassId\na.png,0", ",") == [("a.png", "0")]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named_with_the_file(column):
    with pytest.raises(InputError, match=rf"GT\.csv lacks column '{column}'"):
        rows_of("Filename;Width;ClassId\nx;1;1\n".replace(column, "Other"))


def test_a_wrong_separator_is_an_error_with_the_right_one():
    with pytest.raises(
        InputError, match=r"GT\.csv lacks column 'Filename': it needs Filename, ClassId, separated by ';'"
    ):
        rows_of("Filename,ClassId\nx,1\n")


@pytest.mark.parametrize("label", ["43", "-1", "", "1.0", "x", "²", "٣", " ", "9" * 5000])
def test_a_label_out_of_range_names_the_file_and_the_line(label):
    with pytest.raises(InputError, match=r"GT\.csv, line 3: label .* is out of range 0 to 42"):
        rows_of(f"Filename;ClassId\na;0\nb;{label}\n")


def test_a_short_row_names_the_file_and_the_line():
    with pytest.raises(InputError, match=r"GT\.csv, line 4: the row is too short"):
        rows_of("Filename;Width;ClassId\na;1;1\nb;1;1\nc;1\n")


@pytest.mark.parametrize("text", ["", "\n", "Filename;ClassId", "Filename;ClassId\r\n\r\n"])
def test_a_file_without_rows_is_refused(text):
    with pytest.raises(InputError, match=r"GT\.csv"):
        rows_of(text)


@anything
@given(st.text(st.sampled_from('ab01;,"\r\n\0 ²') | st.characters(), max_size=60), st.booleans())
@example("Filename;ClassId\rx;1\r", False)
@example('"' + "a" * 140_000, False)
@example('"' + "a" * 140_000, True)
def test_any_text_is_rows_with_labels_or_an_input_error(text, with_header):
    try:
        rows = rows_of(f"Filename;ClassId\n{text}" if with_header else text)
    except InputError as refusal:
        assert str(refusal).startswith("GT.csv")
    else:
        assert all(0 <= int(label) <= 42 for _, label in rows)


# --- what can be wrong with the folders and with Kaggle's copy

OFFICIAL_CSV = "GTSRB/Final_Training/Images/00001/GT-00001.csv"


for_every_label_file = pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("official folders", OFFICIAL_CSV),
        ("official folders", "GT-final_test.csv"),
        ("Kaggle", "Train.csv"),
        ("Kaggle", "Test.csv"),
    ],
)


def append_row(path, label, image):
    """Add a row; gives its line."""
    row = (
        f"9,9,1,1,8,8,{label},{image}\n"
        if path.parent.joinpath("Train.csv").exists()
        else f"{image};9;9;1;1;8;8;{label}\n"
    )
    with path.open("a") as file:
        file.write(row)
    return len(path.read_text().splitlines())


@for_every_label_file
def test_a_missing_label_file_is_named(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{folder / name} is missing"):
        gtsrb.locate(tmp_path).count()


@for_every_label_file
def test_a_label_out_of_range_in_a_file_names_it_and_the_line(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    line = append_row(folder / name, 43, "x.png")
    with pytest.raises(InputError, match=f"{folder / name}, line {line}: label '43' is out of range"):
        gtsrb.locate(tmp_path).count()


@for_every_label_file
def test_a_short_row_in_a_file_names_it_and_the_line(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    with (folder / name).open("a") as file:
        file.write("short\n")
    line = len((folder / name).read_text().splitlines())
    with pytest.raises(InputError, match=f"{folder / name}, line {line}: the row is too short"):
        gtsrb.locate(tmp_path).count()


@for_every_label_file
def test_a_missing_column_in_a_file_names_it(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    write(folder / name, (folder / name).read_text().replace("ClassId", "Class"))
    with pytest.raises(InputError, match=f"{folder / name} lacks column 'ClassId'"):
        gtsrb.locate(tmp_path).count()


@for_every_label_file
def test_a_label_file_that_is_not_text_is_named(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    write(folder / name, b"\xff\xfe\x00Filename")
    with pytest.raises(InputError, match=f"{folder / name} cannot be read"):
        gtsrb.locate(tmp_path).count()


@for_every_label_file
def test_a_label_file_may_begin_with_a_byte_order_mark(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    write(folder / name, b"\xef\xbb\xbf" + (folder / name).read_bytes())
    assert gtsrb.locate(tmp_path).count() == (len(GTSRB_TRAIN), len(GTSRB_TEST_LABELS))


@for_every_label_file
@pytest.mark.parametrize("escape", ["../../secret.png", "/secret.png", "sub/../../secret.png"])
def test_a_path_out_of_the_folder_is_refused(tmp_path, layout, name, escape):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    append_row(folder / name, 1, escape)
    with pytest.raises(InputError, match=f"{folder / name} names '{escape}', which is outside of"):
        gtsrb.locate(tmp_path).count()


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


# --- what can be wrong with the archives


@pytest.mark.parametrize("name", [TRAIN_ZIP, TEST_ZIP, LABELS_ZIP])
def test_a_missing_archive_is_named_with_the_three_that_are_needed(tmp_path, name):
    folder = LAYOUTS["official archives"](tmp_path / "gtsrb")
    (folder / name).unlink()
    source = gtsrb.locate(tmp_path)
    with pytest.raises(InputError, match=f"{folder / name} is missing: gtsrb needs all three") as refusal:
        source.read(None, None)
    assert all(archive in str(refusal.value) for archive in gtsrb.MD5)


@pytest.mark.parametrize("name", [TRAIN_ZIP, TEST_ZIP, LABELS_ZIP])
@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_truncated_archive_is_named(tmp_path, name, content):
    folder = LAYOUTS["official archives"](tmp_path / "gtsrb")
    write(folder / name, (folder / name).read_bytes()[:-30] if content is None else content)
    with pytest.raises(InputError, match=f"{folder / name} is damaged"):
        read(tmp_path)


@pytest.mark.parametrize(
    "member", ["GTSRB/Final_Training/Images/00001/00001_00001.ppm", "GTSRB/Final_Test/Images/00002.ppm"]
)
@pytest.mark.parametrize("content", [None, b"", b"no image"])
def test_a_missing_or_damaged_image_names_the_archive_and_the_member(tmp_path, member, content):
    folder = write_archives(tmp_path / "gtsrb", **{member: content})
    archive = TRAIN_ZIP if "Training" in member else TEST_ZIP
    with pytest.raises(InputError, match=f"unreadable image {folder / archive}:{member}"):
        read(tmp_path)


@pytest.mark.parametrize("member", [OFFICIAL_CSV, "GT-final_test.csv"])
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (official_csv([("00000.ppm", 1), ("00001.ppm", 43)]), "line 3: label '43' is out of range"),
        (official_csv([("00000.ppm", 1)]) + "short\r\n", "line 3: the row is too short"),
        (official_csv([("00000.ppm", 1)]).replace("ClassId", "Class"), "lacks column 'ClassId'"),
        (b"\xff\xfe\x00Filename", "cannot be read"),
    ],
)
def test_a_label_error_names_the_archive_and_the_member(tmp_path, member, content, complaint):
    folder = write_archives(tmp_path / "gtsrb", **{member: content})
    archive = LABELS_ZIP if member == "GT-final_test.csv" else TRAIN_ZIP
    with pytest.raises(InputError, match=complaint) as refusal:
        gtsrb.locate(tmp_path).count()
    assert f"{folder / archive}:{member}" in str(refusal.value)


@pytest.mark.parametrize("member", [OFFICIAL_CSV, "GT-final_test.csv"])
def test_labels_in_an_archive_may_begin_with_a_byte_order_mark(tmp_path, member):
    archive = LABELS_ZIP if member == "GT-final_test.csv" else TRAIN_ZIP
    content = unzipped(gtsrb_archives()[archive])[member]
    write_archives(tmp_path / "gtsrb", **{member: b"\xef\xbb\xbf" + content})
    assert gtsrb.locate(tmp_path).count() == (len(GTSRB_TRAIN), len(GTSRB_TEST_LABELS))


def test_a_training_archive_without_labels_is_named(tmp_path):
    folder = LAYOUTS["official archives"](tmp_path / "gtsrb")
    write(folder / TRAIN_ZIP, zipped({"GTSRB/Readme-Images.txt": "hello"}))
    with pytest.raises(InputError, match=rf"{folder / TRAIN_ZIP} has no GT-\*\.csv inside"):
        gtsrb.locate(tmp_path).count()


def test_a_label_archive_without_labels_is_named(tmp_path):
    folder = write_archives(tmp_path / "gtsrb", **{"GT-final_test.csv": None})
    with pytest.raises(InputError, match=rf"{folder / LABELS_ZIP}:GT-final_test\.csv is missing"):
        gtsrb.locate(tmp_path).count()


TRAIN_IMAGE = "GTSRB/Final_Training/Images/00001/00001_00001.ppm"
DECLARED_SIZE_IN_ZIP = 24  # where it stands in an entry of the archive's directory


def write_bomb(folder, member, megabytes, method=zipfile.ZIP_DEFLATED):
    """The archives with as many megabytes of zeros in the place of a member of the first."""
    files = unzipped(gtsrb_archives()[TRAIN_ZIP]) | {member: bytes(megabytes * 2**20)}
    path = write_archives(folder) / TRAIN_ZIP
    with zipfile.ZipFile(path, "w", method, compresslevel=1) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def declare(path, member, size):
    """Have the archive's directory say that the member unpacks to that many bytes."""
    content = bytearray(path.read_bytes())
    entry = content.rindex(member.encode()) - zipfile.sizeCentralDir
    assert content[entry : entry + 4] == zipfile.stringCentralDir
    struct.pack_into("<I", content, entry + DECLARED_SIZE_IN_ZIP, size)
    path.write_bytes(content)


def refused_without_filling_the_memory(data_dir, complaint):
    def refused():
        with pytest.raises(InputError, match=complaint):
            read(data_dir)

    assert peak_bytes(refused) < 50 * 2**20


@pytest.mark.parametrize("member", [TRAIN_IMAGE, OFFICIAL_CSV])
def test_a_member_declared_too_large_is_named_and_not_unpacked(tmp_path, member):
    path = write_bomb(tmp_path / "gtsrb", member, 100)
    refused_without_filling_the_memory(tmp_path, rf"{path}:{member}.* would unpack to 104,857,600 bytes")


def test_a_member_larger_than_declared_is_not_fully_unpacked(tmp_path):
    path = write_bomb(tmp_path / "gtsrb", TRAIN_IMAGE, 100)
    declare(path, TRAIN_IMAGE, 700)
    refused_without_filling_the_memory(tmp_path, f"unreadable image {path}:{TRAIN_IMAGE}")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_of_another_compression_is_not_unpacked(tmp_path, method):
    path = write_bomb(tmp_path / "gtsrb", TRAIN_IMAGE, 60, method)
    declare(path, TRAIN_IMAGE, 700)
    refused_without_filling_the_memory(tmp_path, f"{path}:.* another method than deflate")


ARCHIVES = gtsrb_archives()


@hypothesis_settings(anything, max_examples=250)
@given(
    st.sampled_from(sorted(ARCHIVES)),
    st.lists(st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=3)), min_size=1, max_size=2),
)
def test_a_damaged_archive_is_valid_or_an_input_error_that_names_it(tmp_path, name, patches):
    folder = tmp_path / "gtsrb"
    if not folder.exists():
        write_files(folder, ARCHIVES)
    content = bytearray(ARCHIVES[name])
    for position, patch in patches:
        start = position % len(content)
        content[start : start + len(patch)] = patch
    write(folder / name, bytes(content))
    try:
        train, test = read(tmp_path)
        assert len(train) == len(train.pixels) == len(train.tracks) > 0
        assert len(test) == len(test.pixels) > 0
    except InputError as refusal:
        assert name in str(refusal)
    finally:
        write(folder / name, ARCHIVES[name])


# --- verification and download


@pytest.fixture
def published(monkeypatch):
    """The tiny archives are what is published."""
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
    with pytest.raises(InputError, match=f"{tmp_path / 'gtsrb' / name} is not the published file"):
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
