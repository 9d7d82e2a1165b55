"""Python source as the code that it executes, without comments, docstrings and formatting."""

import ast
from collections.abc import Iterator
from typing import Any
from unicodedata import ucd_3_2_0


def executed(source: bytes) -> str:
    """Return a text that two versions of a Python file share if they differ in nothing that executes.

    Comments, docstrings and formatting are left out; the text is the same for all versions of Python.

    Raises:
        SyntaxError: the source is not Python.
    """
    return "".join(_canonical(ast.parse(source)))


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
