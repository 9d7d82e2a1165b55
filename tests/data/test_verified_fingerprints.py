import json
import shutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import registry
from harness.data.formats import fashionmnist, gtsrb
from harness.data.verified_fingerprints import _remembered, is_verified
from harness.errors import InputError
from harness.files import with_sha256
from tests.data.builders import (
    anything,
    compressed_idx,
    files_under,
    gtsrb_archives,
    idx_contents,
    linux,
    md5,
    sha256,
    write,
    write_class_folders,
    write_files,
    write_gtsrb_kaggle,
)

MEMORY = ".verified.json"
TRAIN_LABELS = "fashionmnist/train-labels-idx1-ubyte.gz"


@pytest.fixture
def published(monkeypatch):
    """The tiny files in the place of the published ones."""
    contents = idx_contents()
    monkeypatch.setattr(fashionmnist, "SHA256", {name: sha256(content) for name, content in contents.items()})
    return compressed_idx(contents)


class Visit:
    """A look at a dataset in a data folder, as a run of its own takes it."""

    def __init__(self, name, data_dir):
        registry.forget_loaded()
        self.dataset = registry.load(name, data_dir)
        self.data_dir, self.times_verified = data_dir, 0
        source = registry.locate(name, data_dir)
        self.source = replace(source, verify=lambda: self._count(source.verify))

    def _count(self, verify):
        self.times_verified += 1
        return verify()

    def verified(self, data_dir=None):
        """The verdict, and how often the files were compared for it."""
        return is_verified(self.dataset, self.source, data_dir or self.data_dir), self.times_verified


def visit(data_dir, name="fashionmnist"):
    return Visit(name, data_dir)


def test_files_are_verified_once_and_then_remembered(tmp_path, published):
    write_files(tmp_path / "fashionmnist", published)
    assert visit(tmp_path).verified() == (True, 1)
    assert visit(tmp_path).verified() == (True, 0)


def test_the_images_fingerprint_is_remembered(tmp_path, published):
    write_files(tmp_path / "fashionmnist", published)
    first = visit(tmp_path)
    first.verified()
    assert _remembered(tmp_path) == {first.dataset.fingerprint: "fashionmnist"}


def test_other_images_at_a_verified_path_are_refused(tmp_path, published):
    write_files(tmp_path / "fashionmnist", published)
    visit(tmp_path).verified()
    known = _remembered(tmp_path)
    write(tmp_path / TRAIN_LABELS, compressed_idx(idx_contents(train=(5, 5, 5, 5, 5)))["train-labels-idx1-ubyte.gz"])
    other = visit(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path / TRAIN_LABELS} is not the published file"):
        other.verified()
    assert other.times_verified == 1
    assert _remembered(tmp_path) == known


def test_several_datasets_are_remembered(tmp_path, published):
    write_files(tmp_path / "fashionmnist", published)
    for name in ("fashionmnist", "digits"):
        assert visit(tmp_path, name).verified() == (True, 1)
    for name in ("fashionmnist", "digits"):
        assert visit(tmp_path, name).verified() == (True, 0)


def test_unverifiable_images_are_not_remembered(tmp_path):
    name = f"folder:{write_class_folders(tmp_path / 'mine')}"
    for _ in range(2):
        assert visit(tmp_path, name).verified() == (False, 1)
    assert not (tmp_path / MEMORY).exists()


def test_verified_images_are_recognised_in_another_layout(tmp_path, monkeypatch):
    archives = gtsrb_archives()
    monkeypatch.setattr(gtsrb, "MD5", {name: md5(content) for name, content in archives.items()})
    write_files(tmp_path / "gtsrb", archives)
    assert visit(tmp_path, "gtsrb").verified() == (True, 1)
    shutil.rmtree(tmp_path / "gtsrb")
    write_gtsrb_kaggle(tmp_path / "gtsrb")
    kaggle = visit(tmp_path, "gtsrb")
    assert kaggle.source.layout == "Kaggle"
    assert kaggle.verified() == (True, 0)
    assert kaggle.source.verify() is False


# --- a memory that is damaged, or cannot be kept


def flip(path, position, bit):
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80garbage",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"schema_version": 1, "fingerprints": %(fingerprints)s}',
        with_sha256({"schema_version": 1, "fingerprints": ["%(fingerprint)s"]}).encode(),
    ],
)
def test_an_invalid_memory_file_is_ignored_and_replaced(tmp_path, published, content):
    write_files(tmp_path / "fashionmnist", published)
    fingerprint = visit(tmp_path).dataset.fingerprint.encode()
    known = b'{"%b": "fashionmnist"}' % fingerprint
    write(tmp_path / MEMORY, content.replace(b"%(fingerprints)s", known).replace(b"%(fingerprint)s", fingerprint))
    assert visit(tmp_path).verified() == (True, 1)
    assert visit(tmp_path).verified() == (True, 0)


@pytest.mark.parametrize("content", [{"schema_version": 2}, {}, {"fingerprints": []}, {"fingerprints": None}])
def test_a_memory_file_of_another_schema_is_ignored(tmp_path, published, content):
    write_files(tmp_path / "fashionmnist", published)
    fingerprints = {visit(tmp_path).dataset.fingerprint: "fashionmnist"}
    write(tmp_path / MEMORY, with_sha256({"fingerprints": fingerprints, **content}))
    assert visit(tmp_path).verified() == (True, 1)


def test_a_flipped_bit_does_not_verify_other_images(tmp_path):
    write_files(tmp_path / "fashionmnist", compressed_idx(idx_contents()))
    other = visit(tmp_path)
    fingerprint = other.dataset.fingerprint
    neighbour = chr(ord(fingerprint[0]) ^ 1) + fingerprint[1:]
    write(tmp_path / MEMORY, with_sha256({"schema_version": 1, "fingerprints": {neighbour: "fashionmnist"}}))
    assert _remembered(tmp_path) == {neighbour: "fashionmnist"}
    flip(tmp_path / MEMORY, (tmp_path / MEMORY).read_text().index(neighbour), 0)
    assert fingerprint in (tmp_path / MEMORY).read_text()
    with pytest.raises(InputError, match="is not the published file"):
        other.verified()


def test_no_flipped_bit_in_the_memory_file_verifies_images(tmp_path):
    known = {"0123456789abcdef" * 4: "fashionmnist"}
    path = write(tmp_path / MEMORY, with_sha256({"schema_version": 1, "fingerprints": known}))
    whole = path.read_bytes()
    for position in range(len(whole)):
        flip(path, position, position % 8)
        assert _remembered(tmp_path) in ({}, known)
        path.write_bytes(whole)


def test_a_truncated_memory_file_is_ignored(tmp_path, published):
    write_files(tmp_path / "fashionmnist", published)
    visit(tmp_path).verified()
    whole = (tmp_path / MEMORY).read_bytes()
    write(tmp_path / MEMORY, whole[: len(whole) // 2])
    assert visit(tmp_path).verified() == (True, 1)


def test_a_folder_instead_of_the_memory_file_is_no_error(tmp_path, published):
    write_files(tmp_path / "fashionmnist", published)
    (tmp_path / MEMORY).mkdir()
    for _ in range(2):
        assert visit(tmp_path).verified() == (True, 1)
    assert files_under(tmp_path / "fashionmnist") == sorted(published)


@pytest.mark.parametrize(
    "folder",
    [
        "absent",
        "a file",
        pytest.param("/sys", marks=linux),
    ],
)
def test_a_read_only_data_folder_is_no_error(tmp_path, published, folder):
    write_files(tmp_path / "fashionmnist", published)
    write(tmp_path / "a file", "")
    for _ in range(2):
        assert visit(tmp_path).verified(tmp_path / folder) == (True, 1)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=8,
)
memories = st.fixed_dictionaries({}, optional={"schema_version": st.just(1) | json_values, "fingerprints": json_values})


def sealed_or_not(content):
    try:
        return with_sha256(content).encode()
    except ValueError:  # not a number
        return json.dumps(content).encode()


@anything
@given(st.binary() | memories.map(sealed_or_not) | json_values.map(json.dumps).map(str.encode))
def test_any_bytes_in_the_memory_file_are_never_an_error(tmp_path, content):
    write(tmp_path / MEMORY, content)
    assert isinstance(_remembered(tmp_path), dict)
