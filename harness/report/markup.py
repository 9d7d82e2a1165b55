"""A table's cells as Markdown and as LaTeX."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Protocol

from tabulate import tabulate

_ALONE = r"""% Compiles as it is; also to be \input into a document that loads booktabs and, for long ones, longtable.
\makeatletter
\ifx\@nodocument\relax\else
  \documentclass{article}
  \usepackage[T1]{fontenc}
  \usepackage[utf8]{inputenc}
  \usepackage{booktabs,longtable}
  \usepackage[a3paper,landscape,margin=1cm]{geometry}
  \def\standalonetable{}
  \begin{document}
\fi
\makeatother"""
_END = r"\ifdefined\standalonetable\expandafter\enddocument\fi"

_MOST_ROWS = 50  # of a table on one page
_LONGEST_WORDS = 40  # characters of a cell on one line
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "`": r"\textasciigrave{}", "[": "{[}", "]": "{]}", "*": "{*}",
    "−": "$-$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "→": r"$\rightarrow$", "≥": r"$\geq$", "≤": r"$\leq$",
    "Δ": r"$\Delta$", "ω": r"$\omega$", "²": r"$^2$", "–": r"\textendash{}", "—": r"\textemdash{}",
    "…": r"\ldots{}", "✓": r"$\surd$", "’": "'", "“": "``", "”": "''",
}  # fmt: skip
# Letters that every font of LaTeX's has or puts together, OT1 too, which a user's document may have.
_ACCENTS = frozenset("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
_LETTERS = frozenset("ßæøœłÆØŒŁı")
_MARKDOWN = str.maketrans({mark: f"\\{mark}" for mark in "\\|<*`_"})


class Printable(Protocol):
    """A table as far as formats need it: its cells are what a person reads.

    Attributes:
        left: whether each column stands to the left.
    """

    @property
    def file_name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def headings(self) -> Sequence[str]: ...
    @property
    def cells(self) -> Sequence[Sequence[str]]: ...
    @property
    def left(self) -> Sequence[bool]: ...
    @property
    def notes(self) -> Sequence[str]: ...


def markdown(table: Printable) -> str:
    """A table as GitHub shows it, under its title, its notes below."""
    cells = [[escape_markdown(cell) for cell in row] for row in table.cells]
    headings = [escape_markdown(heading) for heading in table.headings]
    alignment = ["left" if is_left else "right" for is_left in table.left]
    body = tabulate(cells, headings, "pipe", colalign=alignment if cells else None, disable_numparse=True)
    notes = [f"- {escape_markdown(note)}" for note in table.notes]
    return "\n".join([f"# {escape_markdown(table.title)}", "", body, "", *notes, ""])


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, on one line: a class's name may be anything."""
    return " ".join(text.split()).translate(_MARKDOWN)


def latex(tables: Sequence[Printable]) -> str:
    """Tables as LaTeX with booktabs, which compiles alone and can be put into a document."""
    return "\n".join([_ALONE, *map(_latex_table, tables), _END, ""])


def _latex_table(table: Printable) -> str:
    """A table that floats or, where it is longer than a page, is broken over several."""
    columns = "".join(_latex_column(table, place) for place in range(len(table.headings)))
    label = re.sub("[^A-Za-z0-9.-]", "-", table.file_name)
    caption = rf"\caption{{{escape_latex(table.title)}}}\label{{tab:{label}}}"
    head = [r"\toprule", " & ".join(map(escape_latex, table.headings)) + r" \\", r"\midrule"]
    rows = [" & ".join(map(escape_latex, row)) + r" \\" for row in table.cells]
    notes = [rf"\par\smallskip{{\footnotesize {escape_latex(note)}}}" for note in table.notes]
    if len(rows) > _MOST_ROWS:
        begin = [r"{\small", rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}", caption + r" \\"]
        return "\n".join([*begin, *head, r"\endhead", *rows, r"\bottomrule", r"\end{longtable}}", *notes])
    begin = [r"\begin{table}[htbp]", r"\centering\small", caption, rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}"]
    return "\n".join([*begin, *head, *rows, r"\bottomrule", r"\end{tabular}", *notes, r"\end{table}"])


def _latex_column(table: Printable, place: int) -> str:
    """A column's specification: long words are broken into lines."""
    if not table.left[place]:
        return "r"
    longest = max((len(row[place]) for row in table.cells), default=0)
    return "l" if longest <= _LONGEST_WORDS else r"p{6.4cm}"


def escape_latex(text: str) -> str:
    """Text as LaTeX prints it with the fonts that it always has; what these lack becomes a question mark."""
    return "".join(map(_escaped, text)).replace("--", "-{}-")  # which would become one dash


def _escaped(char: str) -> str:
    if char in _LATEX:
        return _LATEX[char]
    if char.isascii():
        return char if char.isprintable() else " "
    parts = unicodedata.normalize("NFKD", char)
    plain = "".join(part for part in parts if part.isascii() and part.isprintable())
    if char in _LETTERS or (len(parts) == 2 and plain.isalpha() and parts[1] in _ACCENTS and ord(char) < 0x180):
        return char
    return "".join(map(_escaped, plain)) or "?"
