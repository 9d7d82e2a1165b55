"""Datasets that other packages add, from the entry point to a trained case."""

import sys
from dataclasses import replace

import pytest

from harness.config.experiment import plan_experiment
from harness.config.settings import read_settings
from harness.data import registry
from harness.errors import InputError
from harness.training.train import train
from tests.helpers.extension import DATASET, forget_extensions, install_dataset
from tests.helpers.tiny import CPU, make_case


@pytest.fixture(autouse=True)
def no_extension_of_another_test():
    yield
    forget_extensions()
    sys.modules.pop("shades_dataset", None)


def test_an_added_dataset_is_downloaded_loaded_and_trained(tmp_path, results, monkeypatch):
    install_dataset(tmp_path, monkeypatch)
    notified = []
    assert registry.locate("shades", tmp_path) is None
    source = registry.locate_or_download("shades", tmp_path, notify=notified.append)
    assert notified == [f"dataset shades is not in {tmp_path}: downloading it"]
    assert source.count() == (24, 12)
    dataset = registry.load("shades", tmp_path)
    assert dataset.is_whole
    assert dataset.origin == f"shades in {tmp_path / 'shades/shades.bin'}"
    experiment = plan_experiment(read_settings({"full_training": True}, {}), "shades", "resnet8", 0)
    case = replace(make_case(dataset), dataset="shades", recipe=experiment.recipe, mode=experiment.mode)
    result = train(case, dataset, results, CPU)
    assert (result.status, result.dataset, result.epochs) == ("complete", "shades", 2)
    assert result.test_images == 12


def test_digits_stand_in_for_an_absent_added_dataset(tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch)
    dataset = registry.load_slice("shades", tmp_path, 6, 3)
    assert dataset.is_stand_in
    assert dataset.train.pixels.shape == (6, 1, 8, 8)
    assert dataset.train.labels.max() < 3


def test_how_to_get_names_the_files_of_an_added_dataset(tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch)
    assert registry.how_to_get("shades", tmp_path).startswith(f"put the file shades.bin, into {tmp_path / 'shades'}")
    with pytest.raises(InputError, match=r"dataset shades is not in .*: put the file shades\.bin"):
        registry.load("shades", tmp_path)


def test_a_publisher_that_lacks_a_function_is_named_with_its_origin(tmp_path, monkeypatch):
    content = DATASET.replace("def locate", "def find").replace("def download", "def fetch")
    install_dataset(tmp_path, monkeypatch, content=content)
    with pytest.raises(InputError, match=r"'shades = shades_dataset' of shades 1\.2 lacks locate, download"):
        registry.locate("shades", tmp_path)
