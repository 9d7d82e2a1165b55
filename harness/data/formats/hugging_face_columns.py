"""The columns of a Hugging Face dataset: which has the images, which the labels, and what these mean."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from harness.data.formats.labels import require_two_classes, sorted_classes
from harness.errors import InputError
from harness.text import listed, spelled_out

_LABELS = ("label", "labels", "fine_label", "fine_labels", "class", "category", "target")
_IMAGES = ("image", "img", "images", "picture")
_PLAIN = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "string", "large_string")


def image_column(library: ModuleType, name: str, rows: Any) -> str:
    """Return the column of the images; see `_only`."""
    found = [column for column, kind in rows.features.items() if isinstance(kind, library.Image)]
    return _only(name, "images", found, _IMAGES, rows)


def label_column(name: str, rows: Any) -> str:
    """Return the column of the labels: of the type ClassLabel, else of integers or text; see `_only`."""
    kinds = rows.features
    found = [column for column in kinds if hasattr(kinds[column], "str2int")]  # of type ClassLabel
    if not found:
        found = [one for one in kinds if one in _LABELS and getattr(kinds[one], "dtype", None) in _PLAIN]
    return _only(name, "labels", found, _LABELS, rows)


def _only(name: str, what: str, found: Sequence[str], preferred: Sequence[str], rows: Any) -> str:
    """Return the only column that was found, or the first that has a preferred name.

    Raises:
        InputError: none was found, or none of several has such a name. The message lists the columns.
    """
    if len(found) == 1:
        return found[0]
    if chosen := next((one for one in preferred if one in found), None):
        return chosen
    columns = ", ".join(f"{column} ({_kind(kind)})" for column, kind in rows.features.items())
    lack = f"has several columns of {what}, {listed(found)}" if found else f"has no column of {what}"
    raise InputError(f"dataset {name} {lack}: name it {preferred[0]!r}\nits columns are {columns}")


def _kind(kind: Any) -> str:
    name = type(kind).__name__
    return str(kind.dtype) if name == "Value" else name


def named_labels(name: str, rows: Any, column: str) -> list[str]:
    """Return the name of each image's class, by the column of the labels.

    Raises:
        InputError: an image has no label.
    """
    values, names = list(rows[column]), getattr(rows.features[column], "names", None)
    if any(value is None or (names is not None and value < 0) for value in values):
        raise InputError(f"dataset {name}: column {column!r} has images without a label: remove them")
    return [spelled_out(names[value] if names is not None else str(value)) for value in values]


def class_names(name: str, rows: Any, column: str, found: Sequence[str]) -> tuple[str, ...]:
    """Return the classes in the order of their labels; those found in a plain column are sorted.

    Raises:
        InputError: there is only one.
    """
    names = getattr(rows.features[column], "names", None)
    classes = tuple(map(spelled_out, names)) if names is not None else sorted_classes(found)
    require_two_classes(classes, f"dataset {name}")
    return classes


def is_labelled(rows: Any, column: str) -> bool:
    """Return False for the test set of a competition, whose labels are hidden, as None or −1."""
    return column in rows.features and rows.unique(column) not in ([], [None], [-1])
