"""``models``: depth, width, parameters and MACs of the study's models or of named ones."""

import argparse
import re
from dataclasses import dataclass

from harness.errors import InputError


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "models",
        help="show depth, width, parameters and MACs of every model",
        description="Show depth, width coefficient ω, parameters and MACs (multiply-accumulate operations per image) "
        "of every model of the study at its datasets' input sizes, or of the models that you name. Nothing is trained.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="models to show instead, e.g. resnet32-2")
    parser.add_argument(
        "--input", default="3x32x32", metavar="CxHxW", help="input of the named models (default: 3x32x32)"
    )
    parser.add_argument("--classes", default="10", metavar="N", help="classes of the named models (default: 10)")
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class _Row:
    """A model to show at an input's shape; the dataset is empty for models of the command line."""

    name: str
    shape: tuple[int, int, int]
    classes: int
    dataset: str = ""


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Print the table."""
    from harness.text import table

    rows = _named(known) if known.names else _of_the_study()
    headings = ["model", "dataset", "input", "depth", "width ω", "parameters", "MMACs"]
    print(table(headings, [_cells(row) for row in rows], left=3))
    return 0


def _named(known: argparse.Namespace) -> list[_Row]:
    shape, classes = _input_shape(known.input), _classes(known.classes)
    return [_Row(name, shape, classes) for name in known.names]


def _of_the_study() -> list[_Row]:
    from harness.config.datasets import SPECS
    from harness.config.recipes import PUBLISHED_RECIPES
    from harness.paper.published import STUDY_MODELS

    shapes = {name: SPECS[name].input_shape(PUBLISHED_RECIPES[name].image_size) for name in STUDY_MODELS}
    return [
        _Row(name, shapes[dataset], SPECS[dataset].num_classes, dataset)
        for dataset, names in STUDY_MODELS.items()
        for name in names
    ]


def _cells(row: _Row) -> list[str]:
    from harness.config.families import parse_model
    from harness.models.cost import count_macs, count_parameters
    from harness.models.resnet import build_network

    model = parse_model(row.name)
    parameters = count_parameters(build_network(model, row.shape[0], row.classes, seed=0, device="meta"))
    macs = count_macs(model, row.shape, row.classes)
    size = f"{'×'.join(map(str, row.shape))}, {row.classes} classes"
    return [
        model.name, row.dataset, size, str(model.depth), str(model.width), f"{parameters:,}", f"{macs / 1e6:,.2f}"
    ]  # fmt: skip


def _input_shape(text: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"([1-9]\d*)[x×]([1-9]\d*)[x×]([1-9]\d*)", text)
    if match is None:
        raise InputError(f"--input {text!r}: give channels, height and width, e.g. 3x32x32")
    return int(match[1]), int(match[2]), int(match[3])


def _classes(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--classes {text!r}: give a whole number, 1 or more")
    return int(text)
