"""The identity of a user's images: from the images and their classes alone, not from their place."""

import os
import random
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.config.datasets import SPECS
from harness.data import registry
from harness.data.formats import class_folders
from harness.data.split import split_validation
from tests.data.builders import anything, encode, noise, write

PIXELS = [encode(noise(2, seed=seed)) for seed in range(8)]

words = st.text("aZ09_ -\u00e9\u00c5\ud55c\u00fc", min_size=1, max_size=6).filter(lambda word: word == word.strip())
tracks = st.from_regex(r"([0-9]{5}_)?[0-9]{5}_[0-9]{5}", fullmatch=True).filter(str.isascii)
stems = st.one_of(words, tracks)
images = st.builds("{}/{}.{}".format, st.sampled_from(["", "day 1", "2\u00e9"]), stems, st.sampled_from(["png", "PNG"]))
classes = st.lists(words, min_size=2, max_size=3, unique_by=str.casefold)


@st.composite
def folders(draw):
    """File names of a dataset, each with its content."""
    names = draw(classes)
    files = {}
    for folder in (f"{split}/{name}" for split in ("train", "test") for name in names):
        for image in draw(st.lists(images, min_size=1, max_size=4, unique_by=str.casefold)):
            files[f"{folder}/{image}"] = draw(st.sampled_from(PIXELS))
    return files


def fingerprint_of(root):
    registry.forget_loaded()
    return registry.load(f"folder:{root}", root).fingerprint


@hypothesis_settings(anything, max_examples=40)
@given(folders(), st.randoms(use_true_random=False))
def test_the_same_images_in_two_places_have_one_fingerprint(tmp_path_factory, files, order):
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there") / "in a/deeper place"
    for name, content in files.items():
        write(here / name, content)
    for name in order.sample(
        [*files], len(files)
    ):  # in another order, at another time, with names as macOS writes them
        os.utime(write(there / unicodedata.normalize("NFD", name), files[name]), (1, 1))
    (here / "linked").symlink_to(there)
    assert fingerprint_of(here) == fingerprint_of(there) == fingerprint_of(here / "linked")


def name_like_tracks(label, number):
    """Return a name that looks like GTSRB's: class 0 then has a track per image, every other class has one."""
    return f"{10_000 + number if label == 0 else 10_115 + label:05d}_{number:05d}.png"


def test_own_images_have_no_tracks_and_are_held_out_of_each_class(tmp_path):
    for split in ("train", "test"):
        for label, name in enumerate("abc"):
            for number in range(20):
                write(tmp_path / split / name / name_like_tracks(label, number), PIXELS[number % 8])
    train = registry.load(f"folder:{tmp_path}", tmp_path).train
    assert train.tracks is None
    assert Counter(split_validation(train, 0.2)[1].labels.tolist()) == {0: 4, 1: 4, 2: 4}


def test_names_like_tracks_mean_nothing_in_other_published_datasets(tmp_path):
    for split in ("train", "test"):
        for name in SPECS["cifar10"].class_names:
            write(tmp_path / "cifar10" / split / name / "00001_00002.png", encode(noise(32)))
    assert registry.load("cifar10", tmp_path).train.tracks is None


def write_gtsrb(root, odd_name):
    shots = random.Random(0)
    for split in ("train", "test"):
        for label in range(43):
            write(root / "gtsrb" / split / f"{label:05d}/00001_00002.png", shots.choice(PIXELS))
    write(root / "gtsrb/train/00007" / odd_name, PIXELS[0])
    return root


@pytest.mark.parametrize("odd_name", ["odd.png", "00001_00003.png", "00007_00001_00003.png"])
def test_gtsrb_in_class_folders_has_one_fingerprint_in_two_places(tmp_path, odd_name):
    here, there = (registry.load("gtsrb", write_gtsrb(tmp_path / place, odd_name)) for place in ("here", "there/deep"))
    assert here.fingerprint == there.fingerprint
    assert here.train.tracks[:2] == ("00000_00001", "00001_00001")
    assert (here.train.tracks[8] == here.train.tracks[7]) is (odd_name != "odd.png")
    assert class_folders.no_track(tmp_path, 0) is None


def test_fingerprint_of_gtsrb_in_class_folders_is_as_in_earlier_versions(tmp_path):
    write_gtsrb(tmp_path, "00001_00003.png")
    expected = "a9f3a5b176e51337b907b4bd13b68325d19e80aeb5c2cd15d1f914c4ac492603"
    assert registry.load("gtsrb", tmp_path).fingerprint == expected


def test_fingerprint_of_own_images_is_as_in_earlier_versions(tmp_path):
    for number, name in enumerate(["train/cat/0", "train/cat/1", "train/dog/a", "test/cat/0", "test/dog/0"]):
        write(tmp_path / f"{name}.png", PIXELS[number])
    assert fingerprint_of(tmp_path) == "facfd7109e4735d0c7ca08ba2da4e47a4464548521ed9ef2337e485d0e08d447"
