import json
import os
import shutil
import stat
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import registry
from harness.data.formats import fashionmnist, gtsrb
from harness.data.verified_fingerprints import is_verified
from harness.data.verified_memory import VERIFIED
from harness.errors import InputError
from harness.files import with_sha256
from harness.user_memory import user_state_dir
from tests.data.builders import (
    anything,
    compressed_idx,
    files_under,
    gtsrb_archives,
    idx_contents,
    md5,
    sha256,
    write,
    write_class_folders,
    write_files,
    write_gtsrb_kaggle,
)
from tests.helpers.users import OTHER_USER

TRAIN_LABELS = "fashionmnist/train-labels-idx1-ubyte.gz"


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    """The file in which a user's runs remember what they verified."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state/wider-or-deeper/verified.json"


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
        self.times_verified = 0
        source = registry.locate(name, data_dir)
        self.source = replace(source, verify=lambda: self._count(source.verify))

    def _count(self, verify):
        self.times_verified += 1
        return verify()

    def verified(self):
        """The verdict, and how often the files were compared for it."""
        return is_verified(self.dataset, self.source), self.times_verified


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
    assert VERIFIED.remembered() == {first.dataset.fingerprint: "fashionmnist"}


def test_other_images_at_a_verified_path_are_refused(tmp_path, published):
    write_files(tmp_path / "fashionmnist", published)
    visit(tmp_path).verified()
    known = VERIFIED.remembered()
    write(tmp_path / TRAIN_LABELS, compressed_idx(idx_contents(train=(5, 5, 5, 5, 5)))["train-labels-idx1-ubyte.gz"])
    other = visit(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path / TRAIN_LABELS} is not the published file"):
        other.verified()
    assert other.times_verified == 1
    assert VERIFIED.remembered() == known


def test_several_datasets_are_remembered(tmp_path, published):
    write_files(tmp_path / "fashionmnist", published)
    for name in ("fashionmnist", "digits"):
        assert visit(tmp_path, name).verified() == (True, 1)
    for name in ("fashionmnist", "digits"):
        assert visit(tmp_path, name).verified() == (True, 0)


def test_unverifiable_images_are_not_remembered(tmp_path, memory):
    name = f"folder:{write_class_folders(tmp_path / 'mine')}"
    for _ in range(2):
        assert visit(tmp_path, name).verified() == (False, 1)
    assert not memory.exists()


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
        b'{"schema_version": 1, "verified": %(fingerprints)s}',
        with_sha256({"schema_version": 1, "verified": ["%(fingerprint)s"]}).encode(),
    ],
)
def test_an_invalid_memory_file_is_ignored_and_replaced(tmp_path, published, content, memory):
    write_files(tmp_path / "fashionmnist", published)
    fingerprint = visit(tmp_path).dataset.fingerprint.encode()
    known = b'{"%b": "fashionmnist"}' % fingerprint
    write(memory, content.replace(b"%(fingerprints)s", known).replace(b"%(fingerprint)s", fingerprint))
    assert visit(tmp_path).verified() == (True, 1)
    assert visit(tmp_path).verified() == (True, 0)


@pytest.mark.parametrize("content", [{"schema_version": 2}, {}, {"verified": []}, {"verified": None}])
def test_a_memory_file_of_another_schema_is_ignored(tmp_path, published, content, memory):
    write_files(tmp_path / "fashionmnist", published)
    fingerprints = {visit(tmp_path).dataset.fingerprint: "fashionmnist"}
    write(memory, with_sha256({"verified": fingerprints, **content}))
    assert visit(tmp_path).verified() == (True, 1)


def test_a_flipped_bit_does_not_verify_other_images(tmp_path, memory):
    write_files(tmp_path / "fashionmnist", compressed_idx(idx_contents()))
    other = visit(tmp_path)
    fingerprint = other.dataset.fingerprint
    neighbour = chr(ord(fingerprint[0]) ^ 1) + fingerprint[1:]
    write(memory, with_sha256({"schema_version": 1, "verified": {neighbour: "fashionmnist"}}))
    assert VERIFIED.remembered() == {neighbour: "fashionmnist"}
    flip(memory, memory.read_text().index(neighbour), 0)
    assert fingerprint in memory.read_text()
    with pytest.raises(InputError, match="is not the published file"):
        other.verified()


def test_no_flipped_bit_in_the_memory_file_verifies_images(tmp_path, memory):
    known = {"0123456789abcdef" * 4: "fashionmnist"}
    path = write(memory, with_sha256({"schema_version": 1, "verified": known}))
    whole = path.read_bytes()
    for position in range(len(whole)):
        flip(path, position, position % 8)
        assert VERIFIED.remembered() in ({}, known)
        path.write_bytes(whole)


def test_a_truncated_memory_file_is_ignored(tmp_path, published, memory):
    write_files(tmp_path / "fashionmnist", published)
    visit(tmp_path).verified()
    whole = memory.read_bytes()
    write(memory, whole[: len(whole) // 2])
    assert visit(tmp_path).verified() == (True, 1)


def test_a_folder_instead_of_the_memory_file_is_no_error(tmp_path, published, memory):
    write_files(tmp_path / "fashionmnist", published)
    memory.mkdir(parents=True)
    for _ in range(2):
        assert visit(tmp_path).verified() == (True, 1)
    assert files_under(tmp_path / "fashionmnist") == sorted(published)


@pytest.mark.parametrize(
    "make", [lambda home: write(home, ""), lambda home: home.symlink_to("/sys")], ids=["a file", "/sys"]
)
def test_a_state_folder_that_cannot_be_written_is_no_error(tmp_path, published, make):
    write_files(tmp_path / "fashionmnist", published)
    make(tmp_path / "state")
    for _ in range(2):
        assert visit(tmp_path).verified() == (True, 1)


@pytest.mark.parametrize("home", [None, "relative"])
def test_without_a_state_folder_files_are_verified_each_time(tmp_path, published, monkeypatch, home):
    folder = None if home is None else Path(home)

    def state_path(_):
        if folder is None:
            raise RuntimeError("no home")
        return folder

    monkeypatch.setattr("platformdirs.user_state_path", state_path)
    write_files(tmp_path / "fashionmnist", published)
    for _ in range(2):
        assert visit(tmp_path).verified() == (True, 1)


def test_the_state_folder_is_closed_to_other_users(memory):
    VERIFIED.add("a" * 64, "digits")
    assert stat.S_IMODE(memory.parent.stat().st_mode) == 0o700


def test_a_memory_of_another_user_has_no_weight(memory):
    VERIFIED.add("a" * 64, "digits")
    os.chown(memory, OTHER_USER, -1)
    assert VERIFIED.remembered() == {}
    memory.unlink()
    VERIFIED.add("b" * 64, "digits")
    assert VERIFIED.remembered() == {"b" * 64: "digits"}


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["a pipe", "/dev/zero"])
def test_a_special_file_as_memory_is_replaced(memory, make):
    memory.parent.mkdir(parents=True)
    make(memory)
    assert VERIFIED.remembered() == {}
    VERIFIED.add("a" * 64, "digits")
    assert VERIFIED.remembered() == {"a" * 64: "digits"}


def test_the_oldest_are_forgotten_beyond_a_thousand(memory, monkeypatch):
    monkeypatch.setattr("harness.user_memory._MOST_KEPT", 3)
    for name in "abcad":
        VERIFIED.add(name * 64, name)
    assert [*VERIFIED.remembered().values()] == ["c", "a", "d"]


# --- a data folder that vouches for itself


def test_a_memory_in_the_data_folder_has_no_weight(tmp_path):
    write_files(tmp_path / "fashionmnist", compressed_idx(idx_contents()))
    other = visit(tmp_path)
    for known in ("verified", "fingerprints"):
        content = {"schema_version": 1, known: {other.dataset.fingerprint: "fashionmnist"}}
        write(tmp_path / ".verified.json", with_sha256(content))
        write(tmp_path / "verified.json", with_sha256(content))
    with pytest.raises(InputError, match="is not the published file"):
        other.verified()
    write_gtsrb_kaggle(tmp_path / "gtsrb")
    kaggle = visit(tmp_path, "gtsrb")
    content = {"schema_version": 1, "fingerprints": {kaggle.dataset.fingerprint: "gtsrb"}}
    write(tmp_path / ".verified.json", with_sha256(content))
    assert kaggle.verified() == (False, 1)


def test_the_tests_remember_nothing_in_the_users_own_folder():
    assert user_state_dir().is_relative_to(tempfile.gettempdir())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=8,
)
memories = st.fixed_dictionaries({}, optional={"schema_version": st.just(1) | json_values, "verified": json_values})


def sealed_or_not(content):
    try:
        return with_sha256(content).encode()
    except ValueError:  # not a number
        return json.dumps(content).encode()


@anything
@given(st.binary() | memories.map(sealed_or_not) | json_values.map(json.dumps).map(str.encode))
def test_any_bytes_in_the_memory_file_are_never_an_error(content):
    write(user_state_dir() / "verified.json", content)
    assert isinstance(VERIFIED.remembered(), dict)
