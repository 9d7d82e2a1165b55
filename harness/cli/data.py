"""``data``: the folder of each dataset, its number of images, and how to get a missing one."""

import argparse
from pathlib import Path

from harness.cli.arguments import USAGE_ERROR, add_options, settings_from
from harness.errors import InputError


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "data",
        help="show each dataset's folder and images, and how to get a missing one",
        description="Show the folder of each dataset, its number of images and whether they are verified; for "
        "a missing dataset the files to download and the folder to put them in. Exit code 2: a dataset is damaged.",
    )
    add_options(parser, "data-dir")
    parser.add_argument("folders", nargs="*", metavar="folder:PATH", help="folders of your own images to check too")
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Print a paragraph per dataset."""
    from harness.config.datasets import SPECS
    from harness.config.extensions import extension_names

    settings = settings_from(known)
    print(f"data folder: {settings.data_dir}\n")
    exit_code = 0
    for name in [*SPECS, *extension_names(), *known.folders]:
        try:
            print(f"{name}: {_describe(name, settings.data_dir)}")
        except InputError as error:
            exit_code = USAGE_ERROR
            print(f"{name}: {error}")
    return exit_code


def _describe(name: str, data_dir: Path) -> str:
    """Return a dataset's folder, layout and images, or how to get it.

    Raises:
        InputError: It is damaged, or there is no such folder.
    """
    from harness.config.datasets import is_folder
    from harness.data.registry import get_spec, how_to_get, locate

    source = locate(name, data_dir)
    if source is None:
        remedy = how_to_get(name, data_dir).replace("\n", "\n  ")
        return f"missing; a full run downloads it, or\n  {remedy}"
    (train, test), spec, is_verified = source.count(), get_spec(name), source.verify()
    images = f"{train:,} training and {test:,} test images"
    if (train, test) != (spec.train_images, spec.test_images):
        images += f", of {spec.train_images:,} and {spec.test_images:,}: not the whole dataset"
    verdict = "verified" if is_verified else "not verified: this layout has no checksums"
    return f"{source.layout} in {source.path}\n  {images}; {'your own' if is_folder(name) else verdict}"
