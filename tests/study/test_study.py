"""A study: experiments checked before any training, then trained; an interrupted --rerun."""

from collections import namedtuple
from dataclasses import replace

import pytest

from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS, GTSRB, QUICK_TEST_IMAGES, QUICK_TRAIN_IMAGES
from harness.errors import InputError
from harness.study.study import Study
from harness.tracking.followed import read_training
from tests.data.builders import compressed_idx, idx_contents, write_files, write_gtsrb_kaggle
from tests.helpers.code import changed_code
from tests.helpers.finished import store_finished

RECIPE = replace(DIGITS, epochs=1, milestones=(), batch_size=512)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def study(make_settings):
    return Study(make_settings(full_training=True))


def digits(study, model="resnet8", seed=0):
    return plan_experiment(study.settings, "digits", model, seed, RECIPE)


def test_an_experiment_is_trained_on_its_dataset_and_then_found_finished(study):
    study.prepare([digits(study)])
    result, records = study.train(digits(study))
    assert (result.status, len(records), result.train_images) == ("complete", 1, 360)
    assert result.dataset_verified is True
    again, _ = study.train(digits(study))
    assert again.epoch_seconds == result.epoch_seconds


def test_the_reference_pipeline_trains_its_case(make_settings):
    study = Study(make_settings(full_training=True, pipeline="reference"))
    assert (study.case(digits(study)).pipeline, study.case(digits(study)).precision) == ("reference", "fp32")
    result, _ = study.train(digits(study))
    assert (result.case.pipeline, result.status) == ("reference", "complete")


def test_an_absent_dataset_is_replaced_by_digits_only_in_quick_mode(make_settings, monkeypatch):
    quick = Study(make_settings())
    experiment = plan_experiment(quick.settings, "gtsrb", "resnet8", 0, replace(GTSRB, image_size=32))
    quick.prepare([experiment])
    result, _ = quick.train(experiment)
    assert (result.stand_in, result.mode, result.dataset_whole) == (True, "quick", False)
    monkeypatch.setattr("harness.data.formats.gtsrb.ARCHIVE_URL", "http://127.0.0.1:9/")
    full = Study(make_settings(full_training=True))
    with pytest.raises(InputError, match="dataset gtsrb is not in .*could not download"):
        full.prepare([plan_experiment(full.settings, "gtsrb", "resnet8", 0)])


def train_quick_gtsrb(study):
    return study.train(plan_experiment(study.settings, "gtsrb", "resnet8", 0, replace(GTSRB, image_size=32)))[0]


@pytest.mark.usefixtures("gtsrb_class_folders")
def test_a_quick_run_that_cannot_hold_out_images_evaluates_the_test_set(make_settings):
    result = train_quick_gtsrb(Study(make_settings(val_split="0.5")))
    assert result.is_complete
    assert result.case.val_split == 0
    assert result.evaluation_images == result.test_images == QUICK_TEST_IMAGES
    assert result.train_images == QUICK_TRAIN_IMAGES


def test_a_quick_run_on_a_stand_in_holds_out_images_if_a_class_has_two(make_settings):
    result = train_quick_gtsrb(Study(make_settings(val_split="0.5")))
    assert (result.is_complete, result.stand_in, result.case.val_split) == (True, True, 0.5)
    assert result.train_images + result.evaluation_images == QUICK_TRAIN_IMAGES


def test_prepare_reports_steps_that_may_take_long(study):
    lines = []
    study.prepare([plan_experiment(study.settings, "digits", "resnet8", 0)], lines.append)
    assert len(lines) == 1
    assert lines[0].startswith("loading digits: embedded in scikit-learn")


def test_prepare_refuses_what_the_machine_refuses(study):
    with pytest.raises(InputError, match="recipe 'gtsrb' is for images of 3 channels, digits has 1"):
        study.prepare([plan_experiment(study.settings, "digits", "resnet8", 0, GTSRB)])


def test_prepare_refuses_a_report_folder_that_cannot_be_written_to(make_settings, tmp_path):
    (tmp_path / "file").write_text("")
    study = Study(make_settings(report_dir=str(tmp_path / "file")))
    with pytest.raises(InputError, match="--report-dir .*file cannot be written to"):
        study.prepare([plan_experiment(study.settings, "digits", "resnet8", 0)])


def test_prepare_refuses_too_little_disk_space_and_says_how_much(study, make_settings, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**9, 10**9, 100 * 2**20))
    models = ("resnet20", "resnet20-4")
    experiments = [digits(study, model) for model in models]
    # Weights of 270 thousand and of 4.3 million parameters, and six times the larger: 115 MiB.
    with pytest.raises(InputError, match="--results-dir .* has 100 MiB free, but weights and checkpoints need 115 MiB"):
        study.prepare(experiments)
    study.prepare(experiments[:1])
    quick = Study(make_settings())
    quick.prepare([digits(quick, model) for model in models])


def test_finished_cases_need_no_more_disk_space(study, monkeypatch):
    study.train(digits(study))
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(0, 0, 0))
    study.prepare([digits(study)])


def test_a_full_run_on_unpublished_images_is_refused_with_the_file(study, tmp_path):
    root = write_files(tmp_path / "fashionmnist", compressed_idx(idx_contents()))
    experiment = plan_experiment(study.settings, "fashionmnist", "resnet8", 0)
    for attempt in (study.prepare, lambda experiments: study.train(*experiments)):
        with pytest.raises(InputError, match=f"{root}/train-images-idx3-ubyte.gz is not the published file"):
            attempt([experiment])
    assert list((tmp_path / "r").iterdir()) == []


def test_a_full_run_on_a_layout_without_checksums_says_it_is_unverified(study, tmp_path):
    write_gtsrb_kaggle(tmp_path / "gtsrb")
    recipe = replace(GTSRB, image_size=8, epochs=1, milestones=())
    result, _ = study.train(plan_experiment(study.settings, "gtsrb", "resnet8", 0, recipe))
    assert (result.is_complete, result.dataset_verified) == (True, False)
    assert not (tmp_path / ".verified.json").exists()


def test_find_result_returns_what_is_recorded_and_nothing_damaged(study):
    experiment = digits(study)
    assert study.find_result(experiment) is None
    result, _ = study.train(experiment)
    assert study.find_result(experiment) == result
    (study.results.folder(result.case) / "result.json").write_text("{")
    assert study.find_result(experiment) is None


def test_rerun_trains_a_case_once_for_all_tests_that_ask_for_it(make_settings):
    study = Study(make_settings(full_training=True, rerun=True))
    first, second = (study.train(digits(study))[0] for _ in range(2))
    assert first.epoch_seconds == second.epoch_seconds


def test_an_interrupted_rerun_resumes_with_the_cases_that_are_left(make_settings):
    def rerun():
        return Study(make_settings(full_training=True, rerun=True))

    first = rerun()
    experiments = [digits(first, seed=seed) for seed in range(2)]
    first.prepare(experiments)
    done, _ = first.train(experiments[0])
    lines, second = [], rerun()
    second.prepare(experiments, lines.append)
    assert lines[-1] == "resuming the interrupted --rerun: 1 case already trained again"
    assert second.train(experiments[0])[0] == done
    assert second.train(experiments[1])[0].is_complete
    third = rerun()
    third.prepare(experiments)
    assert third.train(experiments[0])[0] != done


@pytest.mark.parametrize("accepts", [False, True])
def test_an_interrupted_rerun_repeats_what_other_code_has_trained(accepts, make_settings):
    def rerun():
        return Study(make_settings(full_training=True, rerun=True, accept_other_code=accepts))

    first = rerun()
    experiments = [digits(first, seed=seed) for seed in range(2)]
    first.prepare(experiments)
    done = store_finished(first, experiments[0])
    first._mark_ended(done.case)
    with changed_code("models/resnet.py"):
        again = rerun()
        again.prepare(experiments)
        assert again.is_finished(experiments[0]) is accepts


def followed_by(study, monkeypatch):
    """Prepare a study; return the cases that its trackers follow."""
    followed = []
    monkeypatch.setattr(study.tracking, "follow", followed.extend)
    study.prepare([digits(study)])
    return followed


def test_trackers_log_a_kept_result_but_none_that_is_replaced(make_settings, monkeypatch):
    for options, is_replaced in (({}, False), ({"rerun": True}, True)):
        study = Study(make_settings(full_training=True, accept_other_code=True, **options))
        if not is_replaced:
            store_finished(study, digits(study))
        (case,) = followed_by(study, monkeypatch)
        assert (case.replaced is not None) is is_replaced
        assert (read_training(case) is None) is is_replaced


def test_trackers_log_no_earlier_quick_training(make_settings, monkeypatch):
    study = Study(make_settings())
    store_finished(study, digits(study))
    assert read_training(*followed_by(study, monkeypatch)) is None


def test_experiments_prepared_later_are_sent_to_the_trackers_that_run(study, monkeypatch):
    calls = []
    monkeypatch.setattr(study.tracking, "start", lambda: calls.append("start"))
    monkeypatch.setattr(study.tracking, "follow", lambda cases: calls.append([one.label for one in cases]))
    with pytest.raises(InputError):
        study.prepare([plan_experiment(study.settings, "folder:/no/such", "resnet8", 0)])
    for seed in range(2):
        study.prepare([digits(study, seed=seed)])
    assert calls == ["start", ["digits resnet8 seed 0"], ["digits resnet8 seed 1"]]


def test_experiments_prepared_again_are_announced_once(make_settings, monkeypatch):
    study, followed, submitted, lines = Study(make_settings(full_training=True, rerun=True)), [], [], []
    monkeypatch.setattr(study.tracking, "follow", followed.extend)
    monkeypatch.setattr(study.engine, "submit", lambda requests, _: submitted.extend(requests))
    study.prepare([digits(study), digits(study)])
    monkeypatch.undo()
    study.train(digits(study))
    monkeypatch.setattr(study.tracking, "follow", followed.extend)
    study.prepare([digits(study), digits(study, seed=1)], lines.append)
    assert [one.label for one in followed] == ["digits resnet8 seed 0", "digits resnet8 seed 1"]
    assert [one.case.seed for one in submitted] == [0]
    assert not any("resuming" in line for line in lines)


def test_ranks_compare_every_case_whatever_its_label(make_settings, monkeypatch):
    study, compared = Study(make_settings(full_training=True)), {}
    other = plan_experiment(study.settings, "digits", "resnet8", 0, replace(DIGITS, epochs=3, milestones=(2,)))
    monkeypatch.setattr(Study, "is_distributed", True)
    monkeypatch.setattr("harness.study.study.require_same_values", lambda values, _: compared.update(values))
    study.prepare([digits(study), other])
    assert {study.case(one).identity for one in (digits(study), other)} <= set(compared.values())


def test_a_case_trained_between_two_preparations_is_not_reused(make_settings):
    study = Study(make_settings(full_training=True))
    study.prepare([digits(study)])
    result, _ = study.train(digits(study))
    study.prepare([digits(study)])
    assert not study.is_reused(result)


def test_what_is_no_tracker_is_refused_before_any_data_are_read(make_settings, monkeypatch):
    study = Study(make_settings(full_training=True, track="json:loads"))
    monkeypatch.setattr(study.engine, "prepare", lambda *_: pytest.fail("data are read"))
    with pytest.raises(InputError, match="--track json:loads is not a tracker"):
        study.prepare([digits(study)])
    study.tracking.close()
