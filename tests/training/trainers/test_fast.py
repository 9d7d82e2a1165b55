from dataclasses import replace

import pytest
import torch

from harness.config.families import parse_model
from harness.config.recipes import CIFAR10
from harness.data.augment import prepare
from harness.hardware.stopwatch import Stopwatch
from harness.models.resnet import build_network
from harness.training.trainers import fast
from harness.training.trainers.fast import FastTrainer, chunk_size
from harness.training.trainers.trainer import epoch_generator
from tests.helpers.tiny import CPU, TINY_RECIPE, TINY_SPEC, make_case


def test_every_image_is_trained_once_an_epoch_the_partial_last_batch_too(tiny_dataset, monkeypatch):
    seen = []
    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    step = trainer.step
    monkeypatch.setattr(trainer, "step", lambda batch, labels: seen.append(len(labels)) or step(batch, labels))
    trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU))
    assert seen == [8, 8, 8, 6]


def test_every_epoch_and_every_seed_has_an_order_and_an_augmentation_of_its_own(tiny_dataset, monkeypatch):
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


def test_chunks_change_nothing_but_when_images_are_augmented(tiny_dataset, monkeypatch):
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


def test_a_chunk_is_whole_batches_one_at_least_and_more_on_a_gpu():
    assert chunk_size(CIFAR10, 3, CPU) == 128  # what a core's cache holds
    assert chunk_size(CIFAR10, 3, torch.device("cuda", 0)) == 170 * 128
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
    nesterov = decayed + 0.9 * decayed  # the momentum buffer begins as the gradient
    trainer.step(batch, labels)
    assert torch.allclose(trainer.network.fc.weight, weight - 0.05 * nesterov, atol=1e-6)


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        return torch.randperm(50, generator=epoch_generator(seed, epoch)).tolist()

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


def test_evaluating_changes_neither_weights_nor_statistics(tiny_dataset):
    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    before = trainer.weights()
    trainer.evaluate(tiny_dataset.test)
    after = trainer.weights()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_evaluation_is_the_same_in_batches_of_any_size(tiny_dataset, monkeypatch):
    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    whole = trainer.evaluate(tiny_dataset.test)
    monkeypatch.setattr(fast, "_EVALUATION_BATCH_SIZE", 5)
    parts = trainer.evaluate(tiny_dataset.test)
    assert parts.loss == pytest.approx(whole.loss)
    assert parts.predictions.tolist() == whole.predictions.tolist()


def test_nothing_is_read_back_from_the_device_before_an_epochs_end(tiny_dataset, monkeypatch):
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
    assert read == ["item", "item"]  # the loss and the hits


def test_an_epoch_begins_its_sums_anew(tiny_dataset):
    trainer = FastTrainer(make_case(tiny_dataset, recipe=replace(TINY_RECIPE, learning_rate=1e-9)), TINY_SPEC, CPU)
    first, second = (trainer.train_epoch(tiny_dataset.train, epoch, Stopwatch(CPU)) for epoch in (0, 0))
    assert second[0] == pytest.approx(first[0], rel=1e-3)
    assert second[1] == pytest.approx(first[1], abs=5)


def test_images_of_large_size_are_evaluated_few_at_a_time():
    assert fast.evaluation_batch_size(CIFAR10, 3) == 500
    assert fast.evaluation_batch_size(replace(CIFAR10, image_size=225), 3) == 27
    assert fast.evaluation_batch_size(replace(CIFAR10, image_size=10_000), 3) == 1
