"""The checks of the images, each seen to fail."""

from dataclasses import replace

import pytest
import torch

from harness.throughput.doctor import images
from harness.throughput.doctor.images import augmentation_equals_the_cpus, streamed_equals_resident
from harness.training.trainers.fast import FastTrainer
from tests.throughput.doctor.subjects import pass_for_cuda


def test_right_augmentation_passes(subject):
    outcome = augmentation_equals_the_cpus(subject)
    assert outcome.status == "passed"
    assert outcome.figures["largest_share"] == 0
    assert all(name in outcome.text for name in ("cifar10", "fashionmnist", "gtsrb", "digits"))


@pytest.mark.parametrize("name", ["augment", "prepare"])
def test_images_off_by_a_pixel_fail(subject, monkeypatch, name):
    right = getattr(images, name)

    def shifted(pixels, *arguments):  # in batches only: one by one is the CPU's way
        found = right(pixels, *arguments)
        return found if len(pixels) == 1 else found.roll(1, dims=3)

    monkeypatch.setattr(images, name, shifted)
    assert augmentation_equals_the_cpus(subject).status == "failed"


def test_pixels_that_are_no_numbers_fail(subject, monkeypatch):
    right = images.augment

    def broken(pixels, *arguments):
        found = right(pixels, *arguments)
        return found if len(pixels) == 1 else found * torch.nan

    monkeypatch.setattr(images, "augment", broken)
    assert augmentation_equals_the_cpus(subject).status == "failed"


def test_streaming_does_not_apply_to_a_cpu(subject):
    assert streamed_equals_resident(subject).status == "not_applicable"


def test_streamed_images_equal_to_resident_ones_pass(subject, monkeypatch):
    pass_for_cuda(monkeypatch)
    assert streamed_equals_resident(subject).status == "passed"


def test_streamed_images_in_another_order_fail(subject, monkeypatch):
    pass_for_cuda(monkeypatch)
    right = FastTrainer.place

    def place(self, given, name="train"):
        found = right(self, given, name)
        return replace(found, labels=found.labels.roll(1)) if "resident" in self.switched_off else found

    monkeypatch.setattr(FastTrainer, "place", place)
    assert streamed_equals_resident(subject).status == "failed"
