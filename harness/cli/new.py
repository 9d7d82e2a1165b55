"""``new``: a commented bench file to start from."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from harness.cli.arguments import add_command
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.cli.arguments import Commands

_TEMPLATE = Path(__file__).with_name("new_bench.txt")
_LEAST_PERCENT = 80  # below what each published model reaches
_REQUIREMENT = f"""\
    if trained.mode == "full":
        # Your requirement. help(harness.Result) lists the other measures: macro_f1_percent, params, macs, …
        assert trained.accuracy_percent > {_LEAST_PERCENT}"""
_OWN_REQUIREMENT = f"""\
    # Your requirement, once you know what to expect; help(harness.Result) lists the other measures:
    # if trained.mode == "full":
    #     assert trained.accuracy_percent > {_LEAST_PERCENT}"""
_OWN = "cifar10"  # the models for a user's own images
_PUBLISHED_RECIPE = """\
# None: the dataset's own recipe. To change it, or to write one of your own (help(harness.Recipe)):
#     import dataclasses, harness
#     RECIPE = dataclasses.replace(harness.{constant}, name="mine", learning_rate=0.02)"""
_STANDARD_RECIPE = """\
# None: the standard recipe: horizontal flips and crops, at the images' own mean; the number of images decides the
# epochs. `wider-or-deeper plan` shows them. To change it (help(harness.Standard)):
#     import harness
#     RECIPE = harness.Standard(augment="none", epochs=60)"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "new",
        help="write a commented bench file to start from",
        description="Write a commented bench file that works as it is: three models, three seeds, one assertion. An "
        "existing file is never overwritten.",
        examples=["new my_bench.py", "new my_bench.py --dataset folder:~/flowers"],
    )
    parser.add_argument("path", metavar="FILE", type=Path, help="file to write, e.g. my_bench.py")
    parser.add_argument(
        "--dataset",
        default="digits",
        metavar="NAME",
        help="a dataset, e.g. cifar10, torchvision:NAME or hf:NAME, or your own images: folder:PATH, csv:PATH, "
        "npz:PATH or hf:PATH (default: digits)",
    )
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Write the file, and print the commands that run it.

    Raises:
        InputError: The file exists or cannot be written, its name is not a Python file's, or the dataset is unknown.
    """
    from harness.config.datasets import check_dataset_name
    from harness.files import os_error_as_input_error

    path: Path = known.path
    text = bench_file(path, check_dataset_name(known.dataset))
    with os_error_as_input_error(f"write {path}", "give a file in a folder that you may write to"):
        _write_new(path, text)
    print(f"{path} is written. Run it:\n")
    file = shlex.quote(str(path))
    print(f"  pytest {file}                    # smoke run, in seconds; measures nothing")
    print(f"  pytest {file} --full-training    # train to completion, and report")
    return 0


def _write_new(path: Path, text: str) -> None:
    """Write a file that does not exist yet.

    Raises:
        InputError: It exists.
        OSError: It cannot be written.
    """
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError(f"{path} exists, and is not overwritten: give another name") from error


def bench_file(path: Path, dataset: str) -> str:
    """Return the text of a bench file.

    Args:
        path: the file's name; the test is named after it.

    Raises:
        InputError: the name does not end in .py.
    """
    from harness.config.datasets import title_of
    from harness.paper.published import STUDY_MODELS

    if path.suffix != ".py":
        raise InputError(f"{path} is not the name of a Python file: give e.g. {path.with_suffix('.py')}")
    known = dataset if dataset in STUDY_MODELS else _OWN
    base, deeper, *rest = STUDY_MODELS[known]
    wider = next(model for model in rest if "-" in model)
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=_in_docstring(title_of(dataset)),
        file=_in_docstring(shlex.quote(path.as_posix())),
        dataset=_quoted(dataset),
        models=f"[{', '.join(map(_quoted, (base, deeper, wider)))}]",
        recipe_comment=_recipe_comment(dataset),
        name=re.sub(r"\W", "_", path.stem.removeprefix("test_")),
        requirement=_REQUIREMENT if dataset in STUDY_MODELS else _OWN_REQUIREMENT,
    )


def _recipe_comment(dataset: str) -> str:
    from harness.config.datasets import is_resized
    from harness.paper.published import STUDY_MODELS

    constant = dataset if dataset in STUDY_MODELS else _OWN
    return _STANDARD_RECIPE if is_resized(dataset) else _PUBLISHED_RECIPE.format(constant=constant.upper())


def _in_docstring(text: str) -> str:
    """Return a text that a docstring in double quotes can hold."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _quoted(text: str) -> str:
    """Return a string literal in double quotes, as in the rest of the file."""
    return json.dumps(text, ensure_ascii=False)
