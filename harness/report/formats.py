"""A table's cells as Markdown and as LaTeX."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Protocol

from tabulate import tabulate

_ALONE = r"""% Compiles as it is; also to be \input into a document that loads booktabs.
\makeatletter
\ifx\@nodocument\relax\else
  \documentclass{article}
  \usepackage[T1]{fontenc}
  \usepackage[utf8]{inputenc}
  \usepackage{booktabs}
  \usepackage[a3paper,landscape,margin=1cm]{geometry}
  \def\standalonetable{}
  \begin{document}
\fi
\makeatother"""
_END = r"\ifdefined\standalonetable\expandafter\enddocument\fi"

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "−": "$-$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "→": r"$\rightarrow$", "≥": r"$\geq$", "≤": r"$\leq$",
    "Δ": r"$\Delta$", "ω": r"$\omega$", "²": r"$^2$", "–": "--", "—": "---", "…": r"\ldots{}", "✓": r"$\surd$",
    "’": "'", "“": "``", "”": "''",
}  # fmt: skip


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
    cells = [[cell.replace("|", "\\|") for cell in row] for row in table.cells]
    alignment = ["left" if is_left else "right" for is_left in table.left]
    body = tabulate(cells, table.headings, "pipe", colalign=alignment if cells else None, disable_numparse=True)
    return "\n".join([f"# {table.title}", "", body, "", *(f"- {note}" for note in table.notes), ""])


def latex(tables: Sequence[Printable]) -> str:
    """Tables as LaTeX with booktabs, which compiles alone and can be put into a document."""
    return "\n".join([_ALONE, *map(_latex_table, tables), _END, ""])


def _latex_table(table: Printable) -> str:
    columns = "".join("l" if is_left else "r" for is_left in table.left)
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"  \centering\small",
            rf"  \caption{{{escape_latex(table.title)}}}",
            rf"  \label{{tab:{re.sub('[^A-Za-z0-9.-]', '-', table.file_name)}}}",
            rf"  \begin{{tabular}}{{@{{}}{columns}@{{}}}}",
            r"    \toprule",
            "    " + " & ".join(map(escape_latex, table.headings)) + r" \\",
            r"    \midrule",
            *("    " + " & ".join(map(escape_latex, row)) + r" \\" for row in table.cells),
            r"    \bottomrule",
            r"  \end{tabular}",
            *(rf"  \par\smallskip{{\footnotesize {escape_latex(note)}}}" for note in table.notes),
            r"\end{table}",
        ]
    )


def escape_latex(text: str) -> str:
    """Text as LaTeX prints it with the fonts that it always has; what these lack becomes a question mark."""
    return "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    if char in _LATEX:
        return _LATEX[char]
    if char.isascii():
        return char if char.isprintable() else " "
    plain = "".join(part for part in unicodedata.normalize("NFKD", char) if part.isascii() and part.isprintable())
    if unicodedata.category(char) in ("Ll", "Lu") and ord(char) < 0x180:
        return char  # T1 has the letters of most of Europe
    return "".join(map(_escaped, plain)) or "?"
