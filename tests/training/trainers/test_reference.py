from dataclasses import replace

import pytest
import torch
from PIL import Image
from torchvision import transforms

from harness.config.recipes import CIFAR10, DIGITS, FASHIONMNIST, GTSRB
from harness.data.augment import prepare
from harness.hardware.stopwatch import Stopwatch
from harness.training.train import train
from harness.training.trainers import make_trainer, reference
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.reference import ReferenceTrainer, Samples, evaluation_transform, training_transform
from tests.helpers.tiny import CPU, TINY_RECIPE, TINY_SPEC, make_case, make_dataset, of_different_sizes


def reference_case(dataset, **changes):
    return make_case(dataset, pipeline="reference", **changes)


def names(compose):
    return [type(part).__name__ for part in compose.transforms]


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (
            CIFAR10,
            "ToTensor Normalize RandomHorizontalFlip RandomVerticalFlip RandomRotation RandomResizedCrop",
        ),
        (FASHIONMNIST, "ToTensor Normalize RandomHorizontalFlip RandomVerticalFlip RandomRotation"),
        (GTSRB, "RandomRotation ToTensor Normalize Resize RandomHorizontalFlip RandomVerticalFlip"),
        (DIGITS, "ToTensor Normalize"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_transforms_are_in_the_appendixs_order(recipe, expected):
    compose = training_transform(recipe.augmentation, recipe.image_size)
    assert names(compose) == expected.split()


def test_the_transforms_have_the_augmentations_parameters():
    parts = {type(part).__name__: part for part in training_transform(CIFAR10.augmentation, 32).transforms}
    assert parts["RandomRotation"].degrees == [-30.0, 30.0]
    assert parts["RandomRotation"].interpolation == transforms.InterpolationMode.NEAREST
    crop = parts["RandomResizedCrop"]
    assert (crop.size, crop.scale, crop.ratio, crop.antialias) == ((32, 32), (0.75, 1.0), (1.0, 1.0), True)
    assert (parts["Normalize"].mean, parts["Normalize"].std) == (CIFAR10.augmentation.mean, CIFAR10.augmentation.std)
    assert parts["RandomHorizontalFlip"].p == parts["RandomVerticalFlip"].p == 0.5


@pytest.mark.parametrize("recipe", [CIFAR10, FASHIONMNIST, GTSRB, DIGITS], ids=lambda recipe: recipe.name)
def test_test_images_are_prepared_as_in_the_fast_pipeline(recipe):
    channels = len(recipe.augmentation.mean)
    side = 40 if recipe.augmentation.rotate_first else recipe.image_size
    pixels = torch.randint(0, 256, (5, channels, side, side), dtype=torch.uint8)
    images = make_dataset().train
    samples = Samples(
        replace(images, pixels=pixels, labels=torch.arange(5)),
        evaluation_transform(recipe.augmentation, recipe.image_size),
    )
    expected = prepare(pixels, recipe.augmentation, recipe.image_size)
    assert torch.allclose(torch.stack([samples[k][0] for k in range(5)]), expected, atol=1e-5)
    assert [samples[k][1] for k in range(5)] == [0, 1, 2, 3, 4]


def test_transforms_receive_pil_images_as_from_torchvision():
    pixels = torch.randint(0, 256, (2, 3, 4, 6), dtype=torch.uint8)
    seen = []
    images = replace(make_dataset().train, pixels=pixels, labels=torch.tensor([1, 0]))
    Samples(images, lambda image: seen.append(image) or torch.zeros(1))[1]
    assert isinstance(seen[0], Image.Image)
    assert (seen[0].mode, seen[0].size) == ("RGB", (6, 4))
    assert torch.equal(transforms.functional.pil_to_tensor(seen[0]), pixels[1])


@pytest.mark.parametrize("workers", [1, 2])
def test_training_twice_is_bit_identical(workers, tiny_dataset, results, monkeypatch):
    monkeypatch.setattr(reference, "worker_count", lambda: workers)

    def weights():
        trainer = ReferenceTrainer(reference_case(tiny_dataset), TINY_SPEC, CPU)
        for epoch in range(2):
            trainer.train_epoch(tiny_dataset.train, epoch, Stopwatch(CPU))
        return trainer.weights()

    first = weights()
    torch.rand(7)
    second = weights()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_an_epoch_keeps_the_global_random_state(tiny_dataset):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    trainer = ReferenceTrainer(reference_case(tiny_dataset), TINY_SPEC, CPU)
    trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU))
    assert torch.equal(torch.rand(3), expected)


def test_every_image_is_trained_once_in_the_epochs_own_order(tiny_dataset, monkeypatch):
    def labels_seen(epoch):
        trainer, seen = ReferenceTrainer(reference_case(tiny_dataset), TINY_SPEC, CPU), []
        step = trainer.step
        monkeypatch.setattr(trainer, "step", lambda batch, labels: seen.append(labels) or step(batch, labels))
        trainer.train_epoch(tiny_dataset.train, epoch, Stopwatch(CPU))
        return seen

    first = labels_seen(0)
    assert [len(labels) for labels in first] == [8, 8, 8, 6]
    assert sorted(torch.cat(first).tolist()) == sorted(tiny_dataset.train.labels.tolist())
    assert torch.cat(first).tolist() != torch.cat(labels_seen(1)).tolist()


def test_both_pipelines_start_equal_and_take_the_same_steps(tiny_dataset):
    recipe = replace(TINY_RECIPE, weight_decay=0.1)
    fast = FastTrainer(make_case(tiny_dataset, recipe=recipe), TINY_SPEC, CPU)
    slow = ReferenceTrainer(reference_case(tiny_dataset, recipe=recipe), TINY_SPEC, CPU)
    before = fast.weights()
    assert all(torch.equal(value, slow.weights()[name]) for name, value in before.items())
    batch = prepare(tiny_dataset.train.pixels[:8], TINY_RECIPE.augmentation, 8)
    for _ in range(3):  # momentum has an effect from the second step on
        fast.step(batch, tiny_dataset.train.labels[:8])
        loss, _ = slow.step(batch, tiny_dataset.train.labels[:8])
    after, expected = fast.weights(), slow.weights()
    assert not torch.equal(before["fc.weight"], after["fc.weight"])
    assert all(torch.allclose(after[name], expected[name], atol=1e-4) for name in after)
    assert loss > 0


def test_both_pipelines_evaluate_alike(tiny_dataset):
    evaluations = [
        make_trainer(make_case(tiny_dataset, pipeline=pipeline), TINY_SPEC, CPU).evaluate(tiny_dataset.test)
        for pipeline in ("fast", "reference")
    ]
    assert evaluations[0].loss == pytest.approx(evaluations[1].loss, rel=1e-4)
    assert evaluations[0].predictions.tolist() == evaluations[1].predictions.tolist()
    assert evaluations[0].accuracy_percent == evaluations[1].accuracy_percent


def test_every_epoch_has_the_recipes_learning_rate(tiny_dataset):
    trainer, used = ReferenceTrainer(reference_case(tiny_dataset), TINY_SPEC, CPU), []
    for epoch in (0, 1, 2):
        trainer.train_epoch(tiny_dataset.train, epoch, Stopwatch(CPU))
        used.append(trainer.optimizer.param_groups[0]["lr"])
    assert used == pytest.approx([0.05, 0.05, 0.005])


def test_loading_and_training_are_timed_and_progress_reported(tiny_dataset):
    trainer, watch, shares = ReferenceTrainer(reference_case(tiny_dataset), TINY_SPEC, CPU), Stopwatch(CPU), []
    trainer.train_epoch(tiny_dataset.train, 0, watch, shares.append)
    assert watch.seconds["load"] > 0
    assert watch.seconds["train"] > 0
    assert sum(watch.seconds.values()) <= watch.total()
    assert shares == pytest.approx([8 / 30, 16 / 30, 24 / 30, 1.0])


def test_each_pipeline_has_a_result_of_its_own(tiny_dataset, results):
    fast, slow = make_case(tiny_dataset), reference_case(tiny_dataset)
    assert train(fast, tiny_dataset, results, CPU).is_complete
    result = train(slow, tiny_dataset, results, CPU)
    assert result.is_complete
    assert results.find(slow).case.pipeline == "reference"
    assert results.find(fast).case.pipeline == "fast"


def test_images_of_different_sizes_are_trained_if_resized(results):
    dataset = of_different_sizes(make_dataset())
    augmentation = replace(TINY_RECIPE.augmentation, rotate_first=True, crop_scale=None)
    case = reference_case(dataset, recipe=replace(TINY_RECIPE, augmentation=augmentation).with_epochs(1))
    assert train(case, dataset, results, CPU).is_complete


def test_workers_are_at_most_the_cores_and_at_most_eight(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(3)), raising=False)
    assert reference.worker_count() == 3
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert reference.worker_count() == 8
