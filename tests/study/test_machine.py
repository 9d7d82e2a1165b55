"""The machine that trains: how it binds experiments, and what it refuses before training."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from harness.config.experiment import plan_experiment
from harness.config.recipes import CIFAR10, DIGITS, GTSRB, QUICK_TEST_IMAGES, QUICK_TRAIN_IMAGES
from harness.data import registry
from harness.data.split import split_validation
from harness.errors import InputError
from harness.hardware.device import slowness_of
from harness.models.cost import count_parameters
from harness.results.folder import ResultsFolder
from harness.study.machine import Machine
from harness.training.trainers.compilation import why_auto_is_off
from harness.training.trainers.trainer import empty_network
from tests.data.builders import write_gtsrb_kaggle
from tests.helpers.networks import Plain, model_with, own_model

RECIPE = replace(DIGITS, epochs=1, milestones=(), batch_size=512)


@pytest.fixture
def machine(make_settings):
    return Machine(make_settings(full_training=True))


def digits(machine, model="resnet8", seed=0, recipe=RECIPE):
    return plan_experiment(machine.settings, "digits", model, seed, recipe)


def test_a_device_that_is_not_there_is_refused(make_settings):
    with pytest.raises(InputError, match="unknown device 'abacus'"):
        Machine(make_settings(device="abacus"))
    with pytest.raises(InputError, match="tf32"):
        Machine(make_settings(precision="tf32"))


def test_the_case_has_everything_that_decides_the_outcome(make_settings):
    machine = Machine(make_settings(full_training=True, val_split="0.2", precision="bf16"))
    case = machine.case(digits(machine, seed=4))
    assert (case.model, case.dataset, case.recipe, case.seed, case.mode) == ("resnet8", "digits", RECIPE, 4, "full")
    assert (case.device_kind, case.precision, case.val_split) == ("cpu", "bf16", 0.2)
    assert len(case.data_fingerprint) == 64
    assert case.data_fingerprint == machine.dataset(digits(machine))[0].fingerprint


def test_the_case_has_the_pipeline_and_its_precision(make_settings):
    machine = Machine(make_settings(full_training=True, pipeline="reference"))
    case = machine.case(digits(machine))
    assert (case.pipeline, case.precision) == ("reference", "fp32")


def test_the_case_says_whether_its_network_is_compiled(make_settings, monkeypatch):
    asked = []

    def decide(setting, model, spec, recipe, train_images, device, precision):
        asked.append((setting, model.name, spec.name, recipe.epochs, train_images, device.type, precision))
        return True

    monkeypatch.setattr("harness.study.machine.should_compile", decide)
    machine = Machine(make_settings(full_training=True, val_split="0.2"))
    assert machine.case(digits(machine)).compiled
    assert asked == [("auto", "resnet8", "digits", 1, 290, "cpu", machine.precision)]
    reference = Machine(make_settings(pipeline="reference", full_training=True, val_split="0.2"))
    assert not reference.case(digits(reference)).compiled


def test_a_gpu_without_a_measured_gain_is_notified(monkeypatch):
    monkeypatch.setattr("harness.training.trainers.compilation.known_gain", lambda *_: None)
    assert "`python -m harness doctor` measures it" in why_auto_is_off("auto", torch.device("cuda", 0), "bf16")
    assert why_auto_is_off("on", torch.device("cuda", 0), "bf16") is None
    assert why_auto_is_off("auto", torch.device("cpu"), "fp32") is None


def test_a_started_case_stays_as_compile_auto_decided_then(machine, monkeypatch):
    started = machine.case(digits(machine))
    monkeypatch.setattr("harness.study.machine.should_compile", lambda *_: True)
    assert machine.case(digits(machine)).compiled
    ResultsFolder(machine.settings.results_dir).folder(started).mkdir(parents=True)
    assert machine.case(digits(machine)) == started


def test_a_case_is_deterministic_if_asked_for_on_a_gpu(make_settings):
    machine = Machine(make_settings(full_training=True, deterministic=True, compile="off"))
    assert not machine.case(digits(machine)).deterministic  # a CPU's kernels all are
    machine.device = torch.device("cuda", 0)
    assert machine.case(digits(machine)).deterministic


def test_bf16_without_hardware_for_it_is_noted_once(make_settings, monkeypatch):
    monkeypatch.setattr("harness.hardware.device.computes_bf16", lambda device: False)
    notified, machine = [], Machine(make_settings(full_training=True, precision="bf16"))
    for _ in range(2):
        machine.prepare([digits(machine)], notified.append)
    assert [line for line in notified if "bf16" in line] == [slowness_of("bf16", machine.device)]


def test_weight_bytes_are_four_per_parameter(machine):
    experiment = digits(machine, "resnet8-2")
    network = empty_network(machine.case(experiment), machine.dataset(experiment)[0].spec)
    assert machine.weight_bytes(experiment) == 4 * count_parameters(network)


def test_operations_of_an_epoch_count_the_images_of_the_split(make_settings):
    whole, split = (Machine(make_settings(full_training=True, val_split=share)) for share in ("0", "0.2"))
    images, held_out = len(whole.dataset(digits(whole))[0].train), 70  # of 10 classes of 36: seven each
    tested = len(whole.dataset(digits(whole))[0].test)
    macs = whole.epoch_operations(digits(whole)) / (3 * images + tested)
    assert split.epoch_operations(digits(split)) == macs * (3 * (images - held_out) + held_out)


def test_a_dataset_is_loaded_once_and_reported(machine):
    lines = []
    dataset, is_verified = machine.dataset(digits(machine), lines.append)
    assert is_verified
    assert len(lines) == 1
    assert lines[0].startswith("loading digits: embedded in scikit-learn")
    assert machine.dataset(digits(machine, seed=1), lines.append)[0] is dataset
    assert len(lines) == 1


def test_a_quick_run_loads_few_images_and_verifies_none(make_settings):
    machine, lines = Machine(make_settings()), []
    dataset, is_verified = machine.dataset(digits(machine), lines.append)
    assert (len(dataset.train), len(dataset.test), is_verified) == (QUICK_TRAIN_IMAGES, QUICK_TEST_IMAGES, False)
    assert lines == []


def test_a_layout_without_checksums_is_not_verified(machine, tmp_path):
    write_gtsrb_kaggle(tmp_path / "gtsrb")
    recipe = replace(GTSRB, image_size=8, epochs=1, milestones=())
    assert machine.dataset(plan_experiment(machine.settings, "gtsrb", "resnet8", 0, recipe))[1] is False


def test_gtsrb_is_split_by_tracks_and_without_track_names_refused(make_settings, gtsrb_class_folders):
    settings = make_settings(full_training=True, val_split="0.5")
    experiment = plan_experiment(settings, "gtsrb", "resnet8", 0, replace(GTSRB, image_size=8))
    machine = Machine(settings)
    machine.prepare([experiment])
    train, held_out = split_validation(machine.dataset(experiment)[0].train, 0.5)
    assert len(held_out) == 43 * 2
    assert not set(train.tracks) & set(held_out.tracks)
    for path in (gtsrb_class_folders / "train").rglob("*.png"):
        path.rename(path.with_name(f"sign{path.name}"))
    registry.forget_loaded()
    with pytest.raises(InputError, match="--val-split: the file names of gtsrb .* do not show its tracks"):
        Machine(settings).prepare([experiment])


def test_images_that_cannot_be_split_are_refused_in_a_full_run(make_settings, tmp_path):
    for split, label in ((split, label) for split in ("train", "test") for label in "ab"):
        folder = tmp_path / "own" / split / label
        folder.mkdir(parents=True)
        Image.new("RGB", (32, 32), (ord(label), 0, 0)).save(folder / "1.png")
    machine = Machine(make_settings(full_training=True, val_split="0.5"))
    experiment = plan_experiment(machine.settings, f"folder:{tmp_path / 'own'}", "resnet8", 0)
    with pytest.raises(InputError, match="--val-split: no class of .* has two images or tracks to split"):
        machine.prepare([experiment])


def test_a_share_of_less_than_an_image_per_class_is_refused(make_settings):
    machine = Machine(make_settings(full_training=True, train_fraction="0.01"))
    with pytest.raises(InputError, match="0.01: of 360 training images .* 10 classes: give 0.028 or more"):
        machine.prepare([digits(machine)])


def quick_gtsrb(machine):
    return plan_experiment(machine.settings, "gtsrb", "resnet8", 0, replace(GTSRB, image_size=32))


@pytest.mark.usefixtures("gtsrb_class_folders")
def test_val_split_is_zero_for_a_quick_run_whose_images_cannot_be_split(make_settings):
    machine = Machine(make_settings(val_split="0.5"))
    machine.prepare([quick_gtsrb(machine)])
    labels = machine.dataset(quick_gtsrb(machine))[0].train.labels.tolist()
    assert len(set(labels)) == len(labels)  # one image of each class: none to hold out
    assert machine.case(quick_gtsrb(machine)).val_split == 0


def test_val_split_is_kept_for_a_quick_run_whose_images_can_be_split(make_settings):
    machine = Machine(make_settings(val_split="0.5"))
    assert machine.case(digits(machine)).val_split == 0.5
    assert machine.case(quick_gtsrb(machine)).val_split == 0.5  # on digits as a stand-in, two of a class


def test_a_last_batch_of_one_image_is_refused_before_training(machine):
    experiment = digits(machine, "resnet24", recipe=replace(RECIPE, batch_size=359))
    with pytest.raises(InputError, match="the 360 images, in batches of 359, have a last batch of one"):
        machine.prepare([experiment])
    machine.prepare([digits(machine, "resnet8", recipe=replace(RECIPE, batch_size=359))])


def test_a_batch_of_one_is_judged_after_the_validation_split(make_settings):
    machine = Machine(make_settings(full_training=True, val_split="0.2"))  # 290 of the 360 images are trained
    says = "(?s)the 290 images that --val-split 0.2 leaves, in batches of 289, .* or another --val-split"
    with pytest.raises(InputError, match=says):
        machine.prepare([digits(machine, "resnet24", recipe=replace(RECIPE, batch_size=289))])
    machine.prepare([digits(machine, "resnet24", recipe=replace(RECIPE, batch_size=359))])  # which the split mends


def test_a_batch_of_one_is_found_in_the_images_of_quick_mode(make_settings):
    settings = make_settings()
    machine = Machine(settings)
    recipe = replace(RECIPE, batch_size=QUICK_TRAIN_IMAGES - 1)
    experiment = replace(digits(machine, "resnet24"), recipe=recipe)
    with pytest.raises(InputError, match=f"the {QUICK_TRAIN_IMAGES} images, in batches of {QUICK_TRAIN_IMAGES - 1}"):
        machine.prepare([experiment])


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        (CIFAR10, "recipe 'cifar10' is for images of 3 channels, digits has 1"),
        (replace(DIGITS, image_size=16), "recipe 'digits' is for images of 16×16, digits has 8×8"),
    ],
)
def test_a_recipe_for_other_images_is_refused(recipe, says, make_settings):
    machine = Machine(make_settings())
    with pytest.raises(InputError, match=says):
        machine.prepare([digits(machine, recipe=recipe)])


def test_an_unknown_library_network_is_refused_before_data_are_loaded(machine):
    unknown = plan_experiment(machine.settings, "cifar10", "torchvision:resnet19", 0)
    with pytest.raises(InputError, match=r"unknown model 'torchvision:resnet19'.*torchvision:resnet18"):
        machine.prepare([plan_experiment(machine.settings, "cifar10", "resnet20", 0), unknown])


def own(machine, build):
    return plan_experiment(machine.settings, "digits", own_model(build), 0, RECIPE)


def test_a_network_that_cannot_be_trained_is_refused_before_training(machine):
    with pytest.raises(InputError, match=r"model own: broken \(test_machine.py:\d+\) raised KeyError: 'width'"):
        machine.prepare([own(machine, broken)])
    with pytest.raises(InputError, match="logits for 1000 classes, the images have 10: does <lambda>"):
        machine.prepare([own(machine, lambda channels, _: Plain(channels, 1000))])


def broken(in_channels, num_classes):
    raise KeyError("width")


def test_the_notes_on_a_network_are_reported_once(machine):
    lines, model = [], model_with(lambda self, x: (self.fc(x.mean(dim=(2, 3))), x))
    experiments = [plan_experiment(machine.settings, "digits", model, seed, RECIPE) for seed in (0, 1)]
    machine.prepare(experiments, lines.append)
    assert lines[1:] == ["own: it returns a tuple of 2; the first are the logits"]


def test_a_foreign_network_keeps_its_image_size_in_quick_mode(make_settings):
    recipe = replace(GTSRB, image_size=224)
    models = (own_model(Plain), "resnet8")
    sizes = [plan_experiment(make_settings(), "gtsrb", model, 0, recipe).recipe.image_size for model in models]
    assert sizes == [224, 64]
