"""A function's definition as a text, in which the values of the names from outside replace the names.

Needs no torch.
"""

import ast
import contextlib
import copy
import importlib
import symtable
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from harness.models.installed import installed_package
from harness.source_code import Definition, canonical


class OuterNames:
    """The names in a definition that it does not bind itself, and its text without them.

    Attributes:
        text: the definition's code, with what stands for each value in place of its name.
        modules: the names of the user's own modules that it names.
        imported: those that its import statements name.
        used: each name that it takes from one of them, after the module's.
    """

    def __init__(self, definition: Definition, function: FunctionType, refer: Callable[[Any], str]) -> None:
        """Find the names of a function's definition.

        Args:
            definition: one of `definitions_of` the function.
            function: gives the values.
            refer: returns the text that stands for a value.
        """
        node = _without_annotations(definition)
        values = _values_of(function, _names_in(node, function.__code__.co_freevars))
        self.imported: set[str] = set()
        replaced = _Replaced(values, refer)
        for name, value, module in _imports_in(node, function):
            values[name] = value
            self.imported |= {one.__name__ for one in (value, module) if _is_own_module(one)}
            replaced.used |= {(module.__name__, one) for one in vars(module) if vars(module)[one] is value}
        self.modules = {one.__name__ for one in values.values() if _is_own_module(one)}
        self.text = canonical(replaced.visit(node))
        self.used = replaced.used


class _Replaced(ast.NodeTransformer):
    """A change of a syntax tree: each name with a known value becomes the text that stands for the value."""

    def __init__(self, values: Mapping[str, Any], refer: Callable[[Any], str]) -> None:
        self._values, self._refer = values, refer
        self.used: set[tuple[str, str]] = set()

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self._refer(self._values[node.id]), node.ctx) if node.id in self._values else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Replace an attribute of a module by what stands for its value: ``blocks.Residual``, ``nn.Linear``."""
        value = self._module_attribute(node)
        return self.generic_visit(node) if value is None else ast.Name(self._refer(value), node.ctx)

    def _module_attribute(self, node: ast.expr) -> Any:
        """Return the module, class, function or, of the user's own module, value that is meant; else None."""
        if isinstance(node, ast.Name):
            return self._values.get(node.id)
        if not isinstance(node, ast.Attribute):
            return None
        module = self._module_attribute(node.value)
        if not isinstance(module, ModuleType):
            return None
        found = getattr(module, node.attr, None)
        if installed_package(module) is None:
            self.used.add((module.__name__, node.attr))
            return found
        return found if isinstance(found, ModuleType) or callable(found) else None

    def visit_Import(self, node: ast.Import) -> ast.AST:
        return self._without_place(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        return self._without_place(node)

    def _without_place(self, node: ast.Import | ast.ImportFrom) -> ast.AST:
        return ast.Pass() if all(_bound_name(one) in self._values for one in node.names) else node


def _without_annotations(definition: Definition) -> Definition:
    """Return a copy of a definition without its name and annotations, which change nothing."""
    node = copy.deepcopy(definition)
    if not isinstance(node, ast.Lambda):
        node.name = "_function"
    for one in ast.walk(node):
        if isinstance(one, ast.arg):
            one.annotation = None
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            one.returns = None
    return node


def _is_own_module(value: Any) -> bool:
    return isinstance(value, ModuleType) and installed_package(value) is None


def _names_in(node: Definition, free: Collection[str]) -> set[str]:
    """Return the names in a definition that it does not bind itself.

    Args:
        free: the names that an enclosing function binds.
    """
    lines = [f"def _enclosing({', '.join(free)}):", *ast.unparse(node).split("\n")]
    (enclosing,) = symtable.symtable("\n ".join(lines), "<network>", "exec").get_children()
    return {*free, *_globals_of(enclosing)}


def _globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    yield from (one.get_name() for one in table.get_symbols() if one.is_global())
    for child in table.get_children():
        yield from _globals_of(child)


def _values_of(function: FunctionType, names: Collection[str]) -> dict[str, Any]:
    """Return the values of names in a function's closure and globals, without ``__file__`` and alike."""
    found = {
        name: value
        for name, value in function.__globals__.items()
        if name in names and not (name.startswith("__") and name.endswith("__"))
    }
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not bound yet
            found.pop(name, None)
    return found


def _imports_in(node: Definition, function: FunctionType) -> Iterator[tuple[str, Any, ModuleType]]:
    """Yield each name that an import statement in a function binds, its value, and the imported module.

    A module that cannot be imported is left out: the builder may do without it.
    """
    package = function.__globals__.get("__package__")
    for one in ast.walk(node):
        for alias in one.names if isinstance(one, ast.Import | ast.ImportFrom) else []:
            with contextlib.suppress(ImportError, AttributeError, TypeError):
                if isinstance(one, ast.ImportFrom):
                    module = importlib.import_module("." * one.level + (one.module or ""), package)
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{module.__name__}.{alias.name}")
                    yield _bound_name(alias), getattr(module, alias.name), module
                else:
                    module = importlib.import_module(alias.name)
                    root = sys.modules[alias.name.partition(".")[0]]
                    yield _bound_name(alias), module if alias.asname else root, module


def _bound_name(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]
