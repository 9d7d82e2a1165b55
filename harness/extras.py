"""Extras: optional packages, and the command that installs them."""

import shlex
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

from packaging.requirements import Requirement

from harness.errors import InputError

_DISTRIBUTION = "wider-or-deeper"
_ABOVE_THE_PACKAGE = Path(__file__).resolve().parent.parent


def require_extra(module_name: str, extra: str, needed_for: str) -> ModuleType:
    """Import a module of an extra.

    Args:
        needed_for: the option or command that needs it, e.g. ``--engine ray``.

    Raises:
        InputError: the package is not installed. The message has the command that installs it.
    """
    package = module_name.partition(".")[0]
    cause = None
    try:
        module = import_module(module_name)
        if module.__spec__ is None or module.__spec__.has_location or module.__spec__.origin:
            return module  # not a folder of that name, ./datasets for example, that has no __init__.py
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        cause = error
    raise InputError(f"{needed_for} needs {package}, install it: {how_to_install(extra)}") from cause


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra, from a checkout or beside an installed wheel.

    The project is on no package index: in a checkout the command names the checkout, elsewhere the extra's own
    requirements, as the installed package's metadata lists them.
    """
    root = _ABOVE_THE_PACKAGE
    if (root / "pyproject.toml").is_file():
        place = "." if root == Path.cwd().resolve() else str(root)
        return f"python -m pip install -e {shlex.quote(f'{place}[{extra}]')}"
    return f"python -m pip install {shlex.join(_requirements(extra))}"


def _requirements(extra: str) -> list[str]:
    """Return the extra's requirements, e.g. ``ray<3,>=2.51``, that apply to this Python and system.

    An extra that consists of others has theirs.
    """
    found: list[str] = []
    for one in map(Requirement, metadata.requires(_DISTRIBUTION) or []):
        if one.marker is None or not one.marker.evaluate({"extra": extra}) or one.marker.evaluate({"extra": ""}):
            continue
        if one.name == _DISTRIBUTION:
            found += [requirement for other in sorted(one.extras) for requirement in _requirements(other)]
        else:
            found.append(f"{one.name}{one.specifier}")
    return found
