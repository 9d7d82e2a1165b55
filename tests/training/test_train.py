import contextlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.config.families import parse_model
from harness.data.augment import prepare
from harness.errors import InputError
from harness.hardware.memory import is_out_of_memory
from harness.models.build import build_network
from harness.results.metrics import score
from harness.training.context import TrainingContext
from harness.training.train import train
from harness.training.trainers.fast import FastTrainer
from tests.helpers.tiny import CPU, TINY_RECIPE, make_case, make_dataset, of_different_sizes
from tests.helpers.training import Recorder, evaluating_to, weights_of


def test_case_is_trained_to_its_last_epoch_and_recorded(tiny_dataset, results):
    case = make_case(tiny_dataset)
    result = train(case, tiny_dataset, results, CPU)
    records = results.read_epochs(case)
    assert (result.status, result.epochs) == ("complete", 3)
    assert [record.epoch for record in records] == [1, 2, 3]
    assert [record.learning_rate for record in records] == pytest.approx([0.05, 0.05, 0.005])
    assert result.epoch_seconds == tuple(record.epoch_seconds for record in records)
    assert result.total_seconds == sum(result.epoch_seconds)
    assert result.train_seconds == pytest.approx(sum(r.load_seconds + r.train_seconds for r in records))
    assert result.eval_seconds == pytest.approx(sum(r.evaluate_seconds for r in records))
    assert result.marginal_gain == result.accuracy_percent / result.total_seconds
    assert result.images_per_second == pytest.approx(3 * 30 / result.train_seconds)
    assert sorted(path.name for path in results.folder(case).iterdir()) == [
        ".lock", "epochs.jsonl", "logits.npy", "predictions.npz", "result.json", "weights.safetensors",
    ]  # fmt: skip


def test_parts_of_an_epoch_do_not_exceed_it(tiny_dataset, results):
    case = make_case(tiny_dataset)
    train(case, tiny_dataset, results, CPU)
    for record in results.read_epochs(case):
        parts = record.load_seconds + record.train_seconds + record.evaluate_seconds
        assert 0 < parts <= record.epoch_seconds


def test_accuracies_match_the_records_and_scores_the_predictions(tiny_dataset, results):
    case = make_case(tiny_dataset)
    result = train(case, tiny_dataset, results, CPU)
    accuracies = [record.evaluation_accuracy_percent for record in results.read_epochs(case)]
    assert result.accuracy_percent == accuracies[-1]
    assert result.best_accuracy_percent == max(accuracies)
    assert result.best_epoch == accuracies.index(max(accuracies)) + 1
    with np.load(results.folder(case) / "predictions.npz") as kept:
        scores = score(kept["labels"], kept["predictions"], tiny_dataset.spec.class_names)
    assert result.macro_f1_percent == scores.macro_f1_percent
    assert result.confusion == scores.confusion
    assert np.sum(result.confusion) == 12


def test_stored_weights_give_the_stored_predictions(tiny_dataset, results):
    case = make_case(tiny_dataset)
    train(case, tiny_dataset, results, CPU)
    network = build_network(parse_model("resnet8"), 1, 3, seed=99).eval()
    network.load_state_dict(weights_of(case, results))
    with torch.no_grad():
        predicted = network(prepare(tiny_dataset.test.pixels, case.recipe.augmentation, 8)).argmax(1)
    with np.load(results.folder(case) / "predictions.npz") as kept:
        assert predicted.tolist() == kept["predictions"].tolist()


@pytest.mark.parametrize("val_split", [0.0, 0.3])
def test_same_case_twice_gives_bit_identical_weights(val_split, tiny_dataset, results, tmp_path):
    case = make_case(tiny_dataset, val_split=val_split)
    train(case, tiny_dataset, results, CPU)
    first = weights_of(case, results)
    torch.rand(7)  # what the global generator has been used for meanwhile must not matter
    train(case, tiny_dataset, results, CPU, rerun=True)
    second = weights_of(case, results)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_result_on_a_share_of_the_images_says_so(results):
    dataset = make_dataset(train_images=30)
    whole = replace(dataset, spec=replace(dataset.spec, train_images=30, test_images=len(dataset.test)))
    assert train(make_case(whole), whole, results, CPU).dataset_whole
    result = train(make_case(whole, train_fraction=0.5), whole, results, CPU)
    assert (result.train_images, result.test_images, result.dataset_whole) == (15, len(dataset.test), False)


def test_training_leaves_the_global_generator_unchanged(tiny_dataset, results):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    train(make_case(tiny_dataset), tiny_dataset, results, CPU)
    assert torch.equal(torch.rand(3), expected)


def test_another_seed_gives_other_weights(tiny_dataset, results):
    cases = [make_case(tiny_dataset, seed=seed) for seed in (0, 1)]
    for case in cases:
        train(case, tiny_dataset, results, CPU)
    assert not torch.equal(*(weights_of(case, results)["conv1.weight"] for case in cases))


def test_training_learns(results):
    dataset = make_dataset(train_images=90, test_images=30)
    recipe = replace(TINY_RECIPE, epochs=8, milestones=(6,))
    result = train(make_case(dataset, recipe=recipe), dataset, results, CPU)
    assert result.accuracy_percent >= 90


def test_finished_case_is_not_trained_again_unless_asked(tiny_dataset, results):
    case, recorder = make_case(tiny_dataset), Recorder()
    first = train(case, tiny_dataset, results, CPU)
    again = train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder))
    assert again.epoch_seconds == first.epoch_seconds
    assert recorder.epochs == []
    rerun = train(case, tiny_dataset, results, CPU, rerun=True, context=TrainingContext(callback=recorder))
    assert len(recorder.epochs) == 3
    assert rerun.epoch_seconds != first.epoch_seconds


def test_rerun_uses_a_result_finished_while_it_waited(tiny_dataset, results, monkeypatch):
    case, recorder = make_case(tiny_dataset), Recorder()
    first = train(case, tiny_dataset, results, CPU)
    monkeypatch.setattr(results, "locked", lambda *_: contextlib.nullcontext(True))
    again = train(case, tiny_dataset, results, CPU, rerun=True, context=TrainingContext(callback=recorder))
    assert recorder.epochs == []
    assert again.epoch_seconds == first.epoch_seconds


def test_result_of_a_moved_folder_has_its_new_path(tiny_dataset, results):
    dataset = replace(tiny_dataset, spec=replace(tiny_dataset.spec, name="folder:/before/photos"))
    case = replace(make_case(dataset), dataset="folder:/before/photos")
    train(case, dataset, results, CPU)
    moved, recorder = replace(case, dataset="folder:/now/photos"), Recorder()
    result = train(moved, dataset, results, CPU, context=TrainingContext(callback=recorder))
    assert recorder.epochs == []
    assert (result.case, result.dataset) == (moved, "folder:/now/photos")


def test_divergence_is_a_result_and_not_retried(tiny_dataset, results):
    recorder = Recorder()
    case = make_case(tiny_dataset, recipe=replace(TINY_RECIPE, learning_rate=1e30))
    result = train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder))
    assert (result.status, result.accuracy_percent, result.marginal_gain) == ("diverged", None, None)
    assert "no longer a number" in result.cause
    assert result.epochs == len(recorder.epochs) < 4
    train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder))
    assert result.epochs == len(recorder.epochs)


def test_lack_of_memory_is_a_result_and_retried(tiny_dataset, results, monkeypatch):
    def fail(*_):
        raise torch.OutOfMemoryError("tried to allocate 8 EiB")

    with monkeypatch.context() as broken:
        broken.setattr(FastTrainer, "step", fail)
        result = train(make_case(tiny_dataset), tiny_dataset, results, CPU)
    assert (result.status, result.epochs) == ("out_of_memory", 0)
    assert result.cause.startswith("tried to allocate 8 EiB; lower the recipe's batch_size")
    assert train(make_case(tiny_dataset), tiny_dataset, results, CPU).status == "complete"


def test_torchs_message_on_lack_of_cpu_memory_is_recognised():
    with pytest.raises(RuntimeError) as refusal:
        torch.empty(2**60)
    assert is_out_of_memory(refusal.value)
    assert not is_out_of_memory(RuntimeError("the GPU fell out"))


def test_finished_case_with_a_missing_file_is_trained_again(tiny_dataset, results):
    case, recorder = make_case(tiny_dataset), Recorder()
    train(case, tiny_dataset, results, CPU)
    (results.folder(case) / "weights.safetensors").unlink()
    assert train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder)).is_complete
    assert len(recorder.epochs) == 3
    (notice,) = recorder.notices
    assert "weights.safetensors is missing\nit is quarantined as *.refused, and the case is trained again" in notice


def test_parameter_count_is_of_the_cases_own_shortcut(tiny_dataset, results):
    case = make_case(tiny_dataset, shortcut="B")
    result = train(case, tiny_dataset, results, CPU)
    network = build_network(parse_model("resnet8"), 1, 3, seed=0, shortcut="B")
    assert result.params == sum(parameter.numel() for parameter in network.parameters())


def test_any_other_failure_is_recorded_and_raised(tiny_dataset, results, monkeypatch):
    def fail(*_):
        raise RuntimeError("the GPU fell out")

    case = make_case(tiny_dataset)
    with monkeypatch.context() as broken:
        broken.setattr(FastTrainer, "step", fail)
        with pytest.raises(RuntimeError, match="fell out"):
            train(case, tiny_dataset, results, CPU)
    assert results.find(case).status == "failed"
    assert results.find(case).cause == "RuntimeError: the GPU fell out"
    assert train(case, tiny_dataset, results, CPU).is_complete


def test_failure_that_cannot_be_recorded_is_still_raised(tiny_dataset, results, monkeypatch):
    def fail(*_):
        raise RuntimeError("the GPU fell out")

    def refuse(*_):
        raise InputError("cannot write results")

    monkeypatch.setattr(FastTrainer, "step", fail)
    monkeypatch.setattr(results, "write_result", refuse)
    with pytest.raises(RuntimeError, match="fell out"):
        train(make_case(tiny_dataset), tiny_dataset, results, CPU)


def test_with_validation_the_test_set_is_evaluated_only_at_the_end(tiny_dataset, results, monkeypatch):
    sizes = []
    evaluate = FastTrainer.evaluate
    monkeypatch.setattr(
        FastTrainer,
        "evaluate",
        lambda self, images, **options: sizes.append(len(images)) or evaluate(self, images, **options),
    )
    case = make_case(tiny_dataset, val_split=0.3)
    result = train(case, tiny_dataset, results, CPU)
    assert (result.train_images, result.evaluation_images, result.test_images) == (21, 9, 12)
    assert sizes == [9, 9, 9, 12, 12]  # three epochs, then the final and the best weights
    accuracies = [record.evaluation_accuracy_percent for record in results.read_epochs(case)]
    assert result.best_epoch == accuracies.index(max(accuracies)) + 1


def test_with_validation_the_best_epochs_weights_are_tested(tiny_dataset, results, monkeypatch):
    evaluated = evaluating_to(monkeypatch, [10.0, 90.0, 20.0, 55.0, 66.0])
    result = train(make_case(tiny_dataset, val_split=0.3), tiny_dataset, results, CPU)
    assert (result.best_epoch, result.best_accuracy_percent) == (2, 66.0)
    assert torch.equal(evaluated[4], evaluated[1])
    assert torch.equal(evaluated[3], evaluated[2])
    assert torch.equal(weights_of(result.case, results)["fc.weight"], evaluated[2])


def test_case_is_not_trained_on_images_of_another_dataset(tiny_dataset, results):
    with pytest.raises(InputError, match="other images"):
        train(make_case(tiny_dataset), make_dataset(seed=1), results, CPU)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "cifar10"}, "the case's dataset is cifar10, the images given are digits"),
        ({"device_kind": "cuda"}, "the case's device_kind is 'cuda', the device given is cpu"),
        ({"precision": "fp8"}, "unknown precision 'fp8': give one of"),
        ({"precision": "auto"}, "the case's precision is 'auto': give '(fp32|bf16)'"),
        ({"precision": "tf32"}, "precision 'tf32' is not supported on cpu"),
        ({"mode": "slow"}, "mode 'slow': give one of full, shortened, quick"),
        ({"seed": -1}, "seed -1: give a whole number from 0"),
        ({"seed": "a"}, "seed a: give a whole number from 0"),
        ({"recipe": replace(TINY_RECIPE, epochs=1)}, "recipe 'tiny': milestones .2,. with 1 epochs: .* up to 1"),
        ({"recipe": "fast"}, "recipe 'fast' is not a Recipe: give e.g. harness.CIFAR10"),
    ],
)
def test_a_wrong_case_is_refused_by_name_before_training(changes, message, tiny_dataset, results):
    with pytest.raises(InputError, match=message):
        train(replace(make_case(tiny_dataset), **changes), tiny_dataset, results, CPU)
    assert not results.root.exists()


def test_images_of_different_sizes_are_trained_after_resizing(results):
    dataset = of_different_sizes(make_dataset())
    augmentation = replace(TINY_RECIPE.augmentation, rotate_first=True, crop_scale=None)
    case = make_case(dataset, recipe=replace(TINY_RECIPE, augmentation=augmentation).with_epochs(1))
    assert train(case, dataset, results, CPU).status == "complete"


def test_cause_of_a_failure_is_one_line_of_printable_characters(tiny_dataset, results, monkeypatch):
    def fail(*_):
        raise RuntimeError("red \x1b[31malert\r gone\nsecond line")

    monkeypatch.setattr(FastTrainer, "step", fail)
    case = make_case(tiny_dataset)
    with pytest.raises(RuntimeError):
        train(case, tiny_dataset, results, CPU)
    assert results.find(case).cause == "RuntimeError: red alert gone"
