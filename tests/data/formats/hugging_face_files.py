"""Tiny datasets of Hugging Face, as its library saves them."""

import pytest
from PIL import Image

from tests.data.builders import noise


def pictures(count, mode="RGB", size=9):
    channels = 1 if mode == "L" else 3
    return [Image.fromarray(noise(size, size + 1, channels, seed=one)) for one in range(count)]


def table(labels=(0, 1), names=("cat", "dog"), mode="RGB", images="image", column="label", **columns):
    """A table of images and labels; without names the labels are plain."""
    datasets = pytest.importorskip("datasets")
    plain = "string" if isinstance(labels[0], str) else "int64"
    kinds = {
        images: datasets.Image(),
        column: datasets.ClassLabel(names=list(names)) if names else datasets.Value(plain),
    }
    content = {images: pictures(len(labels), mode), column: list(labels)}
    for name, (kind, values) in columns.items():
        kinds[name], content[name] = kind, list(values)
    return datasets.Dataset.from_dict(content, features=datasets.Features(kinds))


def save(folder, **splits):
    datasets = pytest.importorskip("datasets")
    datasets.DatasetDict(splits).save_to_disk(str(folder))
    return folder
