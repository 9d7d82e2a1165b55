import pytest
import torch

from harness.config.datasets import SPECS
from harness.config.recipes import CIFAR10, DIGITS, GTSRB
from harness.throughput import augmentation
from harness.throughput.augmentation import compare_augmentation
from harness.training.trainers import reference
from tests.helpers.busy import needs_affinity, pinned_beside_a_busy_process
from tests.helpers.disturbances import QUIET, busy, use_meter, use_real_meter


def test_both_ways_are_measured_alternately_on_one_thread(monkeypatch):
    ran = []
    for name in ("_augment_batched", "_augment_one_by_one"):
        work = getattr(augmentation, name)
        monkeypatch.setattr(
            augmentation,
            name,
            lambda *given, name=name, work=work: ran.append((name, torch.get_num_threads())) or work(*given),
        )
    threads = torch.get_num_threads()
    measured = compare_augmentation(SPECS["digits"], DIGITS, rounds=2, images=20)
    assert ran[1:] == [("_augment_batched", 1), ("_augment_one_by_one", 1)] * 2
    assert torch.get_num_threads() == threads
    assert len(measured.batched) == len(measured.per_sample) == 2
    assert min(measured.batched + measured.per_sample) > 0


@pytest.mark.parametrize("recipe", [CIFAR10, GTSRB], ids=lambda recipe: recipe.name)
def test_every_image_is_augmented_both_ways(recipe, monkeypatch):
    batched, single = [], []
    augment, get = augmentation.augment, reference.Samples.__getitem__
    monkeypatch.setattr(augmentation, "augment", lambda *given: batched.append(augment(*given)) or batched[-1])
    monkeypatch.setattr(
        reference.Samples, "__getitem__", lambda self, k: single.append(get(self, k)[0]) or (single[-1], 0)
    )
    compare_augmentation(SPECS[recipe.name], recipe, rounds=1, images=7)
    shape = (3, recipe.image_size, recipe.image_size)
    assert [tuple(image.shape) for image in single] == [shape] * 7
    assert sum(len(chunk) for chunk in batched) == 2 * 7  # the first is the warm-up round
    assert batched[0].shape[1:] == shape


def test_a_disturbed_round_is_measured_again_both_ways(monkeypatch):
    use_meter(monkeypatch, QUIET, busy(0.8), QUIET)
    notified = []
    measured = compare_augmentation(SPECS["digits"], DIGITS, rounds=2, images=5, notify=notified.append)
    assert notified == ["round 1 disturbed (other processes used 0.8 cores): measured again"]
    assert measured.disturbances == (QUIET, QUIET)
    assert measured.disturbed is None


@needs_affinity
def test_a_busy_process_beside_the_augmentation_is_noticed(monkeypatch):
    use_real_meter(monkeypatch)
    notified = []
    with pinned_beside_a_busy_process():
        measured = compare_augmentation(SPECS["digits"], DIGITS, rounds=1, images=1000, notify=notified.append)
    assert len(notified) == 4
    assert str(measured.disturbed).startswith("1 of 1 rounds (other processes used ")


def test_measuring_leaves_the_global_generator_unchanged():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    compare_augmentation(SPECS["digits"], DIGITS, rounds=1, images=5)
    assert torch.equal(torch.rand(3), expected)
