"""Options of harness/config/settings.py as arguments of commands, and the exit code of wrong input."""

import argparse

from harness.config.settings import OPTIONS, Settings, read_settings

USAGE_ERROR = 2


def add_options(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the options of these names to a command."""
    for option in OPTIONS:
        if option.name in names:
            parser.add_argument(
                f"--{option.name}", dest=option.key, metavar=option.metavar, help=option.help.replace("%", "%%")
            )


def settings_from(known: argparse.Namespace) -> Settings:
    """Return the settings of a command line; options that the command does not have keep their default.

    Raises:
        InputError: An option, or an environment variable, is wrong.
    """
    return read_settings({option.key: getattr(known, option.key, None) for option in OPTIONS})
