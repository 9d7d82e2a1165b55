"""The options on pytest's command line and in its ini file: those of harness/config/options.py.

The plugin is loaded into every pytest session, also into those of other people's test suites. So each option is always
`--wod-NAME` and the ini key `wod_NAME`; the names without the prefix are left to any other plugin or conftest.py that
has them. See short_names.py for those on the command line.
"""

import argparse
from pathlib import Path
from typing import Any

import pytest

from harness.config.ini_values import ini_texts
from harness.config.option import Option
from harness.config.options import OPTIONS

_TITLE = "wider-or-deeper: train and compare networks of different depth and width"


def add_options(parser: pytest.Parser) -> None:
    """Add the long names and the ini keys."""
    for option in OPTIONS:
        add_option(parser, option.long_name, option, argparse.SUPPRESS)  # the short name's help has it
        for key in option.ini_keys:  # no aliases: pytest refuses an alias that another plugin has as a key
            if key not in parser._inidict:
                parser.addini(key, _ini_help(option, key), type=option.ini_type, default=None)


def add_option(parser: pytest.Parser, name: str, option: Option, help_: str) -> None:
    """Add one name of an option to its group."""
    group = parser.getgroup("wider-or-deeper", _TITLE)
    kind: dict[str, Any] = {"action": "store_true"} if option.is_flag else {"metavar": option.metavar}
    group.addoption(name, dest=destination(option), default=None, help=help_.replace("%", "%%"), **kind)


def given_options(config: pytest.Config) -> dict[str, Any]:
    """Return each option's value on the command line, by `Option.key`; None where it is not given."""
    return {option.key: config.getoption(destination(option)) for option in OPTIONS}


def ini_options(config: pytest.Config) -> dict[str, str]:
    """Return the given options of the ini file as text, by key.

    Keys that another plugin has redefined are left out. `Config.getini` is not used: it refuses ``seeds = [0, 1]`` in
    ``[tool.pytest]``, and does not name the key of a wrong number.

    Raises:
        InputError: An option for one folder has a list of several.
    """
    values = _ini_values(config)
    given = {}
    for option in OPTIONS:
        keys = [key for key in option.ini_keys if key in values and is_own_key(config, option, key)]
        overridden = [key for key in keys if values[key].origin == "override"]  # by `-o KEY=VALUE`
        given.update({key: values[key].value for key in overridden or keys})
    return ini_texts(given, OPTIONS, config.inipath.parent if config.inipath else Path.cwd())


def foreign_ini_keys(config: pytest.Config) -> list[tuple[Option, str]]:
    """Return the options with each of their keys that is given in the ini file, but is another plugin's."""
    given = [(option, key) for option in OPTIONS for key in option.ini_keys if key in _ini_values(config)]
    return [(option, key) for option, key in given if not is_own_key(config, option, key)]


def is_own_key(config: pytest.Config, option: Option, key: str) -> bool:
    """Return whether no other plugin has redefined an option's ini key."""
    return bool(config._parser._inidict[key][0] == _ini_help(option, key))


def destination(option: Option) -> str:
    """Return the option's attribute of `config.option`; no other plugin shares it."""
    return f"wider_or_deeper_{option.key}"


def _ini_values(config: pytest.Config) -> dict[str, Any]:
    """Return the values as the ini file has them; the attribute has another name in pytest 9.0."""
    values: Any = getattr(config, "_inicfg", None)
    return dict(config.inicfg if values is None else values)


def _ini_help(option: Option, key: str) -> str:
    return option.help if key in (option.key, option.name) else f"{option.key}, beside a plugin that has this key too"
