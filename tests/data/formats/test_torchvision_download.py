import gzip

import pytest
import torchvision

from harness.config.library_datasets import can_download
from harness.data import registry
from harness.errors import InputError
from tests.data.builders import files_under, md5, write
from tests.data.formats.torchvision_files import (
    CIFAR100,
    UNPACKED,
    cifar100,
    flowers102,
    publish_cifar100,
    publish_tiny,
    tgz,
)
from tests.data.serving import refusing_address, serve

_FLOWERS = {name.removeprefix("flowers-102/"): content for name, content in flowers102().items()}
FLOWERS = {
    "102flowers.tgz": tgz({name: content for name, content in _FLOWERS.items() if name.endswith(".jpg")}),
    **{name: content for name, content in _FLOWERS.items() if name.endswith(".mat")},
}
MNIST = {f"{name.split('/')[-1]}.gz": gzip.compress(content, mtime=0) for name, content in UNPACKED["MNIST"]().items()}


def publish_flowers(monkeypatch, address):
    kind = torchvision.datasets.Flowers102
    monkeypatch.setattr(kind, "_download_url_prefix", address)
    known = {part: (name, md5(FLOWERS[name])) for part, (name, _) in kind._file_dict.items()}
    monkeypatch.setattr(kind, "_file_dict", known)


def publish_mnist(monkeypatch, address):
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [address])
    known = [(name, md5(MNIST[name])) for name, _ in torchvision.datasets.MNIST.resources]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", known)


SERVED = {
    "CIFAR100": ({"cifar-100-python.tar.gz": CIFAR100}, publish_cifar100),
    "Flowers102": (FLOWERS, publish_flowers),
    "MNIST": (MNIST, publish_mnist),
}


@pytest.mark.parametrize("name", SERVED)
def test_an_absent_dataset_is_downloaded_with_one_notice_and_verified(name, tmp_path, monkeypatch):
    files, publish = SERVED[name]
    notified = []
    with serve({f"/{path}": content for path, content in files.items()}) as (address, asked):
        publish(monkeypatch, address)
        source = registry.locate_or_download(f"torchvision:{name}", tmp_path, notify=notified.append)
        assert source.path == tmp_path / "torchvision" / name
        assert notified == [f"dataset torchvision:{name} is not in {tmp_path}: downloading it"]
        assert {*asked} == {f"/{path}" for path in files}
        asked.clear()
        again = registry.locate_or_download(f"torchvision:{name}", tmp_path, notify=notified.append)
    assert (len(notified), asked) == (1, [])
    assert again.verify() is True
    assert min(again.count()) > 0


def test_files_changed_after_the_download_are_no_longer_verified(tmp_path, monkeypatch):
    with serve({f"/{name}": content for name, content in MNIST.items()}) as (address, _):
        publish_mnist(monkeypatch, address)
        source = registry.locate_or_download("torchvision:MNIST", tmp_path)
    path = source.path / "MNIST/raw/t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x03")
    assert source.verify() is False


def test_an_archive_put_there_by_hand_is_unpacked_without_network(tmp_path, monkeypatch):
    publish_cifar100(monkeypatch, refusing_address())
    write(tmp_path / "torchvision/CIFAR100/cifar-100-python.tar.gz", CIFAR100)
    assert registry.locate_or_download("torchvision:CIFAR100", tmp_path).count() == (3, 2)


@pytest.mark.parametrize("name", SERVED)
def test_without_network_two_lines_say_which_files_to_put_where(name, tmp_path, monkeypatch):
    SERVED[name][1](monkeypatch, refusing_address())
    with pytest.raises(InputError) as refusal:
        registry.locate_or_download(f"torchvision:{name}", tmp_path)
    first, second = str(refusal.value).splitlines()
    assert f"dataset torchvision:{name} is not in {tmp_path}" in first
    assert "Connection refused" in first
    assert all(path in second for path in SERVED[name][0])
    assert f"{tmp_path}/torchvision/{name}" in second
    assert "--data-dir" in second
    assert registry.locate(f"torchvision:{name}", tmp_path) is None


def test_a_wrong_checksum_is_refused_and_nothing_is_unpacked(tmp_path, monkeypatch):
    with serve({"/cifar-100-python.tar.gz": tgz(cifar100(train=(3, 4, 5)))}) as (address, _):
        publish_cifar100(monkeypatch, address)
        with pytest.raises(InputError, match="corrupted"):
            registry.locate_or_download("torchvision:CIFAR100", tmp_path)
    assert files_under(tmp_path / "torchvision/CIFAR100") == ["cifar-100-python.tar.gz"]
    assert registry.locate("torchvision:CIFAR100", tmp_path) is None
    with serve({"/cifar-100-python.tar.gz": CIFAR100}) as (address, _):
        publish_cifar100(monkeypatch, address)
        assert registry.locate_or_download("torchvision:CIFAR100", tmp_path).verify() is True


def test_a_part_that_is_missing_is_named_and_downloaded(tmp_path, monkeypatch):
    files = {f"/{name}": content for name, content in MNIST.items()}
    notified = []
    with serve(files) as (address, _):
        publish_mnist(monkeypatch, address)
        source = registry.locate_or_download("torchvision:MNIST", tmp_path)
        (source.path / "MNIST/raw/train-labels-idx1-ubyte").unlink()
        registry.locate_or_download("torchvision:MNIST", tmp_path, notify=notified.append)
    assert "lacks MNIST/raw/train-labels-idx1-ubyte: downloading it" in notified[0]


def test_a_failure_while_unpacking_leaves_nothing_unpacked(tmp_path, monkeypatch):
    broken = CIFAR100[:-40]
    with serve({"/cifar-100-python.tar.gz": broken}) as (address, _):
        publish_cifar100(monkeypatch, address, broken)
        with pytest.raises(InputError, match="could not download"):
            registry.locate_or_download("torchvision:CIFAR100", tmp_path)
    assert files_under(tmp_path / "torchvision/CIFAR100") == ["cifar-100-python.tar.gz"]


def test_what_an_interrupted_download_unpacked_is_not_taken_for_the_whole(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    root = tmp_path / "torchvision/Flowers102"
    with serve({f"/{name}": content for name, content in FLOWERS.items()}) as (address, asked):
        publish_flowers(monkeypatch, address)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("torchvision.datasets.flowers102.download_url", interrupted)
            registry.locate_or_download("torchvision:Flowers102", tmp_path)
        (root / "flowers-102/jpg/image_00001.jpg").unlink()  # as if it had been interrupted while unpacking
        assert "flowers-102/jpg" in registry.locate("torchvision:Flowers102", tmp_path).missing
        asked.clear()
        source = registry.locate_or_download("torchvision:Flowers102", tmp_path)
    assert (root / "flowers-102/jpg/image_00001.jpg").exists()
    assert "/102flowers.tgz" not in asked
    assert source.verify() is True


def test_an_archive_without_a_checksum_is_never_kept_unless_it_is_unpacked(tmp_path, monkeypatch):
    root = tmp_path / "torchvision/FGVCAircraft"
    publish_tiny(monkeypatch, "FGVCAircraft")
    archive = tgz(
        {path: one if isinstance(one, bytes) else one.encode() for path, one in UNPACKED["FGVCAircraft"]().items()}
    )
    for content in (archive[: len(archive) // 2], archive):
        with serve({"/fgvc-aircraft-2013b.tar.gz": content}) as (address, _):
            monkeypatch.setattr(torchvision.datasets.FGVCAircraft, "_URL", f"{address}fgvc-aircraft-2013b.tar.gz")
            if content != archive:
                with pytest.raises(InputError, match="could not download"):
                    registry.locate_or_download("torchvision:FGVCAircraft", tmp_path)
                assert files_under(root) == []
            else:
                assert registry.locate_or_download("torchvision:FGVCAircraft", tmp_path).verify() is False


def test_a_dataset_that_torchvision_no_longer_downloads_says_so(tmp_path):
    with pytest.raises(InputError, match="StanfordCars dataset cannot be downloaded anymore") as refusal:
        registry.locate_or_download("torchvision:StanfordCars", tmp_path)
    assert f"cars_test_annos_withlabels.mat into {tmp_path}/torchvision/StanfordCars/stanford_cars" in str(
        refusal.value
    )
    assert not can_download("torchvision:StanfordCars")
    assert can_download("torchvision:DTD")
    assert can_download("cifar10")
