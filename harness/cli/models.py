"""``models``: depth, width, parameters and MACs of the study's models or of named ones."""

from __future__ import annotations

import argparse
import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.cli.arguments import add_command, add_json_flag, print_json
from harness.config.built_in import grammar
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.cli.arguments import Commands
    from harness.cli.outputs import ModelRow


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "models",
        help="show depth, width, parameters and MACs of every model",
        description="Show depth, width coefficient ω, parameters and MACs (multiply-accumulate operations per image) "
        "of every model of the study at its datasets' input sizes, or of the models that you name. Nothing is trained.",
        examples=[
            "models",
            "models resnet32-2 wrn16-8 --input 1x28x28",
            "models torchvision:resnet18 --input 3x224x224",
        ],
    )
    parser.epilog = f"{_names_text()}\n\n{parser.epilog}"
    parser.add_argument("names", nargs="*", metavar="NAME", help="models to show instead, e.g. resnet32-2")
    parser.add_argument(
        "--input", default="3x32x32", metavar="CxHxW", help="input of the named models (default: 3x32x32)"
    )
    parser.add_argument("--classes", default="10", metavar="N", help="classes of the named models (default: 10)")
    add_json_flag(parser)
    parser.set_defaults(run=run)


def _names_text() -> str:
    """Return the grammar of the names, for the end of the help."""
    lines = ["names (ω multiplies the channels; a fraction is allowed, e.g. resnet20-0.5):"]
    for form, meaning in grammar():
        indented = textwrap.wrap(meaning, 74, break_on_hyphens=False)
        lines += [f"  {form}", *(f"      {line}" for line in indented)]
    return "\n".join(lines)


@dataclass(frozen=True)
class _Asked:
    """A model to show at an input's shape; the dataset is None for models of the command line."""

    name: str
    shape: tuple[int, int, int]
    classes: int
    dataset: str | None = None


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Print the table."""
    from harness.text import table

    rows = [_row(asked) for asked in (_named(known) if known.names else _of_the_study())]
    if known.json:
        from harness.cli.outputs import ModelsOutput

        print_json(ModelsOutput(models=rows))
        return 0
    headings = ["model", "dataset", "input", "depth", "width ω", "parameters", "MMACs"]
    print(table(headings, [_cells(row) for row in rows], left=3))
    return 0


def _named(known: argparse.Namespace) -> list[_Asked]:
    shape, classes = _input_shape(known.input), _classes(known.classes)
    return [_Asked(name, shape, classes) for name in known.names]


def _of_the_study() -> list[_Asked]:
    from harness.config.datasets import SPECS
    from harness.config.recipes import PUBLISHED_RECIPES
    from harness.paper.published import STUDY_MODELS

    shapes = {name: SPECS[name].input_shape(PUBLISHED_RECIPES[name].image_size) for name in STUDY_MODELS}
    return [
        _Asked(name, shapes[dataset], SPECS[dataset].num_classes, dataset)
        for dataset, names in STUDY_MODELS.items()
        for name in names
    ]


def _row(asked: _Asked) -> ModelRow:
    """Count a model's parameters and MACs.

    Raises:
        InputError: There is no such model, it cannot take the input, or torch cannot count its values.
    """
    from harness.cli.outputs import ModelRow
    from harness.config.families import parse_model
    from harness.models.build import build_network
    from harness.models.cost import count_macs, count_parameters
    from harness.text import one_line

    model = parse_model(asked.name)
    size = f"--input {'x'.join(map(str, asked.shape))}"
    try:
        params = count_parameters(build_network(model, asked.shape[0], asked.classes, seed=0, device="meta"))
        macs = count_macs(model, asked.shape, asked.classes)
    except InputError:
        raise
    except Exception as error:
        if ":" in model.name:
            raise InputError(f"{model.name} cannot take {size}: {one_line(str(error), 120)}") from error
        large = f"{model.name} at {size} and {asked.classes} classes is too large for torch: give smaller numbers"
        raise InputError(large) from error
    return ModelRow(
        model=model.name,
        dataset=asked.dataset,
        input_shape=asked.shape,
        classes=asked.classes,
        depth=model.depth,
        width=model.width,
        params=params,
        macs=macs,
    )


def _cells(row: ModelRow) -> list[str]:
    from harness.text import count_noun

    size = f"{'×'.join(map(str, row.input_shape))}, {count_noun(row.classes, 'class')}"
    place = ["" if value is None else f"{value:g}" for value in (row.depth, row.width)]
    numbers = [*place, f"{row.params:,}", f"{row.macs / 1e6:,.2f}"]
    return [row.model, row.dataset or "", size, *numbers]


def _input_shape(text: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"([1-9]\d{0,8})[x×]([1-9]\d{0,8})[x×]([1-9]\d{0,8})", text)
    if match is None:
        raise InputError(f"--input {text!r}: give channels, height and width of at most 9 digits, e.g. 3x32x32")
    return int(match[1]), int(match[2]), int(match[3])


def _classes(text: str) -> int:
    if re.fullmatch(r"[1-9]\d{0,8}", text) is None:
        raise InputError(f"--classes {text!r}: give a whole number, 1 or more, of at most 9 digits")
    return int(text)
