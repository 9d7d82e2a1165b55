from dataclasses import replace
from resource import RUSAGE_SELF, getrusage

import pytest
import torch
from safetensors.torch import load_file, save

import harness
from harness.config.recipe import Augmentation
from harness.data.augment import prepare
from harness.errors import DamagedError, InputError
from harness.study.stored_network import network_of
from tests.helpers.forged_weights import DAMAGED, OTHER_TENSORS, SPECIAL, with_state
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


@pytest.fixture
def stored(results):
    """A stored result of resnet8, for one test alone, which may damage its files."""
    return store_untrained(results, noise_dataset([(8, 8)] * 6, channels=1))


def forged(results, stored, changes, **case_changes):
    """Store a result that names other things than its weights are of; return it."""
    place = results.folder(stored.case)
    case = replace(stored.case, **case_changes)
    place.rename(results.root / case.folder_name)
    result = replace(stored, case=case, model=case.model, **changes)
    results.write_result(case, result)
    return result


def sized(recipe, **changes):
    return {"recipe": replace(recipe, **changes)}


FORGED = {
    "depth": lambda stored: ({}, {"model": "resnet999998"}),
    "width": lambda stored: ({}, {"model": "resnet20-999999"}),
    "43 GB": lambda stored: ({"params": 10**10}, {"model": "wrn28-170"}),
    "library": lambda stored: ({}, {"model": "torchvision:vit_h_14"}),
    "shortcut": lambda stored: ({}, {"shortcut": "B"}),
    "classes": lambda stored: ({"per_class": stored.per_class * 10_000}, {}),
    "no classes": lambda stored: ({"per_class": ()}, {}),
    "no channels": lambda stored: ({}, sized(stored.case.recipe, augmentation=Augmentation((), ()))),
    "parameters": lambda stored: ({"params": 5}, {}),
    "operations": lambda stored: ({"macs": 5}, {}),
    "image size": lambda stored: ({}, sized(stored.case.recipe, image_size=8192)),
}


@pytest.mark.parametrize("kind", FORGED)
def test_forged_size_of_network_is_refused_without_building_it(kind, results, stored):
    changes, case_changes = FORGED[kind](stored)
    result = forged(results, stored, changes, **case_changes)
    before = getrusage(RUSAGE_SELF).ru_maxrss
    with pytest.raises(DamagedError) as error:
        network_of(result, results)
    assert str(error.value).startswith(str(results.folder(result.case)))
    assert (getrusage(RUSAGE_SELF).ru_maxrss - before) / 1024 < 200


@pytest.mark.parametrize("kind", [*DAMAGED, *SPECIAL, *OTHER_TENSORS])
def test_bad_weights_file_of_a_sealed_result_is_one_error(kind, results, stored):
    path = results.folder(stored.case) / "weights.safetensors"
    if kind in OTHER_TENSORS:
        with_state(path, OTHER_TENSORS[kind])
        stored = replace(stored, files=results.hashes(stored.case))
    else:
        path.unlink()
        path.write_bytes(DAMAGED[kind]) if kind in DAMAGED else SPECIAL[kind](path)
    with pytest.raises(InputError) as error:
        network_of(stored, results)
    assert str(error.value).startswith(str(path))
    assert len(str(error.value).splitlines()) <= 2


def test_weights_that_are_not_numbers_are_loaded(results, stored):
    with_state(
        results.folder(stored.case) / "weights.safetensors",
        lambda state: state | {"fc.bias": torch.full((3,), torch.nan)},
    )
    network = network_of(replace(stored, files=results.hashes(stored.case)), results)
    assert network(torch.zeros(1, 1, 8, 8)).isnan().all()
