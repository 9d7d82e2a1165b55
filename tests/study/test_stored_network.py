from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save

import harness
from harness.data.augment import prepare
from harness.errors import InputError
from harness.study.stored_network import network_of
from tests.helpers.synthetic import failed_result, store
from tests.study.stored import noise_dataset, store_untrained


@pytest.mark.parametrize("name", ["", "result.json"])
def test_a_loaded_network_gives_the_recorded_predictions(tiny_result, tiny_folder, tiny_dataset, name):
    network = harness.load_network(tiny_folder.folder(tiny_result.case) / name)
    assert not network.training
    recipe = tiny_result.case.recipe
    with torch.no_grad():
        logits = network(prepare(tiny_dataset.test.pixels, recipe.augmentation, recipe.image_size))
    assert logits.argmax(1).tolist() == tiny_folder.read_predictions(tiny_result)[1].tolist()


def test_channels_classes_and_shortcut_are_those_of_the_weights(results):
    result = store_untrained(results, noise_dataset([(8, 8)] * 6, channels=1), shortcut="B", model="resnet8-2")
    network = harness.load_network(str(results.folder(result.case)))
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    assert "layer2.0.downsample.0.weight" in network.state_dict()


@pytest.mark.parametrize("name", ["fc.bias", "bn1.weight"])
def test_weights_of_another_network_are_refused(results, name):
    result = store_untrained(results, noise_dataset([(8, 8)] * 6, channels=1))
    path = results.folder(result.case) / "weights.safetensors"
    path.write_bytes(save({key: value for key, value in load_file(path).items() if key != name}))
    refused = replace(result, files=results.hashes(result.case))
    with pytest.raises(
        InputError, match=rf"its weights are not of resnet8 as the present code builds it: {name} is missing\nreturn to"
    ):
        network_of(refused, results)


def test_a_missing_or_incomplete_result_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone does not exist: name a result.json"):
        harness.load_network(tmp_path / "gone")
    failed = store(tmp_path, failed_result("diverged"))
    with pytest.raises(InputError, match=r"cifar10 resnet20 seed 0 has no weights: its status is diverged"):
        harness.load_network(tmp_path / failed.case.folder_name)
