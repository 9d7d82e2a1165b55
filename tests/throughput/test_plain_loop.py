from dataclasses import replace

import pytest
import torch

from harness.data.augment import prepare
from harness.throughput import plain_loop
from harness.throughput.plain_loop import PlainLoop, train_plainly
from harness.training.trainers.fast import FastTrainer
from tests.helpers.tiny import CPU, TINY_RECIPE, TINY_SPEC, make_case, make_dataset

DATASET = make_dataset(train_images=30)


@pytest.fixture
def make_loop():
    return lambda **changes: PlainLoop(make_case(DATASET, **changes), TINY_SPEC, CPU)


def test_the_plain_loop_takes_the_same_steps_as_the_fast_pipeline(make_loop):
    loop, trainer = make_loop(), FastTrainer(make_case(DATASET), TINY_SPEC, CPU)
    batches = [
        (prepare(DATASET.train.pixels[part], TINY_RECIPE.augmentation, 8), DATASET.train.labels[part])
        for part in (slice(8), slice(8, 16))
    ]
    trainer.network.train()
    for batch in batches:
        trainer.step(*batch)
    loss = train_plainly(loop.network, loop.optimizer, batches)
    assert loss.item() == pytest.approx(trainer._loss_sum.item() / 8, rel=1e-4)
    for ours, theirs in zip(trainer.network.parameters(), loop.network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("precision", "computed_at"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_plain_loop_trains_ready_channels_last_batches(precision, computed_at, make_loop, monkeypatch):
    found, loop = [], make_loop(precision=precision)

    def recorded(network, optimizer, batches, *, bf16):
        found.extend(batches)
        return train_plainly(network, optimizer, found, bf16=bf16)

    dtypes = []
    loop.network.register_forward_hook(lambda *given: dtypes.append(given[-1].dtype))
    monkeypatch.setattr(plain_loop, "train_plainly", recorded)
    measured = loop.measure(DATASET.train)
    assert measured.images_per_second > 0
    assert measured.load_share == 0
    assert [len(labels) for _, labels in found] == [8, 8, 8]
    assert all(images.is_contiguous(memory_format=torch.channels_last) for images, _ in found)
    assert dtypes == [computed_at] * 3


def test_few_ready_batches_are_used_in_turn(make_loop, monkeypatch):
    monkeypatch.setattr(plain_loop, "_READY_BYTES", 0)
    found, loop = [], make_loop()
    monkeypatch.setattr(plain_loop, "train_plainly", lambda *given, **_: found.extend(given[-1]))
    loop.measure(DATASET.train)
    assert len(found) == 3
    assert len({id(images) for images, _ in found}) == 1


def test_only_whole_batches_of_images_are_counted(make_loop, monkeypatch):
    now = iter([0.0, 2.0])
    monkeypatch.setattr("harness.hardware.stopwatch.Stopwatch._now", lambda _: next(now))
    monkeypatch.setattr(plain_loop, "train_plainly", lambda *_, **__: None)
    loop = make_loop(recipe=replace(TINY_RECIPE, batch_size=20))
    assert loop.measure(DATASET.train).images_per_second == 20 / 2.0
