"""Labels of the user's own images: the classes that they name, and test images held out of each."""

from collections import Counter
from collections.abc import Iterable, Sequence

from harness.data.formats.folder_names import shown
from harness.data.formats.split_names import HELD_OUT_PERCENT
from harness.data.split import stratified_split
from harness.errors import InputError
from harness.text import MOST_NAMED, listed_up_to


def sorted_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct names, sorted; numerically if all are whole numbers."""
    distinct = sorted(set(names))
    return tuple(sorted(distinct, key=int) if all(name.isdecimal() for name in distinct) else distinct)


def hold_out(labels: Sequence[int], class_names: Sequence[str], place: object) -> tuple[list[int], list[int]]:
    """Return the positions of training and test images of a layout without a split.

    Of each class, 20 % of the images, at least one, are held out; the same ones wherever the images are.

    Raises:
        InputError: a class has a single image.
    """
    counts = Counter(labels)
    if single := [shown(name) for label, name in enumerate(class_names) if counts[label] == 1]:
        have = "have one image each" if len(single) > 1 else "has one image"
        named = listed_up_to(single, MOST_NAMED, "class")
        raise InputError(f"{place} has no split, and {named} {have}: a class needs two, one of them for the test")
    return stratified_split(labels, HELD_OUT_PERCENT / 100)


def require_two_classes(class_names: Sequence[str], place: object) -> None:
    """Raise an `InputError` unless there are two classes or more."""
    if len(class_names) < 2:
        raise InputError(f"{place} has one class, {shown(class_names[0])}: add images of at least one more")


def require_test_images(test_labels: Iterable[int], class_names: Sequence[str], place: object) -> None:
    """Raise an `InputError` that names classes without test images."""
    tested = set(test_labels)
    if missing := [shown(name) for label, name in enumerate(class_names) if label not in tested]:
        named = listed_up_to(missing, MOST_NAMED, "class")
        raise InputError(f"{place} has no test image of {named}: every class needs at least one")
