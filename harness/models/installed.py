"""The origin of code: the standard library, an installed package, or the user's own files."""

import functools
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

_NOT_COUNTED = ("harness", "numpy", "timm", "torch", "torchvision")
"""Packages whose code belongs to no network's identity: `harness.training.code_version` covers the harness's own, and
a result's environment names the versions of the others."""
_SITE_FOLDERS = ("site-packages", "dist-packages")


def installed_package(value: Any) -> str | None:
    """Return the package that defines a function, class or module, with the version that counts.

    Returns:
        ``einops 0.8.1``; the name alone for the standard library and the packages whose version does not count; None
        for the user's own code.
    """
    file = _file_of(value)
    name = (value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)) or ""
    root = name.partition(".")[0].lstrip("_")
    if file is None:
        has_no_file = (
            root in ("", "builtins") or root in sys.stdlib_module_names or f"_{root}" in sys.stdlib_module_names
        )
        return root if has_no_file or root in _NOT_COUNTED else None
    package = _package_of(file)
    return (root or "python") if package == "" else package


def _file_of(value: Any) -> str | None:
    """Return the file of a function, class or module; None if it has none, as built-in ones."""
    if isinstance(value, FunctionType):
        return value.__code__.co_filename  # a decorator gives its function the module of the decorated one
    module = value if isinstance(value, ModuleType) else sys.modules.get(getattr(value, "__module__", None) or "")
    paths = getattr(module, "__path__", None)
    return getattr(module, "__file__", None) or (next(iter(paths), None) if paths is not None else None)


@functools.lru_cache(maxsize=1024)
def _package_of(file: str) -> str | None:
    """Return an installed package's name and version by one of its files; empty for the standard library."""
    if file.startswith("<frozen "):
        return ""
    path = Path(file)
    for name in _NOT_COUNTED:
        root = getattr(sys.modules.get(name), "__file__", None)
        if root is not None and Path(root).parent in path.parents:
            return name
    if folder := next((part for part in _SITE_FOLDERS if part in path.parts), None):
        name = path.parts[path.parts.index(folder) + 1].partition(".")[0]
        return f"{name} {_version(name)}"
    libraries = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    return "" if any(Path(library) in path.parents for library in libraries) else None


@functools.cache
def _version(package: str) -> str:
    """Return an installed package's version; its import name can differ from that of its distribution."""
    names = metadata.packages_distributions().get(package, [package])
    try:
        return metadata.version(names[0])
    except metadata.PackageNotFoundError:
        return str(getattr(sys.modules.get(package), "__version__", "of unknown version"))
