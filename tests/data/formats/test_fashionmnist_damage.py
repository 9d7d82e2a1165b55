import gzip

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.data.formats import fashionmnist
from harness.errors import InputError
from tests.data.builders import (
    IDX_IMAGES,
    IDX_LABELS,
    anything,
    idx,
    idx_images,
    idx_labels,
    linux,
    peak_bytes,
    unreadable,
    write,
)
from tests.data.formats.fashionmnist_files import (
    NAMES,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    read,
    write_tiny,
)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(tmp_path, name):
    root = write_tiny(tmp_path)
    (root / f"{name}.gz").unlink()
    with pytest.raises(InputError, match=rf"{root} lacks {name}\.gz: put what is missing there"):
        read(tmp_path)


def test_of_three_missing_files_each_is_named_and_no_other(tmp_path):
    root = write_tiny(tmp_path)
    for name in (TRAIN_LABELS, TEST_IMAGES, TEST_LABELS):
        (root / f"{name}.gz").unlink()
    with pytest.raises(InputError, match=f"{TRAIN_LABELS}.gz, {TEST_IMAGES}.gz and {TEST_LABELS}.gz") as refusal:
        fashionmnist.locate(tmp_path).count()
    assert TRAIN_IMAGES not in str(refusal.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kept", [0, 5, 15, -1, -9])
def test_a_truncated_compressed_file_is_named(tmp_path, name, kept):
    root = write_tiny(tmp_path)
    path = root / f"{name}.gz"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=f"{path} is damaged"):
        read(tmp_path)


def test_a_compressed_file_with_one_wrong_byte_is_named(tmp_path):
    root = write_tiny(tmp_path)
    path = root / f"{TRAIN_IMAGES}.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path} is damaged"):
        read(tmp_path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kept", [0, 3, 4, 7, -1])
def test_a_truncated_plain_file_is_named(tmp_path, name, kept):
    root = write_tiny(tmp_path, compressed=False)
    path = root / name
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=f"{path} is damaged"):
        read(tmp_path)


def test_bytes_after_the_end_are_refused(tmp_path):
    root = write_tiny(tmp_path, compressed=False)
    path = root / TEST_LABELS
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError, match=f"{path} is damaged"):
        read(tmp_path)


@pytest.mark.parametrize("magic", [0, IDX_LABELS, 0x903, 0x804, 0x10803])
def test_a_wrong_magic_number_is_refused(tmp_path, magic):
    write_tiny(tmp_path, **{TRAIN_IMAGES: idx(magic, (5, 28, 28), bytes(5 * 28 * 28))})
    with pytest.raises(
        InputError, match=rf"{TRAIN_IMAGES}\.gz is damaged: it is not a complete idx file of 3 dimensions"
    ):
        read(tmp_path)


def test_different_numbers_of_images_and_labels_name_both_files(tmp_path):
    write_tiny(tmp_path, **{TEST_LABELS: idx_labels([1, 2])})
    with pytest.raises(InputError, match=rf"{TEST_IMAGES}\.gz has 3 images but .*{TEST_LABELS}\.gz 2 labels"):
        read(tmp_path)


def test_a_label_out_of_range_names_the_file_and_the_label(tmp_path):
    write_tiny(tmp_path, **{TRAIN_LABELS: idx_labels([0, 1, 10, 3, 4])})
    with pytest.raises(InputError, match=rf"{TRAIN_LABELS}\.gz: label 10 is out of range 0 to 9"):
        read(tmp_path)


def test_images_of_another_size_are_named(tmp_path):
    write_tiny(tmp_path, **{TRAIN_IMAGES: idx_images(5, size=8)})
    with pytest.raises(InputError, match=rf"{TRAIN_IMAGES}\.gz has images of 8×8; FashionMNIST's are 28×28"):
        read(tmp_path)


def test_files_without_images_are_refused(tmp_path):
    write_tiny(tmp_path, **{TEST_IMAGES: idx_images(0), TEST_LABELS: idx_labels([])})
    with pytest.raises(InputError, match=TEST_IMAGES):
        read(tmp_path)


def test_a_folder_instead_of_a_plain_file_is_skipped_or_named(tmp_path):
    root = write_tiny(tmp_path)  # as archives are unpacked that hold each file in a folder of its own name
    (root / TRAIN_LABELS).mkdir()
    try:
        train, _ = read(tmp_path)
    except InputError as refusal:
        assert f"{root / TRAIN_LABELS} " in str(refusal)
    else:
        assert train.labels.tolist() == [0, 1, 9, 3, 4]


def is_valid_or_an_input_error(data_dir, name):
    try:
        train, _ = read(data_dir)
    except InputError as refusal:
        assert name in str(refusal)
    else:
        assert len(train.pixels) == len(train.labels) > 0
        assert train.pixels.shape[1:] == (1, 28, 28)
        assert train.labels.max() < 10


sizes = st.integers(0, 6) | st.sampled_from([28, 2**31, 2**32 - 1])


headers = st.tuples(st.sampled_from([IDX_IMAGES, IDX_LABELS, 0]), st.lists(sizes, max_size=4).map(tuple))


@anything
@given(headers, st.binary(max_size=12))
@example((IDX_IMAGES, (0, 2**32 - 1, 2**32 - 1)), b"")
@example((IDX_IMAGES, (2**31, 2**31, 4)), b"")
def test_any_header_is_valid_or_an_input_error(tmp_path, header, values):
    for name in (TRAIN_IMAGES, TRAIN_LABELS):
        write_tiny(tmp_path, compressed=False, **{name: idx(*header, values)})
        is_valid_or_an_input_error(tmp_path, name)


@hypothesis_settings(anything, max_examples=60)
@given(st.binary(max_size=60))
def test_any_bytes_in_a_file_are_valid_or_an_input_error(tmp_path, content):
    root = write_tiny(tmp_path)
    write(root / f"{TRAIN_LABELS}.gz", content)
    is_valid_or_an_input_error(tmp_path, TRAIN_LABELS)


@hypothesis_settings(anything, max_examples=60)
@given(st.integers(0, 34), st.binary(min_size=1, max_size=3))
def test_a_damaged_compressed_file_is_valid_or_an_input_error(tmp_path, position, patch):
    root = write_tiny(tmp_path)
    content = bytearray((root / f"{TRAIN_LABELS}.gz").read_bytes())
    content[position : position + len(patch)] = patch
    write(root / f"{TRAIN_LABELS}.gz", bytes(content))
    is_valid_or_an_input_error(tmp_path, TRAIN_LABELS)


@pytest.mark.parametrize("compressed", [True, False])
def test_a_decompression_bomb_is_refused_and_named(tmp_path, compressed):
    root = write_tiny(tmp_path, compressed=compressed)
    path = root / (f"{TRAIN_IMAGES}.gz" if compressed else TRAIN_IMAGES)
    with gzip.open(path, "wb", 1) if compressed else open(path, "wb") as file:
        for _ in range(200):
            file.write(bytes(2**20))

    def refused():
        with pytest.raises(InputError, match=f"^{path} .* 67,108,864"):
            read(tmp_path)

    assert peak_bytes(refused) < 160 * 2**20


@linux
@pytest.mark.parametrize("name", [TRAIN_IMAGES, f"{TRAIN_IMAGES}.gz"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    path = unreadable(write_tiny(tmp_path) / name)
    with pytest.raises(InputError, match=f"{path} .*Input/output error"):
        read(tmp_path)
