import gzip

import numpy as np
import pytest
import torch
import torchvision

from harness.data.formats import fashionmnist
from harness.errors import InputError
from tests.data.builders import compressed_idx, files_under, idx_contents, md5, sha256, write, write_files
from tests.data.formats.fashionmnist_files import (
    NAMES,
    TEST_IMAGES,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    read,
    write_tiny,
)
from tests.data.serving import serve


def test_nothing_is_found_in_an_empty_folder(tmp_path):
    assert fashionmnist.locate(tmp_path) is None
    (tmp_path / "fashionmnist").mkdir()
    assert fashionmnist.locate(tmp_path) is None


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("place", ["fashionmnist", "fashionmnist/FashionMNIST/raw", "FashionMNIST/raw"])
def test_the_files_are_found_in_their_folder_and_in_torchvisions(tmp_path, place, compressed):
    root = write_tiny(tmp_path, place=place, compressed=compressed)
    source = fashionmnist.locate(tmp_path)
    assert source.path == root
    assert source.layout == "idx files"
    assert [len(part) for part in source.read(None, None)] == [5, 3]


def test_the_datasets_folder_precedes_torchvisions(tmp_path):
    write_tiny(tmp_path, place="FashionMNIST/raw")
    root = write_tiny(tmp_path)
    assert fashionmnist.locate(tmp_path).path == root


def test_the_published_checksums_are_of_the_four_files():
    assert set(fashionmnist.SHA256) == set(NAMES)
    assert set(fashionmnist.COMPRESSED_MD5) == {f"{name}.gz" for name in NAMES}
    assert fashionmnist.COMPRESSED_MD5["train-images-idx3-ubyte.gz"] == "8d4fb7e6c68d591d4c3dfef9ec88bf0d"


@pytest.mark.parametrize("compressed", [True, False])
def test_pixels_and_labels_are_those_of_the_files(tmp_path, compressed):
    write_tiny(tmp_path, compressed=compressed)
    train, test = read(tmp_path)
    contents = idx_contents()
    assert train.pixels.shape == (5, 1, 28, 28)
    assert train.pixels.dtype == torch.uint8
    assert train.pixels.numpy().tobytes() == contents[TRAIN_IMAGES][16:]
    assert test.pixels.numpy().tobytes() == contents[TEST_IMAGES][16:]
    assert train.labels.tolist() == [0, 1, 9, 3, 4]
    assert test.labels.tolist() == [7, 2, 9]
    assert train.labels.dtype == torch.int64


def test_some_files_may_be_compressed_and_others_not(tmp_path):
    root = write_tiny(tmp_path)
    for name in (TRAIN_LABELS, TEST_IMAGES):
        write(root / name, gzip.decompress((root / f"{name}.gz").read_bytes()))
        (root / f"{name}.gz").unlink()
    assert read(tmp_path)[0].labels.tolist() == [0, 1, 9, 3, 4]


def test_torchvision_reads_equal_images(tmp_path):
    write_tiny(tmp_path, place="FashionMNIST/raw", compressed=False)
    train, test = read(tmp_path)
    for part, is_train in ((train, True), (test, False)):
        theirs = torchvision.datasets.FashionMNIST(tmp_path, train=is_train)
        assert torch.equal(part.pixels[:, 0], theirs.data)
        assert torch.equal(part.labels, theirs.targets)


def test_a_slice_is_spread_over_the_whole(tmp_path):
    write_tiny(tmp_path)
    whole, (train, test) = read(tmp_path), read(tmp_path, 2, 100)
    assert torch.equal(train.pixels, whole[0].pixels[[0, 2]])
    assert train.labels.tolist() == [0, 9]
    assert len(test) == 3


def test_read_pixels_are_writable(tmp_path):
    write_tiny(tmp_path)
    train, _ = read(tmp_path)
    train.pixels[0, 0, 0, 0] = 7
    assert train.pixels[0, 0, 0, 0] == 7


def test_the_count_is_of_the_present_files(tmp_path):
    write_tiny(tmp_path)
    assert fashionmnist.locate(tmp_path).count() == (5, 3)


@pytest.fixture
def published(monkeypatch):
    """The tiny files in the place of the published ones."""
    contents = idx_contents()
    monkeypatch.setattr(fashionmnist, "SHA256", {name: sha256(content) for name, content in contents.items()})
    compressed = compressed_idx(contents)
    monkeypatch.setattr(fashionmnist, "COMPRESSED_MD5", {name: md5(content) for name, content in compressed.items()})
    return compressed


def test_a_file_with_other_content_is_named(tmp_path):
    root = write_tiny(tmp_path)
    with pytest.raises(InputError, match=f"{root / TRAIN_IMAGES}.gz is not the published file"):
        fashionmnist.locate(tmp_path).verify()


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("compressed", [True, False])
def test_the_published_content_is_verified_compressed_or_not(tmp_path, compressed):
    write_tiny(tmp_path, compressed=compressed)
    assert fashionmnist.locate(tmp_path).verify() is True


@pytest.mark.usefixtures("published")
def test_recompressed_content_is_verified(tmp_path):
    contents = {f"{name}.gz": gzip.compress(content, 1, mtime=5) for name, content in idx_contents().items()}
    write_files(tmp_path / "fashionmnist", contents)
    assert fashionmnist.locate(tmp_path).verify() is True


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("name", NAMES)
def test_a_changed_byte_in_any_file_is_detected(tmp_path, name):
    content = idx_contents()[name]
    root = write_tiny(tmp_path, **{name: content[:-1] + bytes([content[-1] ^ 1])})
    with pytest.raises(InputError, match=f"{root / name}.gz is not the published file"):
        fashionmnist.locate(tmp_path).verify()


def test_the_download_gets_the_four_files(tmp_path, published, monkeypatch):
    with serve({f"/{name}": content for name, content in published.items()}) as (address, _):
        monkeypatch.setattr(fashionmnist, "MIRROR_URL", address)
        fashionmnist.download(tmp_path)
    assert files_under(tmp_path) == sorted(f"fashionmnist/{name}" for name in published)
    source = fashionmnist.locate(tmp_path)
    assert source.verify() is True
    assert np.array_equal(source.read(None, None)[1].labels, [7, 2, 9])
