import re
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from harness.config.recipe import Resize
from harness.config.recipes import QUICK_TEST_IMAGES
from harness.config.settings import read_settings
from harness.data import registry
from harness.errors import DamagedError, InputError
from harness.results.folder import ResultsFolder
from harness.study.reproduce import device_of, images_of, reproduce, require_same_images
from harness.study.stored_network import checked_weights
from harness.training import inference_meter
from harness.training.train import train
from harness.training.trainers.fast import FastTrainer
from tests.data.builders import encode, noise, write, write_arrays, write_class_folders, write_table
from tests.helpers.synthetic import rescored
from tests.helpers.tiny import CPU, make_case, make_dataset
from tests.study.stored import colour_recipe, store_untrained


@pytest.fixture
def trained(tiny_dataset, results):
    """A result for one test alone, which may damage its files."""
    return train(make_case(tiny_dataset), tiny_dataset, results, CPU)


def evaluated(result, results, images):
    return reproduce(result, results, checked_weights(result, results), images, CPU)


def with_present_hashes(results, result):
    """The result with the hashes of its present files."""
    return replace(result, files=results.hashes(result.case))


@pytest.mark.parametrize("pipeline", ["fast", "reference"])
@pytest.mark.parametrize("val_split", [0.0, 0.4])
def test_stored_weights_reproduce_every_recorded_prediction(tiny_dataset, results, pipeline, val_split):
    case = make_case(tiny_dataset, pipeline=pipeline, val_split=val_split)
    again = evaluated(train(case, tiny_dataset, results, CPU), results, tiny_dataset)
    assert again.is_exact
    assert again.changed_predictions == 0
    assert again.scores.accuracy_percent == again.recorded.accuracy_percent
    assert again.scores.macro_f1_percent == again.recorded.macro_f1_percent


def test_a_result_whose_bf16_was_switched_off_is_evaluated_without(trained, results, tiny_dataset, monkeypatch):
    seen = []
    monkeypatch.setattr(FastTrainer, "switch_off", lambda _, *fact: seen.append(fact))
    evaluated(replace(trained, switched_off={"bf16": "it differs"}), results, tiny_dataset)
    assert seen == [("bf16", "it differs")]


def test_a_time_of_use_that_is_left_out_now_has_its_reason(trained, results, tiny_dataset, monkeypatch):
    monkeypatch.setattr(inference_meter, "_MOST_PASS_SECONDS", 0.0)
    again = evaluated(trained, results, tiny_dataset)
    assert (again.is_exact, again.inference, len(again.notes)) == (True, (), 2)
    assert again.notes[0].startswith("latency at batch 1 left out: a forward pass takes")


def test_other_weights_are_not_exact(trained, results, tiny_dataset):
    path = results.folder(trained.case) / "weights.safetensors"
    weights = load(path.read_bytes())
    name = next(name for name in weights if name.endswith("bias"))
    path.write_bytes(
        save(weights | {name: weights[name] + np.float32(100) * np.arange(len(weights[name]), dtype="f4")})
    )
    again = evaluated(with_present_hashes(results, trained), results, tiny_dataset)
    assert not again.is_exact


def test_one_changed_prediction_is_found_at_equal_accuracy(trained, results, tiny_dataset):
    labels, predictions = results.read_predictions(trained)
    wrong = np.flatnonzero(labels != predictions)
    if not len(wrong):
        labels, predictions = labels.copy(), predictions.copy()
        predictions[0] = (labels[0] + 1) % 3
    else:
        predictions[wrong[0]] = next(k for k in range(3) if k not in (labels[wrong[0]], predictions[wrong[0]]))
    results.write_predictions(trained.case, labels, predictions)
    other = rescored(with_present_hashes(results, trained), labels, predictions)
    again = evaluated(other, results, tiny_dataset)
    assert again.changed_predictions == 1
    assert not again.is_exact


@pytest.mark.parametrize("name", ["weights.safetensors", "predictions.npz"])
def test_damaged_and_missing_files_are_named(trained, results, tiny_dataset, name):
    path = results.folder(trained.case) / name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedError, match=rf"{name} is damaged"):
        evaluated(trained, results, tiny_dataset)
    path.unlink()
    with pytest.raises(DamagedError, match=rf"{name} is missing"):
        evaluated(trained, results, tiny_dataset)


def test_other_images_are_refused(trained, results):
    with pytest.raises(InputError, match="trained on other images"):
        evaluated(trained, results, make_dataset(seed=1))


def test_a_result_without_weights_is_refused(trained, results, tiny_dataset):
    with pytest.raises(InputError, match=r"has no weights: its status is diverged \(boom\)"):
        evaluated(replace(trained, status="diverged", cause="boom"), results, tiny_dataset)


def test_a_quick_result_is_evaluated_on_the_images_of_quick_mode(trained, tmp_path):
    settings = read_settings({"data_dir": str(tmp_path)})
    quick = replace(trained, dataset="digits", mode="quick")
    assert len(images_of(quick, settings).test) == QUICK_TEST_IMAGES
    assert len(images_of(replace(quick, mode="full"), settings).test) == 1437


@pytest.fixture
def own(tmp_path):
    """A result on a folder of the user's images, and the folder."""
    place = write_class_folders(tmp_path / "flowers", train=5, test=4)
    images = registry.load(f"folder:{place}", tmp_path, resize=Resize(8))
    return store_untrained(ResultsFolder(tmp_path / "r"), images, f"folder:{place}", recipe=colour_recipe()), place


def place_forms(path):
    return [f"folder:{path}", str(path), f"{path}/", f"{path.parent}/r/../{path.name}"]


def test_a_folder_on_a_disk_that_is_not_mounted_is_named(own, tmp_path):
    result, place = own
    target = place.rename(tmp_path / "disk")
    place.symlink_to(target)
    target.rename(tmp_path / "unmounted")
    with pytest.raises(InputError, match=f"link {place} leads to {target}, which does not exist"):
        images_of(result, read_settings({"data_dir": str(tmp_path)}))


def test_a_moved_folder_is_evaluated_in_the_place_that_is_given(own, tmp_path):
    result, place = own
    now = place.rename(tmp_path / "roses")
    settings = read_settings({"data_dir": str(tmp_path)})
    with pytest.raises(
        InputError,
        match=f", {place}, are not there any more\nif .* renamed, give their present place: --images folder:PATH",
    ):
        images_of(result, settings)
    for form in place_forms(now):
        assert evaluated(result, ResultsFolder(tmp_path / "r"), images_of(result, settings, form)).is_exact


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_a_moved_table_or_array_is_evaluated_in_the_place_that_is_given(tmp_path, kind):
    here, there = tmp_path / "here", tmp_path / "there"
    file = write_table(here) if kind == "csv" else write_arrays(here / "flowers.npz")
    images = registry.load(f"{kind}:{file}", tmp_path, resize=Resize(8))
    result = store_untrained(ResultsFolder(tmp_path / "r"), images, f"{kind}:{file}", recipe=colour_recipe())
    settings = read_settings({"data_dir": str(tmp_path)})
    assert evaluated(result, ResultsFolder(tmp_path / "r"), images_of(result, settings)).is_exact
    here.rename(there)
    with pytest.raises(InputError, match=f"{file}, are not there any more\nif .*, give their .* --images {kind}:PATH"):
        images_of(result, settings)
    for place in (f"{kind}:{there / file.name}", str(there / file.name)):
        assert evaluated(result, ResultsFolder(tmp_path / "r"), images_of(result, settings, place)).is_exact


@pytest.mark.parametrize(
    ("place", "name"),
    [("pets", "hf:./pets"), ("hf:pets", "hf:./pets"), ("/a/pets", "hf:/a/pets"), ("folder:pets", "folder:pets")],
)
def test_a_given_place_is_never_a_dataset_of_the_hub(place, name, trained, monkeypatch):
    monkeypatch.setattr("harness.study.reproduce.load_images", lambda name, *_: name)
    assert images_of(replace(trained, dataset="hf:/moved/pets"), read_settings({}), place) == name


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda cats: write(cats[0] / "0.png", encode(noise(8, seed=7))), "that of class folders in .* is .{12}$"),
        (lambda cats: (cats[0] / "0.png").unlink(), "\nit has 9 training and 8 test images, the result had 10 and 8"),
        (lambda cats: [cat.rename(cat.with_name("cow")) for cat in cats], "\nthe classes differ in cat and cow"),
    ],
    ids=["an image", "a count", "a class"],
)  # fmt: skip
def test_other_images_in_the_given_place_are_named_with_the_difference(change, says, own, tmp_path):
    result, place = own
    now = place.rename(tmp_path / "roses")
    change([now / "train/cat", now / "test/cat"])
    images = images_of(result, read_settings({"data_dir": str(tmp_path)}), f"folder:{now}")
    with pytest.raises(InputError, match="was trained on other images") as refused:
        evaluated(result, ResultsFolder(tmp_path / "r"), images)
    assert re.search(says, str(refused.value))


def test_a_share_of_other_images_is_counted_as_a_share(own, tmp_path):
    result, place = own
    now = place.rename(tmp_path / "roses")
    (now / "train/cat/0.png").unlink()
    images = images_of(result, read_settings({"data_dir": str(tmp_path)}), f"folder:{now}")
    half = replace(result, case=replace(result.case, train_fraction=0.5), train_images=6)
    with pytest.raises(InputError, match="\nit has 4 training and 8 test images, the result had 6 and 8"):
        require_same_images(half, images)


def test_a_place_for_a_published_dataset_is_refused(trained, tmp_path):
    with pytest.raises(
        InputError, match="--images /x: digits resnet8 seed 0 was not trained on your own images; give --data"
    ):
        images_of(trained, read_settings({"data_dir": str(tmp_path)}), "/x")


def test_the_default_device_is_of_the_kind_that_trained_the_case(trained):
    assert device_of(trained, read_settings({}, {})) == CPU
    elsewhere = replace(trained, case=replace(trained.case, device_kind="abacus"))
    with pytest.raises(InputError, match="unknown device 'abacus'"):
        device_of(elsewhere, read_settings({}, {}))
    assert device_of(elsewhere, read_settings({"device": "cpu"})) == CPU


def test_a_precision_that_the_device_lacks_is_refused(trained):
    odd = replace(trained, case=replace(trained.case, precision="tf32"))
    with pytest.raises(InputError, match="tf32"):
        device_of(odd, read_settings({"device": "cpu"}))
