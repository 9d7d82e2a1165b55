"""The options' short names, `--NAME`; each gives way to another plugin's or conftest.py's."""

import argparse
import inspect
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.config.option import Option, rename_options
from harness.config.options import OPTIONS
from harness.plugin.pytest_options import add_option, destination, foreign_ini_keys

_TAKEN: pytest.StashKey[tuple[Option, ...]] = pytest.StashKey()


def add_short_names(parser: pytest.Parser) -> None:
    """Add `--NAME` for every option whose short name is free; else show the long name in the help."""
    actions = parser.optparser._option_string_actions
    for option in OPTIONS:
        if (name := f"--{option.name}") not in actions:
            places = f"{option.long_name}, {option.variable}, ini key {option.key}"
            add_option(parser, name, option, f"{option.help}; or {places}")
        elif not _is_own(actions[name], option):
            _show_long_name(actions, option)


def start_beside_conftest(parser: pytest.Parser, plugins: pytest.PytestPluginManager) -> None:
    """Add the short names at once if a conftest.py is loaded already: then that file loads the plugin.

    Plugins and conftest.py files that are still to come add their options while the parser lacks ours: argparse
    refuses a name that it knows.
    """
    if not any(map(_is_conftest, plugins.get_plugins())):
        return
    add_short_names(parser)
    actions = parser.optparser._option_string_actions
    withdrawn: dict[str, argparse.Action] = {}

    def before(hook: str, *_: Any) -> None:
        if hook == "pytest_addoption":
            withdrawn.update({name: actions.pop(name) for name in _own_names(actions)})

    def after(_: Any, hook: str, *__: Any) -> None:
        if hook != "pytest_addoption":
            return
        for option in OPTIONS:
            if (action := withdrawn.pop(f"--{option.name}", None)) is None:
                continue
            if actions.setdefault(f"--{option.name}", action) is not action:
                action.help = argparse.SUPPRESS
                _show_long_name(actions, option)

    plugins.add_hookcall_monitoring(before, after)


def leave_out_values(config: pytest.Config, arguments: Sequence[str]) -> None:
    """Remove the values of short names from the files whose conftest.py pytest loads first.

    pytest does not know these names yet, and takes the value for a file: `--seeds 0` would replace ``testpaths``.
    """
    actions = config._parser.optparser._option_string_actions
    names = {f"--{option.name}" for option in OPTIONS if not option.is_flag} - actions.keys()
    files = config.known_args_namespace.file_or_dir
    for name, value in pairwise(arguments):
        if name in names and value in files:
            files.remove(value)


def end_short_names(config: pytest.Config) -> None:
    """Note the names that others have, and remove ours from the parser once the command line is parsed.

    A conftest.py in a folder below is loaded during collection, and may add options of the same names.
    """
    actions = config._parser.optparser._option_string_actions
    named = [(option, actions.get(f"--{option.name}")) for option in OPTIONS]
    config.stash[_TAKEN] = tuple(option for option, action in named if action and not _is_own(action, option))
    for name in _own_names(actions):
        del actions[name]


def with_valid_names(config: pytest.Config, text: str) -> str:
    """Return a message with the options' names that are ours in this session."""
    return rename_options(text, {option.name: option.long_name for option in config.stash[_TAKEN]})


def taken_lines(config: pytest.Config, *, only_in_use: bool) -> list[str]:
    """Return a line for each short name, and each ini key in use, that another plugin has.

    Args:
        only_in_use: leave out short names that are not on the command line.
    """
    arguments = [str(argument).partition("=")[0] for argument in config.invocation_params.args]
    taken = [(f"--{option.name}", option.long_name) for option in config.stash[_TAKEN]]
    lines = [
        f"wider-or-deeper: {name} belongs to {_owner(config, name)}; ours is {own}"
        for name, own in taken
        if name in arguments or not only_in_use
    ]
    for option, key in foreign_ini_keys(config):
        lines.append(f"wider-or-deeper: ini key {key} belongs to {_owner(config, key)}; ours is {option.ini_keys[0]}")
    return lines


def _owner(config: pytest.Config, name: str) -> str:
    """Return the plugin or conftest.py whose source has the quoted name of an option or an ini key.

    The source is its file; else its hook, for a name that a loop puts together.
    """
    named = config.pluginmanager.list_name_plugin()
    hooks = [(title, plugin, plugin.pytest_addoption) for title, plugin in named if hasattr(plugin, "pytest_addoption")]
    for text, is_whole_file in ((name, True), (name.lstrip("-"), False)):
        for title, plugin, hook in hooks:
            if any(quote + text + quote in _source(hook, is_whole_file=is_whole_file) for quote in "'\""):
                return _title(config, title, plugin)
    return "another plugin"


def _source(hook: Any, *, is_whole_file: bool) -> str:
    """Return the source of a hook or of its file; empty where there is none."""
    try:
        return "".join(inspect.findsource(hook)[0]) if is_whole_file else inspect.getsource(hook)
    except (OSError, TypeError):
        return ""


def _title(config: pytest.Config, registered_name: str | None, plugin: Any) -> str:
    """Return the path of a conftest.py, the name of a distribution, or the name that `-p` gives."""
    if _is_conftest(plugin):
        return os.path.relpath(plugin.__file__, config.rootpath)
    installed = [found.project_name for one, found in config.pluginmanager.list_plugin_distinfo() if one is plugin]
    return str(installed[0] if installed else registered_name)


def _is_conftest(plugin: object) -> bool:
    return Path(getattr(plugin, "__file__", None) or "").name == "conftest.py"


def _own_names(actions: dict[str, argparse.Action]) -> list[str]:
    """Return the short names that are ours."""
    names = [(f"--{option.name}", option) for option in OPTIONS]
    return [name for name, option in names if name in actions and _is_own(actions[name], option)]


def _is_own(action: argparse.Action, option: Option) -> bool:
    return action.dest == destination(option)


def _show_long_name(actions: dict[str, argparse.Action], option: Option) -> None:
    actions[option.long_name].help = f"{option.help}; or {option.variable}".replace("%", "%%")
