from dataclasses import replace

import pytest

from harness.config.families import named_model
from harness.config.recipes import PUBLISHED_RECIPES
from harness.config.settings import read_settings
from harness.errors import InputError
from harness.throughput import workbench as workbench_module
from harness.throughput.record import read_recorded
from harness.throughput.workbench import Workbench
from harness.training.trainers.fast import FastTrainer
from tests.throughput.recordings import MEASUREMENTS


@pytest.fixture
def workbench(tmp_path):
    return Workbench(
        read_settings(
            {"results_dir": str(tmp_path), "data_dir": str(tmp_path), "device": "cpu", "precision": "fp32"}, {}
        )
    )


def test_a_measurement_is_recorded_in_the_results_folder(workbench, tmp_path):
    workbench.compare_augmentation("digits")
    (recorded,), problems = read_recorded(tmp_path)
    assert problems == []
    assert workbench.recorded == [recorded]
    assert recorded.environment["device"] == "cpu"


@pytest.mark.parametrize("compiled", [True, False])
def test_the_fast_pipeline_is_set_up_as_for_a_full_training(compiled, workbench, monkeypatch):
    asked, decided = [], []
    monkeypatch.setattr(workbench_module, "should_compile", lambda *given: decided.append(given) or compiled)
    monkeypatch.setattr(
        workbench_module, "compare_pipelines", lambda cases, *_, **__: asked.extend(cases) or [MEASUREMENTS[0]]
    )
    monkeypatch.setattr(workbench_module, "computes_bf16", lambda _: False)
    workbench.compare_pipelines("cifar10", "resnet20-4")
    assert [(case.recipe, case.compiled) for case in asked] == [(PUBLISHED_RECIPES["cifar10"], compiled)]
    assert decided[0][4] == 50_000


@pytest.mark.parametrize(
    ("name", "has_bf16", "precisions"),
    [("auto", True, ["fp32", "bf16"]), ("auto", False, ["fp32"]), ("bf16", False, ["bf16"]), ("fp32", True, ["fp32"])],
)
def test_bf16_is_compared_beside_fp32_where_the_device_has_it(name, has_bf16, precisions, tmp_path, monkeypatch):
    options = {"results_dir": str(tmp_path), "device": "cpu", "precision": name}
    asked = []
    monkeypatch.setattr(workbench_module, "computes_bf16", lambda _: has_bf16)
    monkeypatch.setattr(
        workbench_module, "compare_pipelines", lambda cases, *_, **__: asked.extend(cases) or [MEASUREMENTS[0]]
    )
    workbench = Workbench(read_settings(options, {}))
    assert workbench.compare_pipelines("cifar10", "resnet20") == [MEASUREMENTS[0]]
    assert [case.precision for case in asked] == precisions
    assert [one.environment["precision"] for one in workbench.recorded] == ["fp32"]


def test_gradients_are_measured_at_fp32_whatever_the_device_has(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(workbench_module, "measure_gradients", lambda case, *_: asked.append(case.precision))
    workbench = Workbench(read_settings({"results_dir": str(tmp_path), "device": "cpu", "precision": "bf16"}, {}))
    monkeypatch.setattr(workbench, "_keep", lambda *given: asked.append(given[2]))
    workbench.measure_gradients("digits", "resnet8")
    assert asked == ["fp32", "fp32"]


def test_bf16_without_hardware_for_it_is_noted(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.hardware.device.computes_bf16", lambda _: False)
    notified = []
    for precision in ("fp32", "bf16"):
        options = {"results_dir": str(tmp_path), "device": "cpu", "precision": precision}
        Workbench(read_settings(options, {}), notified.append)
    (line,) = notified
    assert "does not compute bf16 in hardware" in line


def test_scaling_is_measured_on_the_settings_device(workbench, monkeypatch):
    asked = []
    monkeypatch.setattr(workbench_module, "measure_scaling", lambda *given, **_: asked.append(given) or MEASUREMENTS[2])
    workbench.measure_scaling("width")
    assert [(axis, device.type, precision) for axis, device, precision in asked] == [
        ("width", "cpu", workbench.precision)
    ]


@pytest.mark.slow
def test_final_accuracies_are_compared_seed_by_seed(workbench, tmp_path, monkeypatch):
    quick = replace(PUBLISHED_RECIPES["digits"], epochs=1, milestones=(), batch_size=256, warmup_epochs=0)
    monkeypatch.setitem(workbench_module.PUBLISHED_RECIPES, "digits", quick)
    equivalence = workbench.compare_accuracies("digits", "resnet8", seeds=range(2))
    assert (equivalence.seeds, equivalence.epochs, equivalence.train_images) == ((0, 1), 1, 360)
    assert len(list((tmp_path / "equivalence").glob("*/result.json"))) == 4
    results = workbench_module.ResultsFolder(tmp_path / "equivalence").read_all()[0]
    by_pipeline = {(r.case.pipeline, r.seed): r.accuracy_percent for r in results}
    assert equivalence.fast_accuracy_percent == (by_pipeline["fast", 0], by_pipeline["fast", 1])
    assert equivalence.reference_accuracy_percent == (by_pipeline["reference", 0], by_pipeline["reference", 1])

    trained = []
    train_epoch = FastTrainer.train_epoch
    monkeypatch.setattr(FastTrainer, "train_epoch", lambda *given: trained.append(1) or train_epoch(*given))
    assert workbench.compare_accuracies("digits", "resnet8", seeds=range(2)) == equivalence
    assert len(trained) == 2  # from scratch: a case's identity does not include the code's version


def test_an_incomplete_training_is_an_error_that_names_it(workbench, monkeypatch):
    wild = replace(PUBLISHED_RECIPES["digits"], epochs=1, milestones=(), batch_size=256, learning_rate=1e30)
    monkeypatch.setitem(workbench_module.PUBLISHED_RECIPES, "digits", wild)
    with pytest.raises(InputError, match="digits resnet8 seed 0 on the fast pipeline did not complete: diverged"):
        workbench.compare_accuracies("digits", "resnet8", seeds=[0])


def test_an_absent_dataset_is_an_error_that_says_how_to_get_it(workbench):
    with pytest.raises(InputError, match="dataset fashionmnist is not in"):
        workbench.compare_accuracies("fashionmnist", "resnet20", seeds=[0])


@pytest.mark.parametrize(
    ("dataset", "model", "says"),
    [
        ("folder:/x", "resnet8", "dataset 'folder:/x': measurements know cifar10, fashionmnist, gtsrb, digits; give"),
        ("digits", named_model("own", print), "model .*'own'.*: measurements take names of the harness's networks"),
    ],
)
def test_other_datasets_and_own_models_are_refused_in_words(dataset, model, says, workbench):
    with pytest.raises(InputError, match=says):
        workbench.measure_gradients(dataset, model)


def test_an_unknown_device_is_refused():
    with pytest.raises(InputError, match="unknown device"):
        Workbench(read_settings({"device": "abacus"}, {}))


def test_measuring_one_pipeline_alone_is_refused():
    with pytest.raises(InputError, match="--pipeline reference: .*leave out --pipeline"):
        Workbench(read_settings({"device": "cpu", "pipeline": "reference"}, {}))


def test_an_unwritable_folder_is_refused_before_measuring(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="--results-dir .*file/r cannot be written to"):
        Workbench(read_settings({"device": "cpu", "results_dir": str(tmp_path / "file" / "r")}, {}))


def test_a_shortened_comparison_decides_compiling_by_its_own_epochs(workbench, monkeypatch):
    decided = []
    monkeypatch.setattr(workbench_module, "should_compile", lambda *given: decided.append(given[3].epochs) or False)
    monkeypatch.setattr(workbench_module, "compare_accuracies", lambda case, *_, **__: decided.append(case.mode))
    monkeypatch.setattr(workbench, "_keep", lambda *_: None)
    workbench.compare_accuracies("digits", "resnet8", seeds=[0], epochs=2)
    assert decided == [2, "shortened"]
