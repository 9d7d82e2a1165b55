"""Python files of the user's, imported as pytest imports them, but without running tests."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from harness.errors import InputError


def import_file(path: Path, known_as: str = "") -> ModuleType:
    """Import a Python file, or return it if it is imported; make its folder, or its package's, importable.

    Args:
        path: an absolute path.
        known_as: the dotted name that it was once imported by, if that is known.

    Raises:
        InputError: the file raises an error. The message names both.
    """
    root, name = _root_and_name(path, known_as)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        for module in (sys.modules.get(known_as), sys.modules.get(name)):
            if module is not None and _is_of(module, path):
                return module
        module = importlib.import_module(name)
        return module if _is_of(module, path) else _import_apart(path)
    except Exception as error:
        remedy = "\nadd the folder that it is in to PYTHONPATH" if isinstance(error, ModuleNotFoundError) else ""
        raise InputError(f"{path} cannot be imported: {type(error).__name__}: {error}{remedy}") from error


def _root_and_name(path: Path, known_as: str) -> tuple[Path, str]:
    """Return the folder to import a file from, and its dotted name there."""
    parts = known_as.split(".")
    if path.with_suffix("").parts[-len(parts) :] == tuple(parts):
        return path.parents[len(parts) - 1], known_as
    root, names = path.parent, [] if path.stem == "__init__" else [path.stem]
    while (root / "__init__.py").exists():
        root, names = root.parent, [root.name, *names]
    return root, ".".join(names)


def _is_of(module: ModuleType, path: Path) -> bool:
    return Path(getattr(module, "__file__", None) or "").absolute() == path


def _import_apart(path: Path) -> ModuleType:
    """Import a file whose name another module has already."""
    spec = importlib.util.spec_from_file_location(f"{path.stem} in {path.parent}", path)
    if spec is None or spec.loader is None:
        raise InputError("it is not a Python file")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
