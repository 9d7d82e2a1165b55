import inspect

import pytest
import torchvision
from PIL import Image

from harness.config.library_datasets import LIBRARY_DATASETS
from harness.config.recipe import Resize
from harness.data import registry
from harness.data.decoding import decoding_to, gather
from harness.data.formats import torchvision_datasets
from harness.errors import InputError
from tests.data.formats.torchvision_files import TWO_CLASSES, UNPACKED

# Labels of the tiny datasets: training, test.
EXPECTED = {
    "CIFAR10": ([1, 2, 3, 4, 5], [3, 4]),
    "CIFAR100": ([0, 1, 99], [5, 2]),
    "EMNIST": ([0, 1, 9], [7, 2]),
    "Flowers102": ([0, 0, 101, 101], [0, 6]),
    "GTSRB": ([0, 1], [1]),
    "MNIST": ([0, 1, 9], [7, 2]),
    "StanfordCars": ([1, 0], [1, 0]),
    "STL10": ([0, 9, 2], [1, 3]),
    "SVHN": ([1, 0, 2], [3, 4]),
    "USPS": ([0, 9], [1]),
} | {name: ([0, 1, 9], [7, 2]) for name in ("FashionMNIST", "KMNIST", "QMNIST")}
CLASSES = {
    "Caltech101": ("cat", "dog"), "Caltech256": ("001.cat", "002.dog"), "FGVCAircraft": ("A 300", "B"),
    "Imagenette": ("tench", "English springer"), "OxfordIIITPet": ("Big Cat", "Dog"), "StanfordCars": ("Audi", "BMW"),
    "SUN397": ("cat", "dog"), "RenderedSST2": ("negative", "positive"),
}  # fmt: skip
NO_SPLIT = ("Caltech101", "Caltech256", "EuroSAT", "SEMEION", "SUN397")


def labels_of(name):
    if name in NO_SPLIT:
        return [0, 0, 0, 0, 1, 1, 1, 1], [0, 1]
    twice = LIBRARY_DATASETS[name].protocol == "trained on train and val" and name in (
        "DTD",
        "Country211",
        "RenderedSST2",
    )
    return EXPECTED.get(name, ([0, 1] * (2 if twice else 1), [0, 1]))


@pytest.mark.parametrize("name", UNPACKED)
def test_training_and_test_images_of_each_dataset(name, tiny, tmp_path):
    library = LIBRARY_DATASETS[name]
    dataset = registry.load(f"torchvision:{name}", tiny(name), resize=Resize(16))
    train, test = labels_of(name)
    if name in NO_SPLIT:  # in torchvision's order, for SUN397 that of the disk
        assert (sorted(dataset.train.labels.tolist()), sorted(dataset.test.labels.tolist())) == (train, test)
    else:
        assert (dataset.train.labels.tolist(), dataset.test.labels.tolist()) == (train, test)
    assert dataset.train.pixels.shape == (len(train), library.channels, 16, 16)
    if library.in_memory:
        own_size = registry.load_slice(f"torchvision:{name}", tmp_path, 2, 2).train.pixels
        assert own_size.shape[2:] == (library.image_size, library.image_size)
    assert dataset.spec.class_names == CLASSES.get(name, dataset.spec.class_names)
    assert dataset.spec.num_classes == (2 if name in TWO_CLASSES else library.classes)
    assert dataset.origin.startswith("torchvision")


def test_every_dataset_has_a_tiny_one():
    assert {*UNPACKED} == LIBRARY_DATASETS.keys() - {"PCAM"}  # which needs h5py


@pytest.mark.parametrize("name", LIBRARY_DATASETS)
def test_torchvision_takes_the_arguments_of_each_dataset(name):
    library, parameters = LIBRARY_DATASETS[name], inspect.signature(getattr(torchvision.datasets, name)).parameters
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    for arguments in (*library.train, library.test or {}):
        assert open_ended or arguments.keys() <= parameters.keys()
    assert open_ended or "download" in parameters


def test_images_keep_their_size_without_a_recipes(tiny):
    data_dir = tiny("Flowers102")
    sizes = [tuple(image.shape) for image in registry.load("torchvision:Flowers102", data_dir).train.pixels]
    assert sizes == [(3, 13, 20)] * 2 + [(3, 14, 20)] * 2


def test_a_split_of_the_harness_is_equal_each_time_and_said(tiny):
    data_dir = tiny("EuroSAT")
    first, second = (torchvision_datasets.locate("torchvision:EuroSAT", data_dir) for _ in range(2))
    assert "20 % held out as the test images, seed 0" in first.layout
    assert first.count() == (8, 2)
    assert (first.spec().train_images, first.spec().test_images) == (8, 2)
    assert all(
        (a.pixels == b.pixels).all() for a, b in zip(first.read(None, None), second.read(None, None), strict=True)
    )


def test_the_origin_says_that_train_and_val_were_trained_on(tiny):
    origin = registry.load("torchvision:Flowers102", tiny("Flowers102"), resize=Resize(8)).origin
    assert "trained on train and val" in origin
    assert "split balanced" in registry.load("torchvision:EMNIST", tiny("EMNIST"), resize=Resize(8)).origin


def test_image_files_are_turned_by_their_exif_orientation(tiny):
    data_dir = tiny("Food101")
    path = data_dir / "torchvision/Food101/food-101/images/cat/1.jpg"
    with Image.open(path) as image:
        wide = image.resize((30, 10))
        exif = image.getexif()
    exif[0x0112] = 6
    wide.save(path, exif=exif)
    assert registry.load("torchvision:Food101", data_dir).train.pixels[0].shape == (3, 30, 10)


def test_tracks_of_gtsrb_are_known(tiny):
    tracks = registry.load("torchvision:GTSRB", tiny("GTSRB"), resize=Resize(8)).train.tracks
    assert tracks == ("00000_00000", "00001_00000")


def test_files_with_other_content_are_refused(tiny):
    data_dir = tiny("CIFAR100")
    path = data_dir / "torchvision/CIFAR100/cifar-100-python/train"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(InputError, match=f"cannot read CIFAR100 in {path.parents[1]} .*corrupted"):
        registry.load("torchvision:CIFAR100", data_dir)


def test_a_missing_class_is_refused(tiny):
    data_dir = tiny("EuroSAT")
    (data_dir / "torchvision/EuroSAT/eurosat/2750/dog").rename(data_dir / "dog")
    with pytest.raises(InputError, match="has 1 classes, EuroSAT has 2"):
        registry.load("torchvision:EuroSAT", data_dir)


def test_a_missing_image_is_named(tiny):
    data_dir = tiny("Flowers102")
    path = data_dir / "torchvision/Flowers102/flowers-102/jpg/image_00001.jpg"
    path.unlink()
    with pytest.raises(InputError, match=path.name):
        registry.load("torchvision:Flowers102", data_dir)


@pytest.mark.parametrize(
    ("name", "is_verified"), [("CIFAR100", True), ("SVHN", True), ("MNIST", False), ("DTD", False)]
)
def test_files_put_there_by_hand_are_verified_if_torchvision_checks_them(tiny, name, is_verified):
    assert torchvision_datasets.locate(f"torchvision:{name}", tiny(name)).verify() is is_verified


def test_the_key_changes_with_the_files(tiny):
    data_dir = tiny("DTD")
    before = torchvision_datasets.locate("torchvision:DTD", data_dir).key()
    assert torchvision_datasets.locate("torchvision:DTD", data_dir).key() == before
    (data_dir / "torchvision/DTD/dtd/dtd/images/cat/1.jpg").write_bytes(b"other")
    assert torchvision_datasets.locate("torchvision:DTD", data_dir).key() != before


def test_a_quick_run_without_the_data_takes_digits_in_its_shape(tmp_path):
    dataset = registry.load_slice("torchvision:KMNIST", tmp_path, 12, 8, resize=Resize(28))
    assert dataset.is_stand_in
    assert dataset.train.pixels.shape == (12, 1, 28, 28)
    assert registry.load_slice("torchvision:Flowers102", tmp_path, 12, 8, resize=Resize(64)).spec.num_classes == 102


@pytest.mark.parametrize("name", ["KMNIST", "CIFAR10"])
def test_images_in_memory_go_straight_to_their_destination(tiny, name):
    source = torchvision_datasets.locate(f"torchvision:{name}", tiny(name))
    shapes = []

    def destination(images, channels):
        kept = [*images]
        shapes.extend(image.shape for image in kept)
        return gather(kept, channels)

    expected = source.read(None, None)
    with decoding_to(destination):
        found = source.read(None, None)
    channels, side = expected[0].pixels.shape[1:3]
    assert shapes == [(channels, side, side)] * sum(map(len, expected))
    for part, same in zip(found, expected, strict=True):
        assert (part.pixels == same.pixels).all()
        assert part.labels.tolist() == same.labels.tolist()


def test_a_slice_of_present_data_is_evenly_spaced(tiny):
    dataset = registry.load_slice("torchvision:CIFAR10", tiny("CIFAR10"), 2, 1, resize=Resize(32))
    assert dataset.train.labels.tolist() == [1, 3]
    assert not dataset.is_stand_in


@pytest.mark.parametrize("name", UNPACKED)
def test_torchvision_opens_no_image_itself(name, tiny, tmp_path, monkeypatch):
    tiny(name)
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("in any of Pillow's formats"))
    opened = torchvision_datasets._open_both(LIBRARY_DATASETS[name], tmp_path / "torchvision" / name)
    assert [item()[1] for item in opened.test]
