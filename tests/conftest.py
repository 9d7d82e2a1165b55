"""What the tests share: a dataset, a case and a result small enough to train in a blink."""

import gc
import os
from dataclasses import replace

import pytest
import torch

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.config.recipes import Augmentation, Recipe
from harness.config.settings import ENVIRONMENT_PREFIX
from harness.data.images import ImageSet, PackedPixels, fingerprint
from harness.data.registry import Dataset
from harness.results.folder import ResultsFolder
from harness.training.train import train

pytest_plugins = ["pytester"]

_APART = {"soak": "takes many minutes", "scale": "needs many processes"}

CPU = torch.device("cpu")

TINY_RECIPE = Recipe(
    name="tiny",
    epochs=3,
    milestones=(2,),
    batch_size=8,
    image_size=8,
    augmentation=Augmentation(
        mean=(0.5,), std=(0.5,), horizontal_flip=True, rotation_degrees=20, crop_scale=(0.7, 1.0)
    ),
    learning_rate=0.05,
)


def pytest_configure(config):
    # Here and not in pyproject.toml: a user's run of many hours must not end at a warning of some library's.
    config.addinivalue_line("filterwarnings", "error")
    # Python 3.12 and later: the reference pipeline's loader forks its workers as the study's did, beside threads.
    fork = "ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"
    config.addinivalue_line("filterwarnings", fork)

    for mark, why in _APART.items():
        config.addinivalue_line("markers", f"{mark}: {why}, and runs only with `-m {mark}`")


def pytest_collection_modifyitems(config, items):
    apart = [mark for mark in _APART if mark not in config.option.markexpr]
    left_out = [item for item in items if any(map(item.get_closest_marker, apart))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def no_options_from_the_environment(monkeypatch):
    for variable in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
        monkeypatch.delenv(variable)


@pytest.fixture(scope="session", autouse=True)
def quick_collections():
    """statsmodels collects garbage whenever it corrects p-values: what is there already need not be looked through."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def a_machine_of_their_own(tmp_path_factory):
    """Whatever else trains on this machine, the tests' cases do not meet it."""
    folder = tmp_path_factory.mktemp("machine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.hardware.co_scheduling.machine_folder", lambda: folder)
        yield


def make_dataset(train_images=30, test_images=12, classes=3, size=8, seed=0):
    """A dataset whose classes differ in brightness, so that a few epochs learn something."""
    generator = torch.Generator().manual_seed(seed)

    def part(count):
        labels = torch.arange(count) % classes
        noise = torch.randint(0, 60, (count, 1, size, size), generator=generator)
        return ImageSet((noise + 60 * labels[:, None, None, None]).to(torch.uint8), labels)

    spec = DatasetSpec("tiny", 1, size, tuple("abcdefghij"[:classes]), train_images, test_images)
    train_set, test_set = part(train_images), part(test_images)
    return Dataset(spec, train_set, test_set, "made for the tests", fingerprint(train_set, test_set))


def of_different_sizes(dataset):
    """The dataset with training images cropped to sizes of their own."""
    pixels = [image[:, : 5 + k % 3, :7].contiguous() for k, image in enumerate(dataset.train.pixels)]
    return replace(dataset, train=replace(dataset.train, pixels=PackedPixels.from_images(pixels)))


def make_case(dataset, **changes):
    case = Case(
        model="resnet8",
        dataset="digits",
        recipe=TINY_RECIPE,
        seed=0,
        mode="full",
        device_kind="cpu",
        precision="fp32",
        data_fingerprint=dataset.fingerprint,
    )
    return replace(case, **changes)


@pytest.fixture(scope="session")
def tiny_dataset():
    return make_dataset()


@pytest.fixture
def results(tmp_path):
    return ResultsFolder(tmp_path / "results")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """The results folder that `tiny_result` lies in; not to be changed."""
    return ResultsFolder(tmp_path_factory.mktemp("tiny-results"))


@pytest.fixture(scope="session")
def tiny_result(tiny_dataset, tiny_folder):
    """A complete result of a real, tiny training."""
    return train(make_case(tiny_dataset), tiny_dataset, tiny_folder, CPU)
