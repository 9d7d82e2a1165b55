"""The layout of a table: a CSV of paths and labels, or a folder with ``train.csv`` and ``test.csv``.

Paths are relative to the CSV. A column of splits says which rows are training and test images; those of ``val`` are
the test images if none are of ``test``, and are not used otherwise (the same holds for a file ``val.csv``). Without
splits, 20 % of each class are held out as the test images. The layout's name says which of these it was.
"""

import contextlib
import functools
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.config.datasets import DatasetSpec
from harness.config.recipe import Resize
from harness.data.decoding import file_on_disk
from harness.data.findings import Finding, find
from harness.data.formats.csv_rows import Row, read_rows
from harness.data.formats.folder_listing import is_present, is_present_folder, list_folder
from harness.data.formats.folder_names import shown
from harness.data.formats.image_files import Lists, own_spec, source_of
from harness.data.formats.labels import hold_out, require_test_images, require_two_classes, sorted_classes
from harness.data.formats.split_names import HELD_OUT_NOTE, Role, by_role, choose_test_role, note_of, role_of
from harness.data.source import Source, files_key, tree_key
from harness.errors import FaultList, InputError
from harness.text import MOST_NAMED, count_noun, listed_up_to

_ENDINGS = (".csv", ".tsv")
_COLUMNS = "a CSV with the columns path and label"


@dataclass(frozen=True)
class _Table:
    """The rows of one table or several.

    Attributes:
        test: None without splits.
        note: what the layout's name says of the splits.
        files: the tables.
    """

    place: Path
    train: Sequence[Row]
    test: Sequence[Row] | None
    note: str
    files: tuple[Path, ...]


def spec_of(name: str, path: Path) -> DatasetSpec:
    """Return the spec of the images in a table; see `harness.data.source.Layout`."""
    table = _read(path)

    def look() -> Finding:
        classes = _classes(table)
        return Finding(_layout(table), own_spec(name, classes, _lists(table, classes)))

    return find(name, path, Path(), partial(_key, table), look).spec


def locate(root: Path, spec: DatasetSpec, *, resize_to: Resize | None = None) -> Source:
    """Return the images in a table; see `harness.data.source.Layout`."""
    table = _read(root)
    list_both = partial(_lists, table, spec.class_names)
    return source_of(_layout(table), root, spec, list_both, resize_to=resize_to, key=partial(_key, table))


def _layout(table: _Table) -> str:
    return f"table of paths and labels{table.note}"


def _key(table: _Table) -> str:
    """Return the key of the tables and all images."""
    images = (row.path for row in _all_rows(table))
    return files_key([*table.files, *images], table.place if table.place.is_dir() else table.place.parent)


def _read(path: Path) -> _Table:
    """Return the rows of a CSV, or of those in a folder; from memory until a table changes."""
    tables: tuple[Path, ...] = (path,)
    with contextlib.suppress(OSError):
        if path.is_dir():
            tables = tuple(sorted(one for one in path.iterdir() if one.suffix.lower() in _ENDINGS))
        return _read_once(path, tree_key(*tables))
    return _read_tables(path)


@functools.lru_cache(maxsize=4)
def _read_once(path: Path, _: str) -> _Table:
    return _read_tables(path)


def _read_tables(path: Path) -> _Table:
    if is_present_folder(path):
        return _read_folder(path)
    if not is_present(path):
        raise InputError(f"{path} does not exist: give csv:PATH, {_COLUMNS}")
    rows = read_rows(path)
    if rows[0].split is None:
        return _Table(path, rows, None, HELD_OUT_NOTE, (path,))
    by_split = _rows_by_split(rows)
    test = choose_test_role(by_split)
    if "train" not in by_split or test is None:
        lacks = "test or val" if "train" in by_split else "train"
        raise InputError(f"{path}: no row has the split {lacks}; without its column of splits, images are held out")
    return _Table(path, by_split["train"], by_split[test], note_of([*by_split]), (path,))


def _rows_by_split(rows: Sequence[Row]) -> dict[Role, list[Row]]:
    found: dict[Role, list[Row]] = defaultdict(list)
    unknown: dict[str, Row] = {}
    for row in rows:
        if role := role_of(row.split or ""):
            found[role].append(row)
        else:
            unknown.setdefault(row.split or "", row)
    named = [f"{shown(value)} (line {row.line})" for value, row in unknown.items()]
    _require_none(named, "split", f"{rows[0].table}: unknown splits", "give train, test or val")
    return found


def _read_folder(folder: Path) -> _Table:
    """Return the rows of ``train.csv`` and ``test.csv`` or ``val.csv``, upper-case or not."""
    tables = {file.name: file for file in list_folder(folder)[1] if file.suffix.lower() in _ENDINGS}
    by_stem = {file.stem: file for file in tables.values()}
    found = by_role((file.stem for file in tables.values()), folder)
    test = choose_test_role(found)
    if "train" not in found or test is None:
        raise InputError(_lacks_tables(folder, list(tables), found))
    files = by_stem[found["train"]], by_stem[found[test]]
    train, held_out = map(read_rows, files)
    for rows in (train, held_out):
        if rows[0].split is not None:
            raise InputError(f"{rows[0].table} has a column of splits: give csv:{rows[0].table}, or remove the column")
    return _Table(folder, train, held_out, note_of(found), files)


def _lacks_tables(folder: Path, names: Sequence[str], found: Mapping[Role, str]) -> str:
    if not names:
        return f"{folder} has no train.csv and test.csv: give csv:PATH, {_COLUMNS}"
    lack = "no test.csv or val.csv" if "train" in found else "no train.csv"
    return f"{folder} has {lack}: add it, or give csv:{folder / names[0]} to hold out test images"


def _classes(table: _Table) -> tuple[str, ...]:
    """Return the labels of the training images, sorted."""
    classes = sorted_classes(row.label for row in table.train)
    require_two_classes(classes, table.place)
    return classes


def _lists(table: _Table, classes: Sequence[str]) -> Lists:
    """Return the training and test images of a table.

    Raises:
        InputError: images are missing or listed twice, or labels are no class. The message names them and their lines.
    """
    label_of = {name: label for label, name in enumerate(classes)}
    faults = FaultList()
    for check in (_require_files, _require_once, partial(_require_classes, label_of)):
        with faults:
            check(table)
    faults.raise_any()
    train, test = (
        [file_on_disk(row.path, label_of[row.label]) for row in part] for part in (table.train, table.test or ())
    )
    if table.test is None:
        kept, held_out = hold_out([file.label for file in train], classes, table.place)
        return [train[position] for position in kept], [train[position] for position in held_out]
    require_test_images((file.label for file in test), classes, table.place)
    return train, test


def _require_files(table: _Table) -> None:
    missing = [_named(table, row) for row in _all_rows(table) if not os.path.isfile(row.path)]
    fault = f"{table.place}: {count_noun(len(missing), 'missing image')}"
    _require_none(missing, "image", fault, "paths are relative to the CSV's folder")


def _require_once(table: _Table) -> None:
    first: dict[str, Row] = {}
    twice = []
    for row in _all_rows(table):
        before = first.setdefault(os.path.normpath(row.path), row)
        if before is not row:
            twice.append(f"{row.name} ({_where(table, before)} and {_where(table, row)})")
    _require_none(
        twice, "image", f"{table.place}: {count_noun(len(twice), 'image')} listed twice", "keep one line of each"
    )


def _require_classes(label_of: Mapping[str, int], table: _Table) -> None:
    strange: dict[str, Row] = {}
    for row in table.test or ():
        if row.label not in label_of:
            strange.setdefault(row.label, row)
    named = [f"{shown(label)} ({_where(table, row)})" for label, row in strange.items()]
    classes = listed_up_to([shown(name) for name in label_of], MOST_NAMED, "class")
    fault = f"{table.place}: labels of test images that no training image has"
    _require_none(named, "label", fault, f"the classes are {classes}")


def _all_rows(table: _Table) -> Iterable[Row]:
    return [*table.train, *(table.test or ())]


def _named(table: _Table, row: Row) -> str:
    return f"{row.name} ({_where(table, row)})"


def _where(table: _Table, row: Row) -> str:
    """Return a row's line, with its table if there are several."""
    return f"line {row.line}" if len(table.files) == 1 else f"{row.table.name} line {row.line}"


def _require_none(found: Sequence[str], noun: str, fault: str, remedy: str) -> None:
    """Raise an `InputError` that names what was found, if anything was."""
    if found:
        raise InputError(f"{fault}: {listed_up_to(found, MOST_NAMED, noun)}: {remedy}")
