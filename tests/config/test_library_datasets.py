import pytest

from harness.config.datasets import check_dataset_name, file_stem, find_spec, is_own_images, is_resized, title_of
from harness.config.library_datasets import LIBRARY_DATASETS, library_dataset
from harness.errors import InputError


@pytest.mark.parametrize("name", LIBRARY_DATASETS)
def test_the_spec_of_every_dataset_is_known_without_its_files(name):
    spec, library = find_spec(f"torchvision:{name}"), LIBRARY_DATASETS[name]
    assert spec.name == f"torchvision:{name}"
    assert spec.channels == library.channels
    assert spec.num_classes == len(set(spec.class_names)) == library.classes
    assert min(spec.train_images, spec.test_images) > 0


def test_flowers102_is_trained_on_train_and_val_as_published():
    spec = find_spec("torchvision:Flowers102")
    assert (spec.num_classes, spec.train_images, spec.test_images) == (102, 1_020 + 1_020, 6_149)
    assert [one["split"] for one in library_dataset("torchvision:Flowers102").train] == ["train", "val"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("CIFAR1000", "CIFAR100"), ("cifar100", "CIFAR100"), ("Flowers", "Flowers102"), ("Pets", "OxfordIIITPet")],
)
def test_a_name_that_torchvision_lacks_is_one_line_with_the_nearest(name, nearest):
    with pytest.raises(InputError) as refusal:
        check_dataset_name(f"torchvision:{name}")
    assert f"torchvision has no classification dataset {name!r}" in str(refusal.value)
    assert nearest in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["VOCDetection", "Kinetics", "FakeData", "", "os"])
def test_datasets_that_are_no_classification_are_refused(name):
    with pytest.raises(InputError, match=f"torchvision:{name}"):
        check_dataset_name(f"torchvision:{name}")


def test_imagenet_is_pointed_to_class_folders():
    with pytest.raises(InputError, match="give folder:PATH"):
        check_dataset_name("torchvision:ImageNet")


def test_names_of_libraries_are_no_paths():
    assert not is_own_images("torchvision:CIFAR100")
    assert not is_own_images("hf:owner/name")
    assert is_own_images("hf:./name")
    assert file_stem("torchvision:CIFAR100") == "torchvision-CIFAR100"
    assert title_of("torchvision:CIFAR100") == "CIFAR100"


def test_all_but_published_datasets_are_resized_when_loaded():
    assert is_resized("torchvision:CIFAR100")
    assert is_resized("hf:owner/name")
    assert is_resized("folder:x")
    assert not is_resized("cifar10")
