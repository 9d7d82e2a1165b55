"""Results that are kept, also for images that were moved or renamed since they were trained."""

import os
from dataclasses import replace

import pytest

from harness.config.experiment import plan_experiment
from harness.config.recipes import CIFAR10
from harness.data import registry
from harness.errors import InputError
from harness.study.estimate import Estimate
from harness.study.plan import plan
from harness.study.study import Study
from tests.data.builders import encode, noise, write, write_arrays, write_class_folders, write_table
from tests.helpers.code import changed_code
from tests.helpers.finished import store_finished
from tests.helpers.tiny import CPU

RECIPE = replace(CIFAR10, image_size=8, epochs=1, milestones=(), batch_size=4)


@pytest.fixture
def prepare(make_settings):
    """Prepares a new session on a folder; returns it, the experiment and the lines that it reported."""

    def run(dataset, **options):
        lines = []
        study = Study(make_settings(full_training=True, **options))
        experiment = plan_experiment(study.settings, dataset, "resnet8", 0, RECIPE)
        study.prepare([experiment], lines.append)
        return study, experiment, [line for line in lines if ": trained as " in line]

    return run


@pytest.fixture
def flowers(prepare, tmp_path):
    """The place of a folder of images whose case is finished."""
    place = write_class_folders(tmp_path / "images/flowers")
    store_finished(*prepare(f"folder:{place}")[:2])
    return place


def test_a_renamed_folder_is_kept_and_named_in_one_line(flowers, prepare):
    now = flowers.rename(flowers.with_name("roses"))
    study, experiment, lines = prepare(f"folder:{now}")
    assert lines == [f"folder:{now}: 1 case kept: trained as folder:{flowers}, on the same images"]
    assert study.is_finished(experiment)
    result, _ = study.train(experiment)
    assert study.is_reused(result)
    assert (result.dataset, result.case) == (f"folder:{now}", study.case(experiment))
    assert len(list(study.results.root.glob("*/result.json"))) == 1


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_a_moved_table_or_array_is_kept_and_named_in_one_line(prepare, tmp_path, kind):
    here, there = tmp_path / "here", tmp_path / "there"
    file = write_table(here) if kind == "csv" else write_arrays(here / "flowers.npz")
    store_finished(*prepare(f"{kind}:{file}")[:2])
    here.rename(there)
    study, experiment, lines = prepare(f"{kind}:{there / file.name}")
    assert lines == [f"{kind}:{there / file.name}: 1 case kept: trained as {kind}:{file}, on the same images"]
    assert study.is_finished(experiment)


def test_a_case_is_resumed_under_the_new_name_of_its_folder(flowers, prepare):
    study, experiment, _ = prepare(f"folder:{flowers}")
    (study.results.folder(study.case(experiment)) / "result.json").unlink()  # as if it were in training
    now = flowers.rename(flowers.with_name("roses"))
    study, experiment, lines = prepare(f"folder:{now}")
    assert lines == []
    assert study.results.folder(study.case(experiment)).name.startswith("folder-flowers-")


def spellings(place, monkeypatch):
    """Names of one place."""
    monkeypatch.setenv("HOME", str(place.parent))
    monkeypatch.chdir(place.parent)
    place.with_name("link").symlink_to(place)
    (place.parent / "beside").mkdir()
    return ["flowers", "./flowers", f"{place}/", "~/flowers", "beside/../flowers", "link", str(place.with_name("link"))]


def test_every_spelling_of_a_folders_path_is_one_dataset(flowers, prepare, monkeypatch):
    for spelling in spellings(flowers, monkeypatch):
        study, experiment, lines = prepare(f"folder:{spelling}")
        assert study.is_finished(experiment), spelling
        assert lines == []
    monkeypatch.chdir(flowers)
    for spelling in (".", f"../{flowers.name}", os.path.relpath(flowers)):
        study, experiment, lines = prepare(f"folder:{spelling}")
        assert study.is_finished(experiment), spelling


def test_a_renamed_folder_with_another_image_is_trained(flowers, prepare):
    now = flowers.rename(flowers.with_name("roses"))
    write(now / "train/cat/0.png", encode(noise(8, seed=77)))
    study, experiment, lines = prepare(f"folder:{now}")
    assert lines == []
    assert not study.is_finished(experiment)


def test_a_renamed_folder_trained_by_other_code_is_refused(flowers, prepare):
    now = flowers.rename(flowers.with_name("roses"))
    with changed_code("models/resnet.py"):
        with pytest.raises(InputError, match=f"folder:{now} resnet8 seed 0 was trained by other code"):
            prepare(f"folder:{now}")
        assert len(prepare(f"folder:{now}", accept_other_code=True)[2]) == 1


def test_rerun_trains_a_renamed_folder_in_the_same_place(flowers, prepare):
    now = flowers.rename(flowers.with_name("roses"))
    study, experiment, lines = prepare(f"folder:{now}", rerun=True)
    assert lines == []
    result, records = study.train(experiment)
    assert len(records) == 1
    assert study.results.read_all() == ([result], [])


def test_plan_agrees_with_pytest_on_a_renamed_folder(flowers, prepare, monkeypatch):
    monkeypatch.setattr("harness.study.plan.estimate_experiment", lambda *_: Estimate(1.5, 1))
    now = flowers.rename(flowers.with_name("roses"))
    study, experiment, _ = prepare(f"folder:{now}")
    (planned,) = plan([experiment], study.settings, CPU, "fp32")
    assert planned.is_finished
    assert planned.estimate_error is not None  # its epochs were recorded
    write(now / "train/cat/0.png", encode(noise(8, seed=77)))
    registry.forget_loaded()
    (planned,) = plan([experiment], study.settings, CPU, "fp32")
    assert not planned.is_finished
