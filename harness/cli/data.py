"""``data``: the folder of each dataset, its number of images, and how to get a missing one."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.arguments import USAGE_ERROR, add_command, add_json_flag, add_options, print_json, settings_from
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.cli.arguments import Commands
    from harness.cli.outputs import DatasetRow
    from harness.data.source import Source


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "data",
        help="show each dataset's folder and images, and how to get a missing one",
        description="Show the folder of each dataset, or of those that you name, its number of images and whether they "
        "are verified; for a missing dataset the files to download and the folder to put them in. Exit code 2: a "
        "dataset is damaged.",
        examples=[
            "data",
            "data cifar10 folder:~/flowers --data-dir ~/data",
            "data folder:~/flowers --clear-cache",
        ],
    )
    add_options(parser, "data-dir")
    add_json_flag(parser)
    parser.add_argument("--clear-cache", action="store_true", help="remove the decoded images of these datasets")
    names = (
        "datasets to show, e.g. cifar10; folder:PATH, csv:PATH or npz:PATH for your own images (default: all others)"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=names)
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Print a paragraph per dataset.

    Raises:
        InputError: There is no dataset of a name.
    """
    from harness.cli.outputs import DataOutput
    from harness.config.datasets import SPECS, check_dataset_name, is_own_images
    from harness.config.extensions import extension_names

    data_dir = settings_from(known).data_dir
    names = [check_dataset_name(name) for name in known.names] or [*SPECS, *extension_names()]
    if not known.json and not all(map(is_own_images, names)):
        print(f"data folder: {data_dir}\n")
    rows = []
    for name in names:  # printed one by one: counting and verifying takes seconds
        if known.clear_cache:
            _clear_cache(name, data_dir)
        rows.append(dataset_row(name, data_dir))
        if not known.json:
            print(f"{name}: {_describe(rows[-1])}")
        elif rows[-1].problem is not None:
            print(f"error: {rows[-1].problem}", file=sys.stderr)
    if known.json:
        print_json(DataOutput(data_dir=str(data_dir), datasets=rows))
    return USAGE_ERROR if any(row.status == "damaged" for row in rows) else 0


def dataset_row(name: str, data_dir: Path) -> DatasetRow:
    """Return what is on disk of a dataset, and how to get the rest."""
    from harness.cli.outputs import DatasetRow
    from harness.data.registry import how_to_get, locate

    try:
        source = locate(name, data_dir)
        if source is None:
            return DatasetRow(dataset=name, status="missing", how_to_get=how_to_get(name, data_dir))
        if source.missing:
            return DatasetRow(
                dataset=name,
                status="incomplete",
                layout=source.layout,
                path=str(source.path),
                missing_files=source.missing,
                how_to_get=how_to_get(name, data_dir),
            )
        return _present(name, source, data_dir)
    except InputError as error:
        return DatasetRow(dataset=name, status="damaged", problem=str(error))


def _present(name: str, source: Source, data_dir: Path) -> DatasetRow:
    """Return the row of a dataset that is there.

    Raises:
        InputError: It is damaged.
    """
    from harness.cli.outputs import DatasetRow
    from harness.data.cache import cached_bytes
    from harness.data.cache_places import cache_places
    from harness.data.registry import get_spec

    (train, test), spec = source.count(), get_spec(name, data_dir)
    source.check()
    cache = next((place for place in cache_places(name, source.path, data_dir) if cached_bytes(place)), None)
    return DatasetRow(
        dataset=name,
        status="present",
        layout=source.layout,
        path=str(source.path),
        train_images=train,
        test_images=test,
        published_train_images=spec.train_images,
        published_test_images=spec.test_images,
        classes=spec.num_classes,
        is_verified=source.verify(),
        cache_path=None if cache is None else str(cache),
        cache_bytes=None if cache is None else cached_bytes(cache),
    )


def _clear_cache(name: str, data_dir: Path) -> None:
    """Remove the decoded images of a dataset, and report it.

    Raises:
        InputError: They cannot be removed.
    """
    from harness.config.datasets import is_own_images, own_path
    from harness.data.cache import remove_caches
    from harness.data.cache_places import cache_places
    from harness.data.registry import locate
    from harness.files import os_error_as_input_error

    path = own_path(name) if is_own_images(name) else data_dir / name
    with contextlib.suppress(InputError):  # its row says why
        if not is_own_images(name) and (source := locate(name, data_dir)) is not None:
            path = source.path
    for place in cache_places(name, path, data_dir):
        with os_error_as_input_error(f"remove {place}", "remove it by hand"):
            if freed := remove_caches(place):
                print(f"removed {place}: {_size(freed)} freed", file=sys.stderr)


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _describe(row: DatasetRow) -> str:
    """Return a dataset's folder, layout and images, or how to get it."""
    from harness.config.datasets import is_own_images
    from harness.config.library_datasets import can_download
    from harness.text import listed

    if row.problem is not None:
        return row.problem
    if row.how_to_get is not None:
        remedy = row.how_to_get.replace("\n", "\n  ")
        if row.missing_files:
            return f"incomplete; {row.path} lacks {listed(row.missing_files)}; a full run downloads it, or\n  {remedy}"
        return (
            f"missing; a full run downloads it, or\n  {remedy}" if can_download(row.dataset) else f"missing\n  {remedy}"
        )
    found, published = (row.train_images, row.test_images), (row.published_train_images, row.published_test_images)
    images = f"{found[0]:,} training and {found[1]:,} test images"
    if found != published:
        images += f", of {published[0]:,} and {published[1]:,}: not the whole dataset"
    verdict = "verified" if row.is_verified else "not verified: this layout has no checksums"
    verdict = f"{row.classes} classes, your own" if is_own_images(row.dataset) else verdict
    cache = "" if row.cache_bytes is None else f"\n  decoded images, {_size(row.cache_bytes)}, in {row.cache_path}"
    return f"{row.layout} in {row.path}\n  {images}; {verdict}{cache}"
