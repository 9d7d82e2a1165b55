import pytest

from harness.data import registry
from harness.data.formats import cifar10, fashionmnist, gtsrb
from harness.errors import InputError
from tests.data.builders import (
    GTSRB_TEST_LABELS,
    GTSRB_TRAIN,
    cifar10_archive,
    cifar10_contents,
    compressed_idx,
    files_under,
    gtsrb_archives,
    idx_contents,
    md5,
    sha256,
    write,
    write_class_folders,
    write_files,
    write_gtsrb_folders,
)
from tests.data.dataset_names import ABSENT
from tests.data.serving import refusing_address, serve


@pytest.fixture
def fashionmnist_server(monkeypatch):
    """The paths requested from a local mirror that serves a tiny FashionMNIST as the published one."""
    files = compressed_idx(idx_contents())
    monkeypatch.setattr(fashionmnist, "COMPRESSED_MD5", {name: md5(content) for name, content in files.items()})
    monkeypatch.setattr(fashionmnist, "SHA256", {name: sha256(content) for name, content in idx_contents().items()})
    with serve({f"/{name}": content for name, content in files.items()}) as (address, asked):
        monkeypatch.setattr(fashionmnist, "MIRROR_URL", address)
        yield asked


@pytest.fixture
def no_network(monkeypatch):
    """Publishers whose servers refuse every connection."""
    address = refusing_address()
    monkeypatch.setattr(cifar10, "ARCHIVE_URL", f"{address}cifar-10-python.tar.gz")
    monkeypatch.setattr(fashionmnist, "MIRROR_URL", address)
    monkeypatch.setattr(gtsrb, "ARCHIVE_URL", address)


def test_a_present_dataset_is_not_downloaded(tmp_path, fashionmnist_server):
    write_files(tmp_path / "fashionmnist", compressed_idx(idx_contents()))
    notified = []
    source = registry.locate_or_download("fashionmnist", tmp_path, notify=notified.append)
    assert source.path == tmp_path / "fashionmnist"
    assert notified == []
    assert fashionmnist_server == []


def test_an_absent_dataset_is_downloaded_with_a_notice(tmp_path, fashionmnist_server):
    notified = []
    source = registry.locate_or_download("fashionmnist", tmp_path, notify=notified.append)
    assert source.verify() is True
    assert len(notified) == 1
    assert "fashionmnist" in notified[0]
    assert str(tmp_path) in notified[0]
    assert set(fashionmnist_server) == {f"/{name}.gz" for name in idx_contents()}
    assert registry.load("fashionmnist", tmp_path).train.labels.tolist() == [0, 1, 9, 3, 4]


def test_cifar10_and_gtsrb_are_downloaded_if_absent(tmp_path, monkeypatch):
    archive, archives = cifar10_archive(cifar10_contents()), gtsrb_archives()
    monkeypatch.setattr(cifar10, "ARCHIVE_MD5", md5(archive))
    monkeypatch.setattr(gtsrb, "MD5", {name: md5(content) for name, content in archives.items()})
    files = {"/cifar-10-python.tar.gz": archive, **{f"/{name}": content for name, content in archives.items()}}
    with serve(files) as (address, _):
        monkeypatch.setattr(cifar10, "ARCHIVE_URL", f"{address}cifar-10-python.tar.gz")
        monkeypatch.setattr(gtsrb, "ARCHIVE_URL", address)
        assert registry.locate_or_download("cifar10", tmp_path).verify() is True
        assert registry.locate_or_download("gtsrb", tmp_path).count() == (len(GTSRB_TRAIN), len(GTSRB_TEST_LABELS))


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cifar10", "cifar-10-python.tar.gz"),
        ("fashionmnist", "train-images-idx3-ubyte.gz"),
        ("gtsrb", "GTSRB_Final_Training_Images.zip"),
    ],
)
def test_without_network_the_error_says_which_file_to_put_where(tmp_path, name, file):
    with pytest.raises(InputError, match=f"dataset {name} is not in {tmp_path}") as refusal:
        registry.locate_or_download(name, tmp_path)
    assert file in str(refusal.value)
    assert str(tmp_path / name) in str(refusal.value)
    assert "--data-dir" in str(refusal.value)
    assert len(str(refusal.value).splitlines()) <= 2


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ABSENT)
def test_a_failed_download_leaves_no_partial_dataset(tmp_path, name):
    with pytest.raises(InputError):
        registry.locate_or_download(name, tmp_path)
    assert files_under(tmp_path) == []
    assert registry.locate(name, tmp_path) is None


def test_a_download_resumes_after_the_last_complete_file(tmp_path, fashionmnist_server):
    files = compressed_idx(idx_contents())
    write(tmp_path / "fashionmnist/train-images-idx3-ubyte.gz", files["train-images-idx3-ubyte.gz"])
    registry.locate_or_download("fashionmnist", tmp_path)
    assert files_under(tmp_path / "fashionmnist") == sorted(files)
    assert "/train-images-idx3-ubyte.gz" not in fashionmnist_server


def test_three_missing_files_are_named_and_only_they_are_downloaded(tmp_path, fashionmnist_server):
    name = "train-images-idx3-ubyte"
    kept = write(tmp_path / "FashionMNIST/raw" / name, idx_contents()[name])
    notified = []
    source = registry.locate_or_download("fashionmnist", tmp_path, notify=notified.append)
    others = [other for other in compressed_idx(idx_contents()) if other != f"{name}.gz"]
    assert set(fashionmnist_server) == {f"/{other}" for other in others}
    assert all(other in notified[0] for other in others)
    assert name not in notified[0]
    assert source.path == kept.parent
    assert source.verify() is True


def test_a_wrong_file_beside_missing_ones_is_replaced(tmp_path, fashionmnist_server):
    name = "train-images-idx3-ubyte"
    wrong = write(tmp_path / "fashionmnist" / name, idx_contents()[name][:-1] + b"!")
    assert registry.locate_or_download("fashionmnist", tmp_path).verify() is True
    assert len(set(fashionmnist_server)) == 4
    assert not wrong.exists()
    assert wrong.with_name(f"{name}.refused").exists()


@pytest.fixture
def gtsrb_server(monkeypatch):
    """The paths requested from a local server that serves a tiny GTSRB as the published one."""
    archives = gtsrb_archives()
    monkeypatch.setattr(gtsrb, "MD5", {name: md5(content) for name, content in archives.items()})
    with serve({f"/{name}": content for name, content in archives.items()}) as (address, asked):
        monkeypatch.setattr(gtsrb, "ARCHIVE_URL", address)
        yield asked


@pytest.mark.parametrize("folder", ["gtsrb", "GTSRB"])
def test_only_missing_archives_of_gtsrb_are_downloaded(tmp_path, gtsrb_server, folder):
    write(tmp_path / folder / gtsrb.TRAIN_ZIP, gtsrb_archives()[gtsrb.TRAIN_ZIP])
    source = registry.locate_or_download("gtsrb", tmp_path)
    assert source.count() == (len(GTSRB_TRAIN), len(GTSRB_TEST_LABELS))
    assert source.verify() is True
    assert set(gtsrb_server) == {f"/{gtsrb.TEST_ZIP}", f"/{gtsrb.LABELS_ZIP}"}


def test_unpacked_parts_of_gtsrb_are_not_downloaded(tmp_path, gtsrb_server):
    folder = write_gtsrb_folders(tmp_path / "gtsrb")
    whole = registry.load("gtsrb", tmp_path).fingerprint
    registry.forget_loaded()
    (folder / "GT-final_test.csv").unlink()
    source = registry.locate_or_download("gtsrb", tmp_path)
    assert set(gtsrb_server) == {f"/{gtsrb.LABELS_ZIP}"}
    assert source.layout == "official folders and archives"
    assert source.verify() is False
    assert registry.load("gtsrb", tmp_path).fingerprint == whole


def test_a_folder_and_digits_are_never_downloaded(tmp_path):
    write_class_folders(tmp_path)
    assert registry.locate_or_download(f"folder:{tmp_path}", tmp_path).path == tmp_path
    assert registry.locate_or_download("digits", tmp_path).count() == (360, 1_437)


@pytest.mark.usefixtures("no_network")
def test_a_slice_is_never_downloaded(tmp_path):
    registry.load_slice("cifar10", tmp_path, 2, 1)
    assert files_under(tmp_path) == []
