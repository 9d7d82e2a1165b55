"""One option of the command line, the environment and the ini file. Needs no torch, no pytest."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.config.option_values import (
    boolean,
    fraction,
    gpu_share,
    path,
    percentage,
    percentage_points,
    positive,
    rates,
    schedules,
    seeds,
    share,
    shares,
    trackers,
)

ENVIRONMENT_PREFIX = "WIDER_OR_DEEPER_"
PREFIX = "wod"  # of names that no other plugin has: --wod-seeds, wod_seeds

IniType = Literal["string", "paths", "args", "bool", "int", "float"]
_INI_TYPES: dict[Callable[[str], Any], IniType] = {
    boolean: "bool",
    positive: "int",
    fraction: "float",
    gpu_share: "float",
    percentage_points: "float",
    seeds: "args",
    schedules: "args",
    rates: "args",
    shares: "args",
    share: "float",
    percentage: "float",
    trackers: "args",
    path: "paths",
}


@dataclass(frozen=True)
class Option:
    """One option of the command line, the environment and the ini file.

    Attributes:
        name: without the leading dashes.
        default: as text; empty for no value.
        parse: converts the text; raises a ValueError that says what to give instead.
        metavar: placeholder for the value in the help; None for a flag.
    """

    name: str
    default: str
    parse: Callable[[str], Any]
    help: str
    metavar: str | None = None

    @property
    def is_flag(self) -> bool:
        return self.parse is boolean

    @property
    def key(self) -> str:
        """The name as ini key and as attribute of `Settings`, e.g. ``full_training``."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable, e.g. ``WIDER_OR_DEEPER_FULL_TRAINING``."""
        return ENVIRONMENT_PREFIX + self.key.upper()

    @property
    def long_name(self) -> str:
        """The option that is valid beside every plugin, e.g. ``--wod-full-training``."""
        return f"--{PREFIX}-{self.name}"

    @property
    def ini_keys(self) -> tuple[str, ...]:
        """The names in the ini file; the first that is given counts. No other plugin has the first one."""
        return tuple(dict.fromkeys((f"{PREFIX}_{self.key}", self.key, self.name)))

    @property
    def ini_type(self) -> IniType:
        """The type of pytest's ini files: ``args`` for a list, ``paths`` for a folder."""
        return _INI_TYPES.get(self.parse, "string")


def rename_options(text: str, names: Mapping[str, str]) -> str:
    """Return the text with ``--NAME`` replaced, by the option's name."""
    return re.sub(r"(?<![\w-])--([a-z][a-z0-9-]*[a-z0-9])", lambda found: names.get(found[1], found[0]), text)
