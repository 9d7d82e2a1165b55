"""The options on pytest's command line and in its ini file: those of harness/config/settings.py.

The plugin is loaded into every pytest session, also into those of other people's test suites. So each option is always
`--wod-NAME`; the short name `--NAME` and the ini keys are left to any other plugin or conftest.py that has them.
"""

import argparse
from pathlib import Path
from typing import Any

import pytest

from harness.config.option import Option
from harness.config.settings import OPTIONS
from harness.errors import InputError

_TITLE = "wider-or-deeper: train and compare networks of different depth and width"
PREFIX = "wod"


def add_options(parser: pytest.Parser, plugins: pytest.PytestPluginManager) -> None:
    """Add the long names and the ini keys.

    Add the short names too if a conftest.py is loaded already: then that file loads the plugin.
    """
    for option in OPTIONS:
        _add(parser, f"--{PREFIX}-{option.name}", option, argparse.SUPPRESS)  # the short name's help has it
        for key in _ini_keys(option):  # no aliases: pytest refuses an alias that another plugin has as a key
            if key not in parser._inidict:
                parser.addini(key, option.help, type="string", default="")
    if any(Path(getattr(plugin, "__file__", None) or "").name == "conftest.py" for plugin in plugins.get_plugins()):
        add_short_names(parser)


def add_short_names(parser: pytest.Parser) -> None:
    """Add `--NAME` for every option whose short name is free; else show the long name in the help."""
    actions = parser.optparser._option_string_actions
    for option in OPTIONS:
        name, long_name = f"--{option.name}", f"--{PREFIX}-{option.name}"
        if name not in actions:
            _add(parser, name, option, f"{option.help}; or {long_name}, {option.variable}, ini key {option.key}")
        elif actions[name].dest != _destination(option):
            actions[long_name].help = f"{option.help}; or {option.variable}".replace("%", "%%")


def remove_short_names(parser: pytest.Parser) -> None:
    """Remove `--NAME` of every option from the parser once the command line is parsed.

    A conftest.py in a folder below is loaded during collection, and may add options of the same names.
    """
    actions = parser.optparser._option_string_actions
    for option in OPTIONS:
        if (action := actions.get(f"--{option.name}")) and action.dest == _destination(option):
            del actions[f"--{option.name}"]


def given_options(config: pytest.Config) -> dict[str, Any]:
    """Return each option's value on the command line, by `Option.key`; None where it is not given."""
    return {option.key: config.getoption(_destination(option)) for option in OPTIONS}


def ini_options(config: pytest.Config) -> dict[str, str]:
    """Return each option's value in the ini file, by `Option.key`; empty where it is not given."""
    return {option.key: _ini_value(config, option) for option in OPTIONS}


def _ini_keys(option: Option) -> tuple[str, ...]:
    """Return the names that the option has in the ini file."""
    return tuple(dict.fromkeys((option.key, option.name)))


def _ini_value(config: pytest.Config, option: Option) -> str:
    """Return the value of the first key that is given, and that no other plugin has redefined."""
    for key in _ini_keys(option):
        if config._parser._inidict[key][0] != option.help or not (value := config.getini(key)):
            continue
        if not isinstance(value, str):
            raise InputError(f"ini key {key} {value!r}: give a text in quotes")
        return value
    return ""


def _add(parser: pytest.Parser, name: str, option: Option, help_: str) -> None:
    group = parser.getgroup("wider-or-deeper", _TITLE)
    kind: dict[str, Any] = {"action": "store_true"} if option.is_flag else {"metavar": option.metavar}
    group.addoption(name, dest=_destination(option), default=None, help=help_.replace("%", "%%"), **kind)


def _destination(option: Option) -> str:
    """Return the option's attribute of `config.option`; no other plugin shares it."""
    return f"wider_or_deeper_{option.key}"
