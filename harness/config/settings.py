"""The options of a study, from the command line, the environment or an ini file. Needs neither torch nor pytest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import InputError

if TYPE_CHECKING:  # pytest imports this module in every session, also where nothing is trained
    from harness.config.case import Mode, Pipeline
    from harness.config.recipes import Recipe

ENVIRONMENT_PREFIX = "WIDER_OR_DEEPER_"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def default_data_dir() -> Path:
    """The platform's cache folder for this user."""
    import platformdirs

    return platformdirs.user_cache_path("wider-or-deeper") / "data"


@dataclass(frozen=True)
class Settings:
    """What the options come to. Everything but the device and the precision has been checked."""

    full_training: bool
    epochs: int | None
    seeds: tuple[int, ...]
    data_dir: Path
    results_dir: Path
    report_dir: Path
    device: str
    precision: str
    rerun: bool
    val_split: float
    pipeline: Pipeline
    compile: str
    engine: str
    ray_address: str | None
    cpus_per_case: int | None
    gpus_per_case: float | None
    exclusive: bool

    def shape(self, recipe: Recipe) -> tuple[Recipe, Mode]:
        """The recipe as these settings have it trained, and in which mode that is."""
        if not self.full_training:
            return recipe.quick(), "quick"
        if self.epochs is None or self.epochs == recipe.epochs:
            return recipe, "full"
        return recipe.with_epochs(self.epochs), "shortened"


def _boolean(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError("give true or false")
    return text.lower() in _TRUE


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise ValueError("give a whole number, 1 or more")
    return int(text)


def _seeds(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and int(part) < 2**63 for part in parts):
        raise ValueError("give whole numbers separated by commas, as 0,1,2")
    if len(set(map(int, parts))) < len(parts):
        raise ValueError("a seed is given twice")
    return tuple(map(int, parts))


def _fraction(text: str) -> float:
    try:
        fraction = float(text)
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction < 1:
        raise ValueError("give a share of the training images, 0 or more and below 1, as 0.1")
    return fraction


def _share_or_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError("give 1, 0, or a share of one GPU, as 0.5; torchrun trains a case on several")
    return number


def _cluster_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text.startswith("ray://"):
        raise ValueError("results come to a machine of the cluster: run pytest on one of it, and give auto")
    if text != "auto" and not (host and port.isascii() and port.isdecimal()):
        raise ValueError("give auto, or HOST:PORT, as 10.0.0.1:6379")
    return text


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"give {', '.join(choices[:-1])} or {choices[-1]}")
        return text

    return parse


def _path(text: str) -> Path:
    if not text:
        raise ValueError("give a folder")
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"{error} give a folder that can be") from error


@dataclass(frozen=True)
class Option:
    """One option: its name without dashes, its default as text (empty: none), how its text is read, and its help."""

    name: str
    default: str
    parse: Callable[[str], Any]
    help: str
    metavar: str | None = None

    @property
    def is_flag(self) -> bool:
        return self.parse is _boolean

    @property
    def key(self) -> str:
        """The name as an ini key and as an attribute."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return ENVIRONMENT_PREFIX + self.key.upper()


OPTIONS = (
    Option(
        "full-training",
        "false",
        _boolean,
        "train every case to completion on its whole dataset; without it, a quick smoke run that measures nothing",
    ),
    Option("epochs", "", _positive, "train N epochs instead of the recipe's, milestones in proportion", "N"),
    Option("seeds", "0", _seeds, "one case per seed (default: 0)", "LIST"),
    Option(
        "data-dir", "", _path, "where the datasets lie, a folder for each (default: the user's cache folder)", "DIR"
    ),
    Option("results-dir", "results", _path, "where results are kept (default: results)", "DIR"),
    Option("report-dir", "report", _path, "where tables are written (default: report)", "DIR"),
    Option(
        "device", "auto", str, "auto, cpu, cuda, cuda:N or mps (default: auto, the fastest that is there)", "DEVICE"
    ),
    Option(
        "precision", "auto", str, "auto, fp32, tf32 or bf16 (default: auto, bf16 on GPUs that have it)", "PRECISION"
    ),
    Option("rerun", "false", _boolean, "train again what is finished"),
    Option(
        "val-split",
        "0",
        _fraction,
        "hold out this share of the training images for the evaluation of every epoch (default: 0, the paper's "
        "protocol: the test set every epoch)",
        "FRACTION",
    ),
    Option(
        "pipeline",
        "fast",
        _one_of("fast", "reference"),
        "fast, or reference: transforms image by image in loader processes, eager, float32, the loss read at every "
        "step, as the study did it (default: fast)",
        "PIPELINE",
    ),
    Option(
        "compile",
        "auto",
        _one_of("auto", "on", "off"),
        "auto, on or off: whether networks are compiled (default: auto, on CUDA where a run is so long that it pays)",
        "WHEN",
    ),
    Option(
        "engine",
        "local",
        _one_of("local", "ray"),
        "local, or ray: all cases at once on a Ray cluster (default: local, one after the other in this process)",
        "ENGINE",
    ),
    Option(
        "ray-address",
        "",
        _cluster_address,
        "the cluster for --engine ray: auto, that of this machine, or HOST:PORT (default: one on this machine alone)",
        "ADDRESS",
    ),
    Option(
        "cpus-per-case",
        "",
        _positive,
        "CPUs for each case on a cluster, and threads (default: 1; with --exclusive, those of a node)",
        "N",
    ),
    Option(
        "gpus-per-case",
        "",
        _share_or_number,
        "GPUs for each case on a cluster: 1, 0, or a share of one, as 0.5 (default: 1 where the cluster has any)",
        "N",
    ),
    Option("exclusive", "false", _boolean, "give each case a node of its own, for times that are to be compared"),
)


def read_settings(
    command_line: Mapping[str, Any], environment: Mapping[str, str] = os.environ, ini: Mapping[str, str] | None = None
) -> Settings:
    """The settings, each from the first of command line, environment and ini file that has it, else its default.

    Args:
        command_line, ini: values by `Option.key`; None or absent where not given.

    Raises:
        InputError: a value is none of its option's, or two do not go together. It names where the value came from.
    """
    values: dict[str, Any] = {}
    for option in OPTIONS:
        given = command_line.get(option.key)
        places = (
            (f"--{option.name}", None if given in (None, False) else str(given)),
            (option.variable, environment.get(option.variable) or None),
            (f"ini key {option.key}", (ini or {}).get(option.key) or None),
        )
        place, text = next(((place, text) for place, text in places if text is not None), ("default", option.default))
        if text == "" and place == "default":
            values[option.key] = None
            continue
        try:
            values[option.key] = option.parse(text)
        except ValueError as error:
            raise InputError(f"{place} {text!r}: {error}") from error
    _check(values)
    return Settings(**(values | {"data_dir": values["data_dir"] or default_data_dir()}))


def _check(values: Mapping[str, Any]) -> None:
    """What no value alone can tell: options that do not go together, a data folder that is not there."""
    _check_engine(values)
    epochs, data_dir = values["epochs"], values["data_dir"]
    if epochs is not None and not values["full_training"]:
        raise InputError(f"--epochs {epochs} needs --full-training: a quick run always takes the same few epochs")
    odd = values["precision"] not in ("auto", "fp32")
    if values["pipeline"] == "reference" and (odd or values["compile"] == "on"):
        wrong = f"--precision {values['precision']}" if odd else "--compile on"
        raise InputError(f"--pipeline reference is eager float32, as the study was trained: leave out {wrong}")
    if data_dir is not None and values["engine"] == "local" and not os.path.isdir(data_dir):
        raise InputError(f"--data-dir {data_dir} does not exist: make it, or name the folder that holds the datasets")


def _check_engine(values: Mapping[str, Any]) -> None:
    """What goes with which engine."""
    device = values["device"]
    if values["engine"] == "ray" and device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device} is one machine's: with --engine ray give auto, cpu or cuda")
    if device == "cpu" and values["gpus_per_case"]:
        raise InputError(
            f"--device cpu has no use for --gpus-per-case {values['gpus_per_case']:g}: leave one of them out"
        )
    for key in ("ray_address", "cpus_per_case", "gpus_per_case", "exclusive"):
        if values[key] not in (None, False) and values["engine"] != "ray":
            raise InputError(f"--{key.replace('_', '-')} is for a cluster: add --engine ray, or leave it out")
