"""One option of the command line, the environment and the ini file. Needs no torch, no pytest."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.config.option_values import boolean

ENVIRONMENT_PREFIX = "WIDER_OR_DEEPER_"


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
