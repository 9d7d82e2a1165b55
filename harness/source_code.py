"""Python source as the code that it executes, without comments, docstrings and formatting."""

import ast
import functools
import linecache
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any
from unicodedata import ucd_3_2_0

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def executed(source: bytes) -> str:
    """Return a text that two versions of a Python file share if they differ in nothing that executes.

    Comments, docstrings and formatting are left out; the text is the same for all versions of Python.

    Raises:
        SyntaxError: the source is not Python.
    """
    return canonical(ast.parse(source))


def canonical(tree: ast.AST) -> str:
    """Return a syntax tree's text, as `executed` does."""
    return "".join(_canonical(tree))


def literal(value: Any) -> str:
    """Return the text of a number or a string, the same for all versions of Python."""
    return hex(value) if type(value) is int else _escaped(repr(value))  # repr refuses more than 4300 digits


def definitions_of(function: FunctionType) -> list[Definition]:
    """Return the syntax tree of a function's definition; several, if lambdas of a line look alike.

    Returns:
        an empty list if the source is not available: the function was made by `exec` or typed into a console, or its
        file has changed since it was imported.
    """
    code = function.__code__
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename, function.__globals__))
    found = [one for one in _definitions(text).get(code.co_firstlineno, ()) if _has_signature(one, code)]
    exact = [one for one in found if _contains(one, code)]
    return exact if len(exact) == 1 else found


@functools.lru_cache(maxsize=64)
def _definitions(text: str) -> dict[int, list[Definition]]:
    """Return the definitions of functions in a file by their first line, that of the first decorator."""
    found: dict[int, list[Definition]] = {}
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return {}
    for node in ast.walk(tree):
        if isinstance(node, Definition):
            decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
            found.setdefault(min([node.lineno, *(one.lineno for one in decorators)]), []).append(node)
    return found


def _has_signature(node: Definition, code: CodeType) -> bool:
    arguments = node.args
    name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    mangled = zip(names, code.co_varnames, strict=False)
    count = code.co_argcount + code.co_kwonlyargcount
    return name == code.co_name and len(names) == count and all(own.endswith(one) for one, own in mangled)


def _contains(node: Definition, code: CodeType) -> bool:
    """Return True if all instructions lie inside the definition; Python can run without their columns."""
    first, last = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
    known = [
        ((line, column or 0), (end_line or line, end)) for line, end_line, column, end in code.co_positions()
        if line and end
    ]  # fmt: skip
    return all(first <= begin and end <= last for begin, end in known)


def _canonical(value: Any) -> Iterator[str]:
    """Yield the parts of a syntax tree's text; a string that stands alone, as a docstring does, has none.

    `ast.dump` is not the same for all versions of Python: newer ones have more fields, which are empty in older code,
    and Python 3.12.1 ends a format like ``{x:{width}}`` with an empty string.
    """
    if isinstance(value, list):
        for one in value:
            if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)):
                yield from _canonical(one)
                yield ","
    elif isinstance(value, ast.AST):
        yield f"{type(value).__name__}("
        for name, child in ast.iter_fields(value):
            if isinstance(value, ast.JoinedStr):
                child = [part for part in child if not (isinstance(part, ast.Constant) and part.value == "")]
            if child is not None and child != []:
                yield f"{name}="
                yield from _canonical(child)
        yield ")"
    else:
        yield _escaped(repr(value))


def _escaped(text: str) -> str:
    r"""Return the text with characters newer than Unicode 3.2 as ``\\u`` escapes.

    `repr` escapes a character that its Python does not know, and newer versions of Python know more of them.
    """
    if text.isascii():
        return text
    return "".join(c.encode("unicode_escape").decode() if ucd_3_2_0.category(c) == "Cn" else c for c in text)
