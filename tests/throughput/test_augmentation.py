import pytest
import torch

from harness.config.datasets import SPECS
from harness.config.recipes import CIFAR10, DIGITS, GTSRB
from harness.throughput import augmentation
from harness.throughput.augmentation import compare_augmentation
from harness.training.trainers import reference


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


def test_measuring_leaves_the_global_generator_unchanged():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    compare_augmentation(SPECS["digits"], DIGITS, rounds=1, images=5)
    assert torch.equal(torch.rand(3), expected)
