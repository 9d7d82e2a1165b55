import pytest
import torch
from sklearn.datasets import load_digits

from harness.config.datasets import SPECS
from harness.data.formats import digits
from harness.data.images import fingerprint

DIGITS = "b03e91fd3d761368b37e94b52f349b6e0a1b48cbfe99a91aab01d02a4690878f"


def read(train=None, test=None):
    return digits.locate().read(train, test)


def test_the_split_has_360_training_and_1437_test_images():
    train, test = read()
    assert (len(train), len(test)) == digits.locate().count() == (360, 1_437)


def test_images_are_8_bit_of_one_channel():
    for part in read():
        assert part.pixels.dtype == torch.uint8
        assert part.pixels.shape[1:] == (1, 8, 8)
        assert part.labels.dtype == torch.int64


def test_the_16_grey_levels_span_0_to_255():
    train, test = read()
    levels = torch.cat([train.pixels, test.pixels]).unique().tolist()
    assert levels[0] == 0
    assert levels[-1] == 255
    assert len(levels) == 17


def test_every_image_is_in_one_split_with_its_label():
    bunch = load_digits()
    original = sorted((tuple(image.ravel()), label) for image, label in zip(bunch.images, bunch.target, strict=True))
    split = sorted(
        (tuple((pixels.ravel().float() * 16 / 255).round().tolist()), label)
        for part in read()
        for pixels, label in zip(part.pixels, part.labels.tolist(), strict=True)
    )
    assert split == original


def test_the_split_is_stratified():
    train, test = read()
    of_train, of_test = (part.labels.bincount(minlength=10) for part in (train, test))
    assert (of_test - (of_train + of_test) * 1437 / 1797).abs().max() <= 1


def test_the_split_is_the_same_every_time():
    assert fingerprint(*read()) == fingerprint(*read()) == DIGITS


def test_digits_are_always_verified():
    assert digits.locate().verify() is True


def test_a_slice_has_the_given_size_evenly_spaced():
    train, test = read()
    few_train, few_test = read(3, 2)
    assert torch.equal(few_train.pixels, train.pixels[[0, 120, 240]])
    assert torch.equal(few_test.labels, test.labels[[0, 718]])


@pytest.mark.parametrize(
    ("name", "shape"),
    [("cifar10", (3, 32, 32)), ("fashionmnist", (1, 28, 28)), ("gtsrb", (3, 32, 32)), ("digits", (1, 8, 8))],
)
def test_the_stand_in_has_the_shape_of_the_dataset(name, shape):
    train, test = digits.stand_in(SPECS[name], 16, 8)
    assert train.pixels.shape == (16, *shape)
    assert test.pixels.shape == (8, *shape)
    assert train.pixels.dtype == torch.uint8
    assert train.labels.max() < SPECS[name].num_classes


def test_the_stand_in_is_enlarged_digits_with_their_labels():
    train, _ = digits.stand_in(SPECS["cifar10"], 16, 8)
    small, _ = read(16, 8)
    assert torch.equal(train.labels, small.labels)
    for channel in range(3):
        assert torch.equal(train.pixels[:, channel, ::4, ::4], small.pixels[:, 0])
        assert torch.equal(train.pixels[:, channel, 3::4, 3::4], small.pixels[:, 0])
