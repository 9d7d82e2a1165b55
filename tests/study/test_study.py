from dataclasses import replace

import pytest
from PIL import Image

from harness.config.experiment import plan_experiment
from harness.config.recipes import CIFAR10, DIGITS, GTSRB
from harness.config.settings import read_settings
from harness.data import registry
from harness.data.split import split_validation
from harness.errors import InputError
from harness.study.study import Study
from tests.data.builders import compressed_idx, idx_contents, write_files, write_gtsrb_kaggle

RECIPE = replace(DIGITS, epochs=1, milestones=(), batch_size=512)


@pytest.fixture
def settings(tmp_path):
    def make(**options):
        folders = {"data_dir": str(tmp_path), "results_dir": str(tmp_path / "r"), "report_dir": str(tmp_path / "p")}
        return read_settings({"device": "cpu"} | folders | options, {})

    return make


def test_an_experiment_is_trained_on_its_dataset_and_then_found_finished(settings):
    study = Study(settings(full_training=True))
    experiment = plan_experiment(study.settings, "digits", "resnet8", 0, RECIPE)
    study.prepare([experiment])
    result, records = study.train(experiment)
    assert (result.status, len(records), result.train_images) == ("complete", 1, 1437)
    assert result.dataset_verified is True
    again, _ = study.train(experiment)
    assert again.epoch_seconds == result.epoch_seconds


def test_an_absent_dataset_is_stood_in_for_only_in_quick_mode(settings, monkeypatch):
    quick = Study(settings())
    experiment = plan_experiment(quick.settings, "gtsrb", "resnet8", 0, replace(GTSRB, image_size=32))
    quick.prepare([experiment])
    result, _ = quick.train(experiment)
    assert (result.stand_in, result.mode, result.dataset_whole) == (True, "quick", False)
    monkeypatch.setattr("harness.data.formats.gtsrb.ARCHIVE_URL", "http://127.0.0.1:9/")
    full = Study(settings(full_training=True))
    with pytest.raises(InputError, match="dataset gtsrb is not in .*could not download"):
        full.prepare([plan_experiment(full.settings, "gtsrb", "resnet8", 0)])


def test_preparing_tells_what_takes_a_while(settings):
    study, told = Study(settings(full_training=True)), []
    study.prepare([plan_experiment(study.settings, "digits", "resnet8", 0)], told.append)
    assert len(told) == 1
    assert told[0].startswith("loading digits: embedded in scikit-learn")


def test_what_decides_the_outcome_is_in_the_case(settings):
    study = Study(settings(full_training=True, val_split="0.2", precision="bf16"))
    case = study.case(plan_experiment(study.settings, "digits", "resnet8", 4, RECIPE))
    assert (case.model, case.dataset, case.recipe, case.seed, case.mode) == ("resnet8", "digits", RECIPE, 4, "full")
    assert (case.device_kind, case.precision, case.val_split) == ("cpu", "bf16", 0.2)
    assert len(case.data_fingerprint) == 64


def test_the_pipeline_is_in_the_case_and_trains_it(settings):
    study = Study(settings(full_training=True, pipeline="reference"))
    experiment = plan_experiment(study.settings, "digits", "resnet8", 0, RECIPE)
    assert (study.case(experiment).pipeline, study.case(experiment).precision) == ("reference", "fp32")
    result, _ = study.train(experiment)
    assert (result.case.pipeline, result.status) == ("reference", "complete")


def test_whether_a_network_is_compiled_is_decided_from_the_plan_and_is_in_the_case(settings, monkeypatch):
    asked = []

    def decide(setting, model, spec, recipe, train_images, device):
        asked.append((setting, model.name, spec.name, recipe.epochs, train_images, device.type))
        return True

    monkeypatch.setattr("harness.study.machine.should_compile", decide)
    options = {"full_training": True, "val_split": "0.2"}
    study = Study(settings(**options))
    experiment = plan_experiment(study.settings, "digits", "resnet8", 0, RECIPE)
    assert study.case(experiment).compiled
    assert asked == [("auto", "resnet8", "digits", 1, 1150, "cpu")]
    reference = Study(settings(pipeline="reference", **options))
    assert not reference.case(experiment).compiled


def test_rerun_trains_a_case_once_however_many_tests_ask_for_it(settings):
    study = Study(settings(full_training=True, rerun=True))
    experiment = plan_experiment(study.settings, "digits", "resnet8", 0, RECIPE)
    first, second = (study.train(experiment)[0] for _ in range(2))
    assert first.epoch_seconds == second.epoch_seconds


def test_gtsrb_in_class_folders_is_split_by_the_tracks_of_its_file_names_or_not_at_all(settings, tmp_path):
    for label in range(43):
        for split in ("train", "test"):
            folder = tmp_path / "gtsrb" / split / f"{label:05d}"
            folder.mkdir(parents=True)
            for track in range(2):
                for shot in range(2):
                    Image.new("RGB", (9, 9), (label, track, shot)).save(folder / f"{track:05d}_{shot:05d}.png")
    experiment = plan_experiment(settings(full_training=True), "gtsrb", "resnet8", 0, replace(GTSRB, image_size=8))
    study = Study(settings(full_training=True, val_split="0.5"))
    study.prepare([experiment])
    train, held_out = split_validation(study.engine._machine.dataset(experiment)[0].train, 0.5)
    assert len(held_out) == 43 * 2
    assert not set(train.tracks) & set(held_out.tracks)
    for path in (tmp_path / "gtsrb/train").rglob("*.png"):
        path.rename(path.with_name(f"sign{path.name}"))
    with pytest.raises(InputError, match="--val-split: the file names of gtsrb .* do not tell its tracks"):
        registry.load.cache_clear()
        Study(settings(full_training=True, val_split="0.5")).prepare([experiment])


def test_a_smoke_run_with_nothing_to_hold_out_goes_by_the_papers_protocol(settings):
    study = Study(settings(val_split="0.5"))
    experiment = plan_experiment(study.settings, "gtsrb", "resnet8", 0, replace(GTSRB, image_size=32))
    assert study.train(experiment)[0].is_complete


def test_a_last_batch_of_one_image_is_refused_where_batchnorm_could_not_learn_from_it(settings):
    study = Study(settings(full_training=True))
    experiment = plan_experiment(study.settings, "digits", "resnet24", 0, replace(RECIPE, batch_size=4))
    with pytest.raises(InputError, match="1437 images in batches of 4 leave a last batch of one"):
        study.prepare([experiment])


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        (CIFAR10, "recipe 'cifar10' is for images of 3 channels, digits has 1"),
        (replace(DIGITS, image_size=16), "recipe 'digits' is for images of 16×16, digits has 8×8"),
    ],
)
def test_a_recipe_for_other_images_is_refused_before_training(recipe, says, settings):
    study = Study(settings())
    with pytest.raises(InputError, match=says):
        study.prepare([plan_experiment(study.settings, "digits", "resnet8", 0, recipe)])


def test_a_report_folder_that_cannot_be_written_to_is_found_out_before_training(settings, tmp_path):
    (tmp_path / "file").write_text("")
    study = Study(settings(report_dir=str(tmp_path / "file")))
    with pytest.raises(InputError, match="--report-dir .*file cannot be written to"):
        study.prepare([plan_experiment(study.settings, "digits", "resnet8", 0)])


def test_too_little_room_on_the_disk_is_told_before_training_with_what_is_needed(settings, monkeypatch):
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    study = Study(settings(full_training=True))
    experiments = [plan_experiment(study.settings, "digits", name, 0, RECIPE) for name in ("resnet20", "resnet20-4")]
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**9, 10**9, 100 * 2**20))
    # Weights of 270 thousand and of 4.3 million parameters, and six times the larger: 115 MiB.
    with pytest.raises(InputError, match="--results-dir .* has 100 MiB free, weights and checkpoints need 115"):
        study.prepare(experiments)
    study.prepare(experiments[:1])
    quick = Study(settings())
    quick.prepare([plan_experiment(quick.settings, "digits", name, 0, RECIPE) for name in ("resnet20", "resnet20-4")])


def test_what_is_finished_needs_no_more_room(settings, monkeypatch):
    from collections import namedtuple

    study = Study(settings(full_training=True))
    experiment = plan_experiment(study.settings, "digits", "resnet8", 0, RECIPE)
    study.train(experiment)
    monkeypatch.setattr("shutil.disk_usage", lambda _: namedtuple("usage", "free")(0))
    study.prepare([experiment])


def test_a_full_run_on_other_images_than_the_published_is_refused_and_the_file_named(settings, tmp_path):
    root = write_files(tmp_path / "fashionmnist", compressed_idx(idx_contents()))
    study = Study(settings(full_training=True))
    experiment = plan_experiment(study.settings, "fashionmnist", "resnet8", 0)
    for attempt in (study.prepare, lambda experiments: study.train(*experiments)):
        with pytest.raises(InputError, match=f"{root}/train-images-idx3-ubyte.gz is not the published file"):
            attempt([experiment])
    assert list((tmp_path / "r").iterdir()) == []


def test_a_full_run_on_a_layout_without_checksums_is_trained_and_says_that_nothing_was_verified(settings, tmp_path):
    write_gtsrb_kaggle(tmp_path / "gtsrb")
    study = Study(settings(full_training=True))
    recipe = replace(GTSRB, image_size=8, epochs=1, milestones=())
    result, _ = study.train(plan_experiment(study.settings, "gtsrb", "resnet8", 0, recipe))
    assert (result.is_complete, result.dataset_verified) == (True, False)
    assert not (tmp_path / ".verified.json").exists()


def test_an_interrupted_rerun_of_several_cases_goes_on_with_those_it_left(settings):
    def study():
        return Study(settings(full_training=True, rerun=True))

    first = study()
    experiments = [plan_experiment(first.settings, "digits", "resnet8", seed, RECIPE) for seed in range(2)]
    first.prepare(experiments)
    done, _ = first.train(experiments[0])
    told, second = [], study()
    second.prepare(experiments, told.append)
    assert told[-1] == "going on with the --rerun that was interrupted: 1 case of it done already"
    assert second.train(experiments[0])[0] == done
    assert second.train(experiments[1])[0].is_complete
    third = study()
    third.prepare(experiments)
    assert third.train(experiments[0])[0] != done
