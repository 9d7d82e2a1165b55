import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.data.formats import gtsrb
from harness.errors import InputError
from tests.data.builders import (
    GTSRB_TEST_LABELS,
    GTSRB_TRAIN,
    anything,
    gtsrb_archives,
    official_csv,
    peak_bytes,
    unzipped,
    write,
    write_files,
    zipped,
)
from tests.data.formats.gtsrb_layouts import ARCHIVES, LABELS_ZIP, LAYOUTS, OFFICIAL_CSV, TEST_ZIP, TRAIN_ZIP, read


def write_archives(folder, **changes):
    """Write the archives with some members changed, or left out for None."""
    for archive, content in gtsrb_archives().items():
        files = {name: changes.get(name, inner) for name, inner in unzipped(content).items()}
        write(folder / archive, zipped({name: inner for name, inner in files.items() if inner is not None}))
    return folder


@pytest.mark.parametrize("present", [TRAIN_ZIP, TEST_ZIP, LABELS_ZIP])
def test_exactly_the_missing_archives_are_named(tmp_path, present):
    folder = write_files(tmp_path / "gtsrb", {present: gtsrb_archives()[present]})
    missing = tuple(name for name in gtsrb.MD5 if name != present)
    source = gtsrb.locate(tmp_path)
    assert source.missing == missing
    with pytest.raises(InputError, match=f"{folder} lacks {missing[0]} and {missing[1]}: put what is missing there"):
        source.read(None, None)


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
DECLARED_SIZE_IN_ZIP = 24  # its offset in an entry of the archive's directory


def write_bomb(folder, member, megabytes, method=zipfile.ZIP_DEFLATED):
    """Write the archives; one member is replaced by megabytes of zeros."""
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
