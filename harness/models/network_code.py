"""The code that builds a user's network: a text, found from its builder. Needs no torch.

From the builder, every name that its syntax tree uses is followed, through globals, closures and imported modules, to
functions, classes with their bases, and plain values in the user's own files. Arguments of `functools.partial`,
default arguments, the object of a bound method and the function under a decorator are followed alike.

Comments, docstrings, formatting, annotations and the place count for nothing: neither paths, names of modules and
functions, nor the order of definitions. Nor does anything that the builder does not reach, as the tests in its file. Of
an installed package the name and the version count, and of the standard library, of torch, torchvision, timm, numpy
and the harness the names that are used. Not followed are names made while the builder runs, as ``globals()[name]`` and
``importlib.import_module(name)``; a module that is used as a whole, as in ``getattr(blocks, name)``, counts as a whole.
"""

import dataclasses
import enum
import functools
import numbers
import re
import sys
from collections import deque
from collections.abc import Callable, Collection, Mapping
from pathlib import PurePath
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

from harness.errors import InputError
from harness.models.installed import installed_package
from harness.models.outer_names import OuterNames
from harness.source_code import Definition, definitions_of, literal

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_CONTAINERS = (list, tuple, set, frozenset, deque, Mapping)


class CodeWalk:
    """A walk from a builder through all code that it reaches.

    Raises:
        InputError: the source of a function that it reaches is not available.

    Attributes:
        text: what the code does; the same for all versions of Python, processes and orders of sets and dictionaries.
        modules: the names of the user's own modules that it is in.
        imported: those that functions import while they run.
        used: each name that the code takes from one of them, after the module's.
    """

    def __init__(self, build: Callable[..., Any]) -> None:
        self.modules: set[str] = set()
        self.imported: set[str] = set()
        self.used: set[tuple[str, str]] = set()
        self._numbers: dict[int, int] = {}
        self._reached: list[Any] = []  # kept alive, so that no other object gets the same id
        root, parts = self.refer(build), list[str]()
        while len(parts) < len(self._reached):
            parts.append(self._describe(self._reached[len(parts)]))
        self.text = "\n".join([root, *parts])

    def refer(self, value: Any) -> str:
        """Return the text that stands for a value: itself if it is plain, else its number in the walk."""
        if type(value) in _PLAIN:
            return literal(value)
        if isinstance(value, tuple | frozenset) and type(value) in (tuple, frozenset):
            texts = [self.refer(one) for one in (value if isinstance(value, tuple) else _in_order(value))]
            return f"{type(value).__name__}({', '.join(texts)})"
        if isinstance(value, MethodType):
            return f"method({self.refer(value.__self__)}, {self.refer(value.__func__)})"
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._reached)
            self._reached.append(value)
        return f"<{self._numbers[id(value)]}>"

    def _describe(self, value: Any) -> str:
        if isinstance(value, FunctionType | type | ModuleType):
            return self._describe_definition(value)
        if isinstance(value, functools.partial):
            return f"partial {self._refer_all(value.func, value.args)} {self._refer_items(value.keywords)}"
        if isinstance(value, staticmethod | classmethod):
            return f"{type(value).__name__} {self.refer(value.__func__)}"
        if isinstance(value, property):
            return f"property {self._refer_all(value.fget, value.fset, value.fdel)}"
        if isinstance(value, functools.cached_property):
            return f"cached_property {self.refer(value.func)}"
        if hasattr(value, "__wrapped__"):
            return f"{type(value).__name__} around {self.refer(value.__wrapped__)}"
        if callable(value) and hasattr(value, "__qualname__"):  # a function that is not written in Python
            return f"{installed_package(value)}: {value.__qualname__}"
        return f"{self.refer(type(value))} {self._describe_state(value)}"

    def _describe_definition(self, value: FunctionType | type | ModuleType) -> str:
        package = installed_package(value)
        if package is None:
            self.modules.add(value.__name__ if isinstance(value, ModuleType) else value.__module__)
            if isinstance(value, FunctionType):
                return self._describe_function(value)
            return self._describe_class(value) if isinstance(value, type) else self._describe_module(value)
        name = value.__name__ if isinstance(value, ModuleType) else value.__qualname__
        return f"{package}: {name} {self._refer_all(*_wrapped_by(value))}"

    def _describe_function(self, function: FunctionType) -> str:
        attributes = {name: one for name, one in vars(function).items() if not name.startswith(("_", "pytestmark"))}
        return " ".join(
            [
                *(self._text_of(one, function) for one in _definitions_of(function)),
                self._refer_all(*(function.__defaults__ or ()), *_wrapped_by(function)),
                self._refer_items(function.__kwdefaults__ or {}),
                self._refer_items(attributes),
            ]
        )

    def _text_of(self, definition: Definition, function: FunctionType) -> str:
        """Return a definition's text with each name from outside replaced by what stands for its value."""
        names = OuterNames(definition, function, self.refer)
        self.modules |= names.modules
        self.imported |= names.imported
        self.used |= names.used
        return names.text

    def _describe_class(self, kind: type) -> str:
        """Return the bases and members of a class, which need not be defined by a class statement."""
        members = {name: value for name, value in vars(kind).items() if _counts(name, value, kind)}
        if dataclasses.is_dataclass(kind):
            fields = enumerate(dataclasses.fields(kind))
            members |= {f"field {k} {one.name}": (one.default_factory, one.kw_only) for k, one in fields}
        metaclass = [] if type(kind) is type else [type(kind)]
        return f"class {self._refer_all(*kind.__bases__, *metaclass)} {self._refer_items(members)}"

    def _describe_module(self, module: ModuleType) -> str:
        names = {name: value for name, value in vars(module).items() if not name.startswith(("__", "@"))}
        self.used |= {(module.__name__, name) for name in names}
        return f"module {self._refer_items(names)}"

    def _describe_state(self, value: Any) -> str:
        """Return what an object holds; of an object of the standard library that is no value, nothing."""
        package = installed_package(type(value))
        if isinstance(value, enum.Enum):
            return f"{value.name} {self.refer(value.value)}"
        if isinstance(value, PurePath):
            return literal(value.name)
        if isinstance(value, numbers.Number | str | bytes | range | slice | re.Pattern):
            return literal(str(value))
        if hasattr(value, "named_modules"):  # a network: its weights are drawn later, or random
            return f"{_ADDRESS.sub('', repr(value))} {self._refer_all(*map(type, value.modules()))}"
        if hasattr(value, "tolist"):
            return f"{getattr(value, 'dtype', '')} {getattr(value, 'shape', '')} {value.tolist()}"
        if isinstance(value, _CONTAINERS) and (package or "builtins") != "os":
            return self._refer_contents(value)
        if package is None or isinstance(value, SimpleNamespace):
            return self._refer_items(_state_of(value))
        return "" if package in sys.stdlib_module_names else _ADDRESS.sub("", repr(value))

    def _refer_contents(self, value: Any) -> str:
        if isinstance(value, Mapping):
            return self._refer_items(value)
        return self._refer_all(*(_in_order(value) if isinstance(value, set | frozenset) else value))

    def _refer_all(self, *values: Any) -> str:
        return f"({', '.join(map(self.refer, values))})"

    def _refer_items(self, items: Mapping[Any, Any]) -> str:
        keys = _in_order(items)
        return f"{{{', '.join(f'{self.refer(key)}: {self.refer(items[key])}' for key in keys)}}}"


def _counts(name: str, value: Any, kind: type) -> bool:
    """Return True for a member that the user wrote; a special method that Python made has no source."""
    if name.startswith("__") and name.endswith("__"):
        function = getattr(value, "__func__", value)
        return isinstance(function, FunctionType) and installed_package(function) is None and _has_file(function)
    return not (issubclass(kind, enum.Enum) and name.startswith("_"))


def _has_file(function: FunctionType) -> bool:
    return not function.__code__.co_filename.startswith("<") or bool(definitions_of(function))


def _definitions_of(function: FunctionType) -> list[Definition]:
    if found := definitions_of(function):
        return found
    name, file = function.__qualname__, function.__code__.co_filename
    if file.startswith("<"):
        raise InputError(f"{name} has no source, so its network has no identity: define it in a file, not in {file}")
    raise InputError(f"{file} has changed since {name} was imported from it: start again")


def _wrapped_by(function: Any) -> list[Any]:
    """Return the function under a decorator that uses `functools.wraps`, if there is one."""
    return [one for name, one in vars(function).items() if name == "__wrapped__"]


def _state_of(value: Any) -> dict[str, Any]:
    """Return an object's attributes, in its dictionary and in its slots."""
    slots = [name for kind in type(value).__mro__ for name in vars(kind).get("__slots__", ())]
    return {name: getattr(value, name) for name in slots if hasattr(value, name)} | dict(getattr(value, "__dict__", {}))


def _in_order(values: Collection[Any]) -> list[Any]:
    """Return a set's or dictionary's keys in an order that is the same in every process."""
    return sorted(values, key=_sorting_text)


def _sorting_text(value: Any) -> str:
    if isinstance(value, frozenset):
        return repr(sorted(map(_sorting_text, value)))
    if isinstance(value, tuple):
        return repr(list(map(_sorting_text, value)))
    return f"{type(value).__name__} {getattr(value, '__qualname__', None) or _ADDRESS.sub('', repr(value))}"
