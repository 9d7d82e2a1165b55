"""Labels in arrays: whole numbers or texts, and the classes that they name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.data.formats.folder_names import composed, shown
from harness.data.formats.labels import require_two_classes, sorted_classes
from harness.data.formats.stored_arrays import StoredArray
from harness.errors import InputError
from harness.text import MOST_NAMED, listed_up_to, spelled_out

Label = int | str


@dataclass(frozen=True)
class Classes:
    """The classes of a dataset.

    Attributes:
        names: in the order of the labels.
        label_of: the label, from 0, of each stored value.
    """

    names: tuple[str, ...]
    label_of: Mapping[Label, int]


def read_labels(array: StoredArray) -> list[Label]:
    """Return the labels of an array of shape (N,) or (N, 1).

    Raises:
        InputError: the shape is another, or the values are neither whole numbers nor texts.
    """
    if len(array.shape) == 2 and array.shape[1] > 1:
        hint = f"{array.name}.argmax(1) of one-hot labels"
        raise InputError(
            f"{array.file}: {array.name} has the shape {array.shape}: give one label an image, e.g. {hint}"
        )
    if array.shape not in ((array.shape[:1]), (*array.shape[:1], 1)):
        raise InputError(f"{array.file}: {array.name} has the shape {array.shape}: give one label an image, (N,)")
    if array.dtype.kind not in "biuUS":
        raise InputError(f"{array.file}: {array.name} is of {array.dtype}: give whole numbers, or texts")
    return _values(array)


def read_class_names(array: StoredArray) -> tuple[str, ...]:
    """Return the names of the classes, in the order of the labels.

    Raises:
        InputError: they are no texts, or not distinct.
    """
    if len(array.shape) != 1 or array.dtype.kind not in "US":
        raise InputError(f"{array.file}: {array.name} is no list of texts: save np.array(names, dtype=str)")
    names = [str(name) for name in _values(array)]
    if len(set(names)) < len(names):
        raise InputError(f"{array.file}: {array.name} has a name twice: give each class a name of its own")
    return tuple(names)


def _values(array: StoredArray) -> list[Label]:
    content = array.load().reshape(-1)
    if array.dtype.kind == "S":
        return [spelled_out(composed(value.decode("utf-8", "surrogateescape"))) for value in content.tolist()]
    if array.dtype.kind == "U":
        return [spelled_out(composed(value)) for value in content.tolist()]
    return [int(value) for value in content.tolist()]


def classes_of(train: Sequence[Label], array: StoredArray, names_array: StoredArray | None) -> Classes:
    """Return the classes of training labels: their distinct values, sorted, or the names that they count.

    Args:
        array: the array of the labels.
        names_array: the names of the classes; None without such an array.

    Raises:
        InputError: there are fewer than two classes, or a named class has no training image.
    """
    place = f"{array.file}: {array.name}"
    present = set(train)
    if names_array is None:
        values: Sequence[Label] = sorted(value for value in present if isinstance(value, int))
        values = values or sorted_classes(map(str, present))
        classes = Classes(tuple(map(str, values)), {value: label for label, value in enumerate(values)})
    else:
        names = read_class_names(names_array)
        keys: Sequence[Label] = range(len(names)) if array.dtype.kind in "biu" else names
        classes = Classes(names, {value: label for label, value in enumerate(keys)})
        if missing := [shown(name) for key, name in zip(keys, names, strict=True) if key not in present]:
            raise InputError(f"{place} has no image of {listed_up_to(missing, MOST_NAMED, 'class')}: remove the name")
    require_two_classes(classes.names, place)
    return classes


def encode_labels(labels: Sequence[Label], classes: Classes, array: StoredArray) -> list[int]:
    """Return labels from 0.

    Raises:
        InputError: a label is no class. The message names it.
    """
    if strange := sorted(map(repr, {label for label in labels if label not in classes.label_of})):
        named = listed_up_to(strange, MOST_NAMED, "label")
        known = listed_up_to([repr(value) for value in classes.label_of], MOST_NAMED, "label")
        raise InputError(f"{array.file}: {array.name} has labels that are no class, {named}: the labels are {known}")
    return [classes.label_of[label] for label in labels]
