import torch

from harness.data.decoding import decode, file_on_disk
from harness.data.images import ImageSet, PackedPixels, fingerprint
from tests.data.builders import encode, noise, write
from tests.data.image_files import counted


def an_image_set(seed=0, labels=(0, 1)):
    return ImageSet(
        torch.from_numpy(noise(4, 8 * len(labels), seed=seed)).reshape(len(labels), 1, 8, -1), torch.tensor(labels)
    )


def test_the_fingerprint_is_a_reproducible_sha256():
    assert fingerprint(an_image_set()) == fingerprint(an_image_set())
    assert len(fingerprint(an_image_set())) == 64
    assert int(fingerprint(an_image_set()), 16)


def test_one_pixel_changes_the_fingerprint():
    changed = an_image_set()
    changed.pixels[1, 0, 7, 3] ^= 1
    assert fingerprint(changed) != fingerprint(an_image_set())


def test_one_label_changes_the_fingerprint():
    assert fingerprint(an_image_set(labels=(0, 2))) != fingerprint(an_image_set(labels=(0, 1)))


def test_the_order_of_the_images_changes_the_fingerprint():
    swapped = an_image_set(labels=(0, 0)).select(torch.tensor([1, 0]))
    assert fingerprint(swapped) != fingerprint(an_image_set(labels=(0, 0)))


def test_exchanged_width_and_height_change_the_fingerprint():
    images = an_image_set()
    turned = ImageSet(images.pixels.reshape(2, 1, -1, 8), images.labels)
    assert turned.pixels.shape != images.pixels.shape
    assert fingerprint(turned) != fingerprint(images)


def test_one_pixel_of_packed_images_changes_the_fingerprint():
    pixels = [torch.zeros(1, 2, 2, dtype=torch.uint8), torch.zeros(1, 3, 3, dtype=torch.uint8)]
    changed = [pixels[0], pixels[1].clone()]
    changed[1][0, 2, 2] = 1
    labels = torch.tensor([0, 1])
    one, other = (ImageSet(PackedPixels.from_images(images), labels) for images in (pixels, changed))
    assert fingerprint(one) != fingerprint(other)


def test_the_fingerprint_is_the_same_in_every_version():
    # It is part of every case's identity: with another value, all results are lost.
    pixels = [counted(3, *size) for size in ((4, 5), (6, 3), (1, 2))]
    one = ImageSet(PackedPixels.from_images(pixels), torch.tensor([2, 0, 1]))
    other = ImageSet(PackedPixels.from_images(pixels[::-1]), torch.tensor([1, 1, 0]), ("a", "b", "b"))
    same_size = ImageSet(counted(2, 3, 4, 5), torch.tensor([2, 0]))
    assert fingerprint(one, other) == "81d71ae8c215ec73f4f0f773e1918d06942406844cfef211c786b80eff05d3de"
    expected = "05e9d06feaa72aac808a3b122f792d9fc5c2ab611e4ee61450c5ab93ed68d834"
    assert fingerprint(same_size, class_names=("x", "y")) == expected


def test_a_selection_has_the_fingerprint_of_its_own_images():
    pixels, labels = [counted(3, side, 2 * side) for side in (2, 3, 4)], torch.tensor([0, 1, 2])
    index = torch.tensor([2, 0])
    selected = ImageSet(PackedPixels.from_images(pixels), labels).select(index)
    alone = ImageSet(PackedPixels.from_images([pixels[2], pixels[0]]), labels[index])
    assert fingerprint(selected) == fingerprint(alone)


def test_exchanging_training_and_test_images_changes_the_fingerprint():
    one, other = an_image_set(seed=1), an_image_set(seed=2)
    assert fingerprint(one, other) != fingerprint(other, one)


def test_the_memory_layout_does_not_change_the_fingerprint():
    images = an_image_set()
    turned_twice = ImageSet(images.pixels.transpose(2, 3).contiguous().transpose(2, 3), images.labels)
    assert not turned_twice.pixels.is_contiguous()
    assert fingerprint(turned_twice) == fingerprint(images)


def test_the_path_of_the_files_does_not_change_the_fingerprint(tmp_path):
    content = encode(noise(4))
    paths = [write(tmp_path / place, content) for place in ("a/x.png", "elsewhere/y.png")]
    one, other = (decode([file_on_disk(path, 3)], channels=3, size=4) for path in paths)
    assert fingerprint(one) == fingerprint(other)
