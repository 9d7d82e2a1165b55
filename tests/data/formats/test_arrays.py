"""Arrays of images and labels as the user's own dataset."""

import numpy as np
import pytest
import torch
from PIL import Image

from harness.config.recipe import Resize
from harness.data import registry
from harness.errors import InputError
from tests.data.builders import encode, noise, write, write_class_folders

GREY = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 0, 1, 0, 1])
KERAS = ("x_train", "y_train", "x_test", "y_test")
MEDMNIST = ("train_images", "train_labels", "test_images", "test_labels")


def split(images=GREY, labels=LABELS, names=KERAS):
    """Four training and two test images."""
    return dict(zip(names, (images[:4], labels[:4], images[4:], labels[4:]), strict=True))


def save(path, arrays, kind="stored"):
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        for name, array in arrays.items():
            path.mkdir(exist_ok=True)
            np.save(path / f"{name}.npy", array)
    else:
        (np.savez if kind == "stored" else np.savez_compressed)(path, **arrays)
    return path


def load(path, resize=None):
    registry.forget_loaded()
    return registry.load(f"npz:{path}", path, resize=resize)


def error_of(path, function=registry.get_spec):
    with pytest.raises(InputError) as refusal:
        function(f"npz:{path}")
    return str(refusal.value)


def read_error(tmp_path, arrays):
    path = save(tmp_path / "a.npz", arrays)
    return error_of(path, lambda name: registry.locate(name, path).check()).removeprefix(f"{path}: ")


# --- names


@pytest.mark.parametrize("kind", ["stored", "compressed", "folder"])
@pytest.mark.parametrize(
    "names", [KERAS, MEDMNIST, ("X_train", "Y_train", "X_val", "Y_val"), ("train_x", "train_y", "test_x", "test_y")]
)
def test_arrays_are_known_by_the_names_of_keras_and_medmnist(tmp_path, names, kind):
    dataset = load(save(tmp_path / "a.npz", split(names=names), kind))
    assert (dataset.train.labels.tolist(), dataset.test.labels.tolist()) == ([0, 1, 0, 1], [0, 1])
    assert torch.equal(dataset.train.pixels[:, 0], torch.from_numpy(GREY[:4]))
    assert torch.equal(dataset.test.pixels[:, 0], torch.from_numpy(GREY[4:]))
    assert dataset.spec.class_names == ("0", "1")
    val = " (val as the test images)" if "X_val" in names else ""
    assert dataset.origin == f"arrays{val} in {tmp_path}/a.npz"


@pytest.mark.parametrize("names", [("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "target")])
def test_images_are_held_out_of_arrays_without_a_split(tmp_path, names):
    dataset = load(save(tmp_path / "a.npz", dict(zip(names, (COLOUR, LABELS), strict=True))))
    assert dataset.origin == f"arrays (20 % held out as the test images, seed 0) in {tmp_path}/a.npz"
    assert (sorted(dataset.train.labels.tolist()), dataset.test.labels.tolist()) == ([0, 0, 1, 1], [0, 1])
    found = torch.cat([dataset.train.pixels, dataset.test.pixels]).flatten(1)
    assert sorted(map(tuple, found.tolist())) == sorted(
        map(tuple, COLOUR.transpose(0, 3, 1, 2).reshape(6, -1).tolist())
    )


def test_arrays_of_val_beside_test_are_not_used_and_the_layout_says_so(tmp_path):
    path = save(tmp_path / "a.npz", {**split(names=MEDMNIST), "val_images": GREY, "val_labels": LABELS})
    source = registry.locate(f"npz:{path}", path)
    assert (source.layout, source.count()) == ("arrays (val is not used)", (4, 2))


# --- shapes, types and values


@pytest.mark.parametrize(
    "images",
    [COLOUR, COLOUR.transpose(0, 3, 1, 2), np.asfortranarray(COLOUR), GREY, GREY[..., None], GREY[:, None]],
    ids=["last", "first", "Fortran", "grey", "grey last", "grey first"],
)
@pytest.mark.parametrize("kind", ["stored", "compressed", "folder"])
def test_channels_may_be_first_last_or_absent(tmp_path, images, kind):
    dataset = load(save(tmp_path / "a.npz", split(images), kind))
    expected = COLOUR.transpose(0, 3, 1, 2) if images.size == COLOUR.size else GREY[:, None]
    assert dataset.spec.channels == expected.shape[1]
    assert torch.equal(dataset.train.pixels, torch.from_numpy(expected[:4].copy()))


@pytest.mark.parametrize(
    "images",
    [GREY.astype(np.float32) / 255, GREY / 255, GREY.astype(">f4"), GREY.astype(np.int64), GREY.astype(np.float16)],
    ids=["0 to 1", "64 bits", "big-endian", "integers", "16 bits"],
)
def test_numbers_of_0_to_1_and_of_0_to_255_are_the_same_images(tmp_path, images):
    dataset = load(save(tmp_path / "a.npz", split(images)))
    assert torch.equal(dataset.train.pixels[:, 0], torch.from_numpy(GREY[:4]))


def test_the_scale_is_that_of_training_and_test_images_together(tmp_path):
    images = np.zeros((6, 2, 2), np.float32)
    images[:4], images[5] = 1, 200
    dataset = load(save(tmp_path / "a.npz", split(images)))
    assert (dataset.train.pixels.max(), dataset.test.pixels.max()) == (1, 200)


def test_masks_of_true_and_false_are_white_and_black(tmp_path):
    dataset = load(save(tmp_path / "a.npz", split(GREY > 100)))
    assert torch.equal(
        dataset.train.pixels[:, 0], torch.from_numpy(GREY[:4] > 100) * torch.tensor(255, dtype=torch.uint8)
    )


def test_arrays_are_resized_as_image_files_are(tmp_path):
    images = load(save(tmp_path / "a.npz", split(COLOUR)), resize=Resize(5)).train.pixels
    expected = [Image.fromarray(one).resize((5, 5), Image.Resampling.BILINEAR) for one in COLOUR[:4]]
    assert images.permute(0, 2, 3, 1).tolist() == [np.asarray(one).tolist() for one in expected]


BAD_IMAGES = {
    "negative": (GREY / 255 - 0.5, "x_train and x_test of float64 have values from -0.5 to 0.5: give numbers of 0…1"),
    "fractions": (GREY.astype(float) + 0.5, "x_train and x_test of float64 have values from 0.5 to 255.5"),
    "16 bits": (GREY.astype(np.uint16) * 257, "x_train and x_test of uint16 have values from 0 to 65535"),
    "NaN": (np.where(GREY > 250, np.nan, 0.5), "x_train has values that are not a number, or infinite"),
    "infinite": (np.where(GREY > 250, np.inf, 0.5), "x_train has values that are not a number, or infinite"),
    "complex": (GREY.astype(complex), "x_train is of complex128: give images of uint8, or of 0…1"),
    "flat": (GREY.reshape(6, 64), "x_train has the shape (4, 64): give (N, H, W), (N, H, W, C) or (N, C, H, W), w"),
    "alpha": (np.zeros((6, 8, 8, 4), np.uint8), "x_train has the shape (4, 8, 8, 4): give (N, H, W), (N, H, W, C)"),
    "either": (np.zeros((6, 3, 8, 3), np.uint8), "x_train has the shape (4, 3, 8, 3): channels may be first or last"),
    "empty": (np.zeros((6, 0, 8), np.uint8), "x_train has the shape (4, 0, 8): it holds no image"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_images_that_cannot_be_taken_are_named(tmp_path, name):
    images, says = BAD_IMAGES[name]
    assert read_error(tmp_path, split(images)).startswith(says)


def test_training_and_test_images_must_agree_in_type_and_channels(tmp_path):
    says = "has x_train of uint8 and x_test of float64: give images of one type"
    assert read_error(tmp_path, split() | {"x_test": GREY[4:] / 255}).endswith(says)
    says = "has x_train of (4, 8, 8) and x_test of (2, 8, 8, 3): give images of one number of channels"
    assert read_error(tmp_path, split() | {"x_test": COLOUR[4:]}).endswith(says)


# --- labels and classes


@pytest.mark.parametrize("labels", [LABELS[:, None], LABELS.astype(np.uint8), LABELS.astype(bool)])
def test_labels_may_be_a_column_and_of_any_integer_type(tmp_path, labels):
    assert load(save(tmp_path / "a.npz", split(labels=labels))).train.labels.tolist() == [0, 1, 0, 1]


def test_labels_need_not_count_from_0_and_are_sorted_as_numbers(tmp_path):
    dataset = load(save(tmp_path / "a.npz", split(labels=np.array([10, 9, 10, 9, 9, 10]))))
    assert dataset.spec.class_names == ("9", "10")
    assert dataset.train.labels.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("type_", ["U", "S"])
def test_labels_may_be_texts(tmp_path, type_):
    labels = np.array(["dog", "cat"] * 3).astype(type_)
    dataset = load(save(tmp_path / "a.npz", split(labels=labels)))
    assert (dataset.spec.class_names, dataset.train.labels.tolist()) == (("cat", "dog"), [1, 0, 1, 0])


@pytest.mark.parametrize("name", ["class_names", "label_names"])
def test_an_array_may_name_the_classes(tmp_path, name):
    dataset = load(save(tmp_path / "a.npz", split() | {name: np.array(["dog", "cat"])}))
    assert (dataset.spec.class_names, dataset.train.labels.tolist()) == (("dog", "cat"), [0, 1, 0, 1])


BAD_LABELS = {
    "lengths": ({"y_train": LABELS}, "x_train has 4 images, y_train has 6 labels: give one label an image"),
    "one-hot": ({"y_train": np.eye(2)[LABELS[:4]]}, "y_train has the shape (4, 2): give one label"),
    "cube": ({"y_train": np.zeros((4, 1, 1), int)}, "y_train has the shape (4, 1, 1): give one label an image, (N,)"),
    "fractions": ({"y_train": LABELS[:4] + 0.5}, "y_train is of float64: give whole numbers, or texts"),
    "one class": ({"y_train": np.zeros(4, int)}, "y_train has one class, '0': add images of at least one more"),
    "strange": ({"y_test": np.array([0, 7])}, "y_test has labels that are no class, 7: the labels are 0 and 1"),
    "untested": ({"y_test": np.array([0, 0])}, "has no test image of '1': every class needs at least one"),
    "scalar": ({"y_train": np.array(3)}, "x_train has 4 images, y_train has 0 labels"),
    "gap": ({"class_names": np.array(["a", "b", "c"])}, "y_train has no image of 'c': remove the name"),
    "beyond": ({"class_names": np.array(["a", "b"]), "y_test": np.array([0, 2])}, "y_test has labels that are no"),
    "twice": ({"class_names": np.array(["a", "a"])}, "class_names has a name twice: give each class a name of its own"),
    "no names": ({"class_names": np.arange(2)}, "class_names is no list of texts: save np.array(names, dtype=str)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_LABELS)
def test_labels_that_cannot_be_taken_are_named(tmp_path, name):
    change, says = BAD_LABELS[name]
    assert read_error(tmp_path, split() | change).removeprefix(f"{tmp_path}/a.npz ").startswith(says)


# --- missing, foreign and damaged files


def test_pickles_are_never_read(tmp_path):
    path = tmp_path / "a.npz"
    for name in ("x_train", "y_train"):
        np.savez(path, **split() | {name: np.array([[1], [2, 3], 4, 5], dtype=object)})
        assert error_of(path) == f"{path}: {name} holds Python objects, which are not read: save numbers"
    np.savez(path, **split(), class_names=np.array(["a", "b"], dtype=object))
    assert "class_names is no list of texts: save np.array(names, dtype=str)" in error_of(path)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        (
            {"a": GREY, "b": LABELS},
            "has the arrays a and b, but no images and labels: call them x_train, y_train, x_test",
        ),
        ({"x_train": GREY, "y_train": LABELS}, "has the arrays x_train and y_train, but no test images: call them"),
        ({"x_test": GREY, "y_test": LABELS}, "has the arrays x_test and y_test, but no training images: call them"),
        ({"x": GREY}, "has the images x, but no labels to it: call the arrays x_train, y_train, x_test"),
        ({"x": GREY, "images": GREY, "y": LABELS}, "has both x and images: keep one of them"),
        ({"x": GREY[:3], "y": np.array([0, 0, 1])}, "has no split, and '1' has one image: a class needs two, one of "),
    ],
)
def test_missing_and_superfluous_arrays_are_named(tmp_path, arrays, says):
    path = save(tmp_path / "a.npz", arrays)
    assert error_of(path).startswith(f"{path} {says}")


def test_what_is_no_npz_file_is_named_with_what_to_give(tmp_path):
    assert error_of(tmp_path / "no.npz") == (
        f"{tmp_path}/no.npz does not exist: give npz:PATH, an .npz file or a folder of .npy files"
    )
    folder = save(tmp_path / "arrays", split(), "folder")
    assert error_of(folder / "x_train.npy") == (
        f"{folder}/x_train.npy is one array: give npz:{folder}, a folder with images and labels"
    )
    assert error_of(write_class_folders(tmp_path / "photos")).startswith(
        f"{tmp_path}/photos has no arrays: give an .npz"
    )
    assert "is damaged or not a file of NumPy arrays" in error_of(write(tmp_path / "a.npz", encode(noise(8))))


@pytest.mark.parametrize("kind", ["stored", "compressed"])
def test_a_changed_byte_of_an_npz_file_is_found(tmp_path, kind):
    images = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)  # more than zipfile reads at once
    path = save(tmp_path / "a.npz", split(images), kind)
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 0x40  # in the training images
    path.write_bytes(content)
    message = error_of(path, lambda name: registry.locate(name, path).check())
    assert message.startswith(f"{path} is damaged or not a file of NumPy arrays")


def test_an_npy_file_that_was_cut_short_is_found(tmp_path):
    path = save(tmp_path / "arrays", split(), "folder")
    write(path / "x_train.npy", (path / "x_train.npy").read_bytes()[:-9])
    message = error_of(path, lambda name: registry.locate(name, path).check())
    assert message.startswith(f"{path}/x_train.npy is damaged")


# --- source


@pytest.mark.parametrize("kind", ["stored", "folder"])
def test_images_are_mapped_not_read_into_memory(tmp_path, kind):
    from harness.data.formats.stored_arrays import list_arrays

    arrays = list_arrays(save(tmp_path / "a.npz", split(), kind))
    assert isinstance(arrays["x_train"].load(), np.memmap)


def test_a_slice_of_arrays_covers_all_classes(tmp_path):
    labels = np.repeat(np.arange(3), 2)
    path = save(tmp_path / "a.npz", {"x_train": GREY, "y_train": labels, "x_test": GREY, "y_test": labels})
    part = registry.load_slice(f"npz:{path}", path, 3, 3, resize=Resize(4))
    assert (part.train.labels.tolist(), part.train.pixels.shape) == ([0, 1, 2], (3, 1, 4, 4))


def test_a_flat_array_and_one_hot_labels_name_the_conversion(tmp_path):
    assert read_error(tmp_path, split(GREY.reshape(6, 64))).endswith(" e.g. x_train.reshape(-1, 8, 8)")
    one_hot = split() | {"y_train": np.eye(2)[LABELS[:4]]}
    assert read_error(tmp_path, one_hot).endswith(" e.g. y_train.argmax(1) of one-hot labels")


def test_one_dataset_has_one_fingerprint_in_every_place_and_form(tmp_path):
    forms = [("here", "stored"), ("there/deeper", "compressed"), ("folder", "folder")]
    found = {load(save(tmp_path / place / "a.npz", split(), kind)).fingerprint for place, kind in forms}
    assert found == {"48dc930bacb52a6604fc5e716c47e2e654194bc3fddabd9e948c08636dff2155"}


def test_the_key_of_arrays_changes_with_images_and_labels(tmp_path):
    path = save(tmp_path / "arrays", split(), "folder")
    keys = [registry.locate(f"npz:{path}", path).key()]
    for name in ("x_train", "y_test"):
        np.save(path / f"{name}.npy", split()[name][::-1])
        keys.append(registry.locate(f"npz:{path}", path).key())
    assert len(set(keys)) == 3


def test_the_size_of_arrays_is_known_if_all_images_are_squares_of_one(tmp_path):
    def size(**changes):
        return registry.get_spec(f"npz:{save(tmp_path / 'a.npz', split(COLOUR) | changes)}").image_size

    assert size() == 8
    assert size(x_test=COLOUR[4:, :4, :4]) is None
    assert size(x_train=COLOUR[:4, :4], x_test=COLOUR[4:, :4]) is None
