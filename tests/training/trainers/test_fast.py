from dataclasses import replace

import pytest
import torch

from harness.config.families import parse_model
from harness.config.recipes import CIFAR10
from harness.data.augment import prepare
from harness.hardware.stopwatch import Stopwatch
from harness.models.build import build_network
from harness.training.trainers import fast
from harness.training.trainers.fast import FastTrainer, chunk_size
from tests.helpers.tiny import CPU, TINY_RECIPE, TINY_SPEC, make_case


def test_every_image_is_trained_once_per_epoch(tiny_dataset, monkeypatch):
    seen = []
    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    step = trainer.step
    monkeypatch.setattr(trainer, "step", lambda batch, labels: seen.append(len(labels)) or step(batch, labels))
    trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU))
    assert seen == [8, 8, 8, 6]


def test_seed_and_epoch_decide_order_and_augmentation(tiny_dataset, monkeypatch):
    def first_batch(seed, epoch):
        trainer, seen = FastTrainer(make_case(tiny_dataset, seed=seed), TINY_SPEC, CPU), []
        step = trainer.step
        monkeypatch.setattr(trainer, "step", lambda batch, labels: seen.append(batch) or step(batch, labels))
        trainer.train_epoch(tiny_dataset.train, epoch, Stopwatch(CPU))
        return seen[0]

    batches = [first_batch(seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert not any(torch.equal(one, other) for k, one in enumerate(batches) for other in batches[:k])
    assert torch.equal(first_batch(1, 1), batches[3])


def test_every_epoch_has_the_recipes_learning_rate(tiny_dataset):
    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    used = []
    for epoch in (0, 1, 2):
        trainer.train_epoch(tiny_dataset.train, epoch, Stopwatch(CPU))
        used.append(trainer.optimizer.param_groups[0]["lr"])
    assert used == pytest.approx([0.05, 0.05, 0.005])


def test_the_chunk_size_does_not_change_the_weights(tiny_dataset, monkeypatch):
    def weights_after_an_epoch():
        trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
        shares = []
        trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU), shares.append)
        return trainer.weights(), shares

    whole, shares_of_whole = weights_after_an_epoch()
    monkeypatch.setitem(fast._CHUNK_BYTES, "cpu", 1)
    chunked, shares_of_chunked = weights_after_an_epoch()
    assert (shares_of_whole, shares_of_chunked) == ([1.0], [8 / 30, 16 / 30, 24 / 30, 1.0])
    assert all(torch.equal(whole[name], chunked[name]) for name in whole)


def test_a_chunk_holds_full_batches_and_at_least_one():
    assert chunk_size(CIFAR10, 3, CPU) == 128  # fits a core's cache
    assert chunk_size(CIFAR10, 3, torch.device("cuda", 0)) == 10 * 128
    assert chunk_size(TINY_RECIPE, 1, CPU) * 8 * 8 * 4 <= 2 * 2**20
    assert chunk_size(replace(TINY_RECIPE, image_size=4096), 1, CPU) == 8


def test_one_step_is_the_papers_sgd(tiny_dataset):
    recipe = replace(TINY_RECIPE, weight_decay=0.1)
    trainer = FastTrainer(make_case(tiny_dataset, recipe=recipe), TINY_SPEC, CPU)
    network = build_network(parse_model("resnet8"), 1, 3, seed=0)
    batch = prepare(tiny_dataset.train.pixels[:8], TINY_RECIPE.augmentation, 8)
    labels = tiny_dataset.train.labels[:8]
    torch.nn.functional.cross_entropy(network(batch), labels).backward()
    weight, gradient = network.fc.weight.detach(), network.fc.weight.grad
    decayed = gradient + 0.1 * weight
    nesterov = decayed + 0.9 * decayed  # the momentum buffer starts as the gradient
    trainer.step(batch, labels)
    assert torch.allclose(trainer.network.fc.weight, weight - 0.05 * nesterov, atol=1e-6)


def test_evaluation_changes_neither_weights_nor_statistics(tiny_dataset):
    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    before = trainer.weights()
    trainer.evaluate(tiny_dataset.test)
    after = trainer.weights()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_evaluation_is_the_same_for_any_batch_size(tiny_dataset, monkeypatch):
    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    whole = trainer.evaluate(tiny_dataset.test)
    monkeypatch.setattr(fast, "_EVALUATION_BATCH_SIZE", 5)
    parts = trainer.evaluate(tiny_dataset.test)
    assert parts.loss == pytest.approx(whole.loss)
    assert parts.predictions.tolist() == whole.predictions.tolist()


def test_nothing_is_read_from_the_device_before_an_epochs_end(tiny_dataset, monkeypatch):
    recipe = replace(TINY_RECIPE, augmentation=replace(TINY_RECIPE.augmentation, crop_scale=None))
    trainer, read = FastTrainer(make_case(tiny_dataset, recipe=recipe), TINY_SPEC, CPU), []
    for name in ("item", "tolist", "cpu", "__bool__", "__int__", "__float__"):
        original = getattr(torch.Tensor, name)
        monkeypatch.setattr(
            torch.Tensor, name, lambda self, name=name, original=original: read.append(name) or original(self)
        )
    shares = []
    trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU), lambda share: shares.append((share, list(read))))
    assert shares == [(1.0, [])]
    assert read == ["item", "item"]  # the loss and the number of correct images


def test_every_epoch_resets_its_sums(tiny_dataset):
    trainer = FastTrainer(make_case(tiny_dataset, recipe=replace(TINY_RECIPE, learning_rate=1e-9)), TINY_SPEC, CPU)
    first, second = (trainer.train_epoch(tiny_dataset.train, epoch, Stopwatch(CPU)) for epoch in (0, 0))
    assert second[0] == pytest.approx(first[0], rel=1e-3)
    assert second[1] == pytest.approx(first[1], abs=5)


@pytest.mark.parametrize(("gigabytes", "images"), [(8, 27), (80, 128), (1000, 220)])
def test_a_gpu_with_room_evaluates_in_large_batches(gigabytes, images, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (0, gigabytes * 10**9))
    gpu = torch.device("cuda", 0)
    assert fast.evaluation_batch_size(replace(CIFAR10, image_size=225), 3, gpu) == images
    assert fast.evaluation_batch_size(CIFAR10, 3, gpu) == 500


def test_large_images_are_evaluated_in_small_batches():
    assert fast.evaluation_batch_size(CIFAR10, 3) == 500
    assert fast.evaluation_batch_size(replace(CIFAR10, image_size=225), 3) == 27
    assert fast.evaluation_batch_size(replace(CIFAR10, image_size=8192), 3) == 1
