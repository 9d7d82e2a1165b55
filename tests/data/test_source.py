from harness.data.formats import cifar10, class_folders, fashionmnist, gtsrb
from harness.data.source import Publisher, unverifiable


def test_every_published_dataset_has_a_publisher():
    assert all(isinstance(module, Publisher) for module in (cifar10, fashionmnist, gtsrb))


def test_a_module_without_files_or_download_is_no_publisher():
    assert not isinstance(class_folders, Publisher)


def test_a_layout_without_checksums_is_never_verified():
    assert unverifiable() is False
