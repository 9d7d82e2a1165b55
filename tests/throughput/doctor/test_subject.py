"""The subject of the checks, and the difference of two trained states."""

import math

import pytest

from harness.errors import InputError
from harness.throughput.doctor.subject import make_subject
from tests.helpers.tiny import CPU


def test_the_difference_is_relative_to_the_change_in_training(subject):
    trained = subject.trained(subject.trainer())
    start = subject.trainer().weights()
    halfway = {
        name: (start[name] + value) / 2 if value.is_floating_point() else value for name, value in trained.items()
    }
    assert subject.difference(trained, trained) == 0
    assert subject.difference(halfway, trained) == pytest.approx(0.5, rel=1e-3)


def test_other_numbers_of_steps_are_an_infinite_difference(subject):
    first, second = subject.trained(subject.trainer()), subject.trained(subject.trainer(), range(2))
    assert subject.difference(first, second) == math.inf


def test_a_value_that_is_no_number_is_within_no_tolerance(subject):
    trained = subject.trained(subject.trainer())
    broken = trained | {"fc.bias": trained["fc.bias"] * math.nan}
    assert not subject.difference(broken, trained) <= 1e9


def test_a_subject_trains_the_published_batches():
    subject = make_subject(CPU, "fashionmnist", "resnet20")
    assert subject.recipe.batch_size == 128
    assert len(subject.images) % 128 != 0


def test_a_dataset_without_published_recipe_is_refused():
    with pytest.raises(InputError, match="dataset 'imagenet': the checks know cifar10"):
        make_subject(CPU, "imagenet", "resnet20")
