"""Test images of a result, read for the report's page."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from harness.config.settings import read_settings
from harness.data import registry
from harness.errors import InputError
from harness.study import pictures
from harness.study.pictures import picture_reader, png
from tests.helpers.synthetic import synthetic_result


def digits_result(**changes):
    fingerprint = registry.load("digits", "nowhere").fingerprint
    return synthetic_result("digits", "resnet20", case_changes={"data_fingerprint": fingerprint}, **changes)


def test_pictures_are_the_test_images_at_the_positions(tmp_path):
    read = picture_reader(read_settings({"data_dir": str(tmp_path)}))
    found = [np.asarray(Image.open(io.BytesIO(one))) for one in read(digits_result(), [7, 0])]
    images = registry.load("digits", tmp_path).test.pixels
    assert [one.tolist() for one in found] == [images[7][0].tolist(), images[0][0].tolist()]


def test_other_images_are_refused(tmp_path):
    read = picture_reader(read_settings({"data_dir": str(tmp_path)}))
    with pytest.raises(InputError, match="trained on other images"):
        read(synthetic_result("digits", "resnet20"), [0])


def test_absent_images_are_not_downloaded(tmp_path):
    read = picture_reader(read_settings({"data_dir": str(tmp_path)}))
    with pytest.raises(InputError, match=r"cifar10 is not in"):
        read(synthetic_result("cifar10", "resnet20"), [0])
    assert not any(tmp_path.iterdir())


def test_images_that_take_too_long_to_load_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_MOST_PIXEL_BYTES", 1000)
    with pytest.raises(InputError, match="would take too long to load"):
        picture_reader(read_settings({"data_dir": str(tmp_path)}))(digits_result(), [0])


def test_shares_of_the_training_images_count_as_all_of_them(tmp_path, monkeypatch):
    result = digits_result()
    share = replace(result, train_images=result.train_images // 10, case=replace(result.case, train_fraction=0.1))
    monkeypatch.setattr(pictures, "_MOST_PIXEL_BYTES", 3 * result.case.recipe.image_size**2 * result.train_images)
    with pytest.raises(InputError, match="would take too long to load"):
        picture_reader(read_settings({"data_dir": str(tmp_path)}))(share, [0])


def test_images_are_loaded_once_for_several_studies(tmp_path, monkeypatch):
    loads, load = [], registry.load
    result = digits_result()
    monkeypatch.setattr(registry, "load", lambda *what, **how: loads.append(what) or load(*what, **how))
    read = picture_reader(read_settings({"data_dir": str(tmp_path)}))
    assert [len(read(one, [0])) for one in (result, replace(result, case=replace(result.case, seed=1)))] == [1, 1]
    assert len(loads) == 1


def test_large_colour_images_are_made_small_in_their_proportions():
    picture = Image.open(io.BytesIO(png(torch.full((3, 300, 600), 128, dtype=torch.uint8))))
    assert (picture.size, picture.mode) == ((96, 48), "RGB")
