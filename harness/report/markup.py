"""Tables as CSV, Markdown and LaTeX."""

import re
import unicodedata
from collections.abc import Sequence

import pandas as pd
from tabulate import tabulate

from harness.report.tables.table import Table
from harness.text import printable

_PREAMBLE = r"""% Compiles alone, and can be \input into a document that loads booktabs and, for long tables, longtable.
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

_MAX_ROWS_OF_A_FLOAT = 50  # a longer table does not fit on a page
_MAX_CELL_CHARACTERS = 40  # a longer cell is broken into lines
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "`": r"\textasciigrave{}", "[": "{[}", "]": "{]}", "*": "{*}",
    "−": "$-$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "→": r"$\rightarrow$", "≥": r"$\geq$", "≤": r"$\leq$",
    "Δ": r"$\Delta$", "ω": r"$\omega$", "²": r"$^2$", "–": r"\textendash{}", "—": r"\textemdash{}",
    "…": r"\ldots{}", "✓": r"$\surd$", "’": "'", "“": "``", "”": "''",
}  # fmt: skip
# Letters that every LaTeX font has or composes, including OT1, which a user's document may use.
_ACCENTS = frozenset("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
_LETTERS = frozenset("ßæøœłÆØŒŁı")
_MARKDOWN = re.compile(
    r"[\\|<*`_\[$@]"  # code, emphasis, tags, links and images, formulas
    r"|~(?=\S)|(?<=\S)~|&(?=[#\w])|:(?=//)|(?<=\bwww)\."  # strikethrough, entities, addresses that become links
    r"|^(?:[#+-](?=[#+-]*(?:\s|$))|>)|(?<=^\d)[.)](?=\s)"  # headings, lists and quotations
)


def csv(tables: Sequence[Table]) -> str:
    """Return the plain values of tables as one CSV text, one table after the other."""
    return str(pd.concat([table.frame for table in tables]).to_csv(index=False))


def markdown(table: Table) -> str:
    """Return a table as GitHub Markdown, with its title above and its notes below."""
    cells = [[escape_markdown(cell) for cell in row] for row in table.cells]
    headings = [escape_markdown(heading) for heading in table.headings]
    alignment = ["left" if column.is_words else "right" for column in table.columns]
    body = tabulate(cells, headings, "pipe", colalign=alignment if cells else None, disable_numparse=True)
    notes = [f"- {escape_markdown(note)}" for note in table.notes]
    return "\n".join([f"# {escape_markdown(table.title)}", "", body, "", *notes, ""])


def escape_markdown(text: str) -> str:
    """Return text on one line that Markdown shows unchanged: a class name may hold any character."""
    return _MARKDOWN.sub(r"\\\g<0>", printable(" ".join(text.split())))


def latex(tables: Sequence[Table]) -> str:
    """Return tables as LaTeX with booktabs, which compiles alone and can be \\input into a document."""
    return "\n".join([_PREAMBLE, *map(_latex_table, tables), _END, ""])


def _latex_table(table: Table) -> str:
    """Return a floating table, or a longtable if it is longer than a page."""
    columns = "".join(_latex_column(table, place) for place in range(len(table.columns)))
    label = re.sub("[^A-Za-z0-9.-]", "-", table.file_name)
    caption = rf"\caption{{{escape_latex(table.title)}}}\label{{tab:{label}}}"
    head = [r"\toprule", " & ".join(map(escape_latex, table.headings)) + r" \\", r"\midrule"]
    rows = [" & ".join(map(escape_latex, row)) + r" \\" for row in table.cells]
    notes = [rf"\par\smallskip{{\footnotesize {escape_latex(note)}}}" for note in table.notes]
    if len(rows) > _MAX_ROWS_OF_A_FLOAT:
        begin = [r"{\small", rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}", caption + r" \\"]
        return "\n".join([*begin, *head, r"\endhead", *rows, r"\bottomrule", r"\end{longtable}}", *notes])
    begin = [r"\begin{table}[htbp]", r"\centering\small", caption, rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}"]
    return "\n".join([*begin, *head, *rows, r"\bottomrule", r"\end{tabular}", *notes, r"\end{table}"])


def _latex_column(table: Table, place: int) -> str:
    """Return a column specification that breaks long cells into lines."""
    if not table.columns[place].is_words:
        return "r"
    longest = max((len(row[place]) for row in table.cells), default=0)
    return "l" if longest <= _MAX_CELL_CHARACTERS else r"p{6.4cm}"


def escape_latex(text: str) -> str:
    """Return LaTeX that prints the text; characters that its fonts lack become question marks."""
    shown = printable(" ".join(text.split("\n")))
    return "".join(map(_escaped, shown)).replace("--", "-{}-")  # LaTeX joins two hyphens into a dash


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
