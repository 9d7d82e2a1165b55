import re
import shutil
import subprocess
import sys
from csv import reader
from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.report.markup import csv, escape_latex, escape_markdown, latex, markdown
from harness.report.tables.table import Column, Table
from harness.text import printable, printable_lines
from tests.helpers.evil_names import EVIL_NAMES

needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
DOCUMENT = "\\documentclass{article}\n%s\\usepackage{booktabs,longtable}\n\\begin{document}\n%s\n\\end{document}\n"
T1 = "\\usepackage[T1]{fontenc}\n"
TEX = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode"]
ODD = ["[x]", "*", "*[2pt]", "a & b", "$x^2$", "50 %", "#1", "under_score", "{", "}", "~", "^", "\\", "\\end{tabular}"]


def make_table(headings, cells, title="A title", notes=(), file_name="sample"):
    """Return a table of these cells, the first column of words."""
    columns = [Column(heading, str(place), is_words=place == 0) for place, heading in enumerate(headings)]
    rows = [{str(place): cell for place, cell in enumerate(row)} for row in cells]
    return Table(file_name, title, tuple(columns), tuple(rows), notes)


def compiled(text, folder):
    """Compile a document that must compile and return the output of pdflatex."""
    (folder / "document.tex").write_text(text, encoding="utf-8")
    done = subprocess.run([*TEX, "document.tex"], cwd=folder, capture_output=True, timeout=60, check=False)
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, output[-1500:]
    return output


def test_csv_has_one_heading_line_for_several_tables():
    one, other = (make_table(("model", "%"), ((name, 1),)) for name in ("20", "110"))
    assert csv([one, other]) == "0,1\n20,1\n110,1\n"


def test_markdown_has_title_alignment_and_notes():
    table = make_table(("model", "%"), (("20", "90.10"), ("110", "9.5")), notes=("n = 1", "one seed"))
    assert markdown(table) == (
        "# A title\n\n| model   |     % |\n|:--------|------:|\n| 20      | 90.10 |\n| 110     |   9.5 |\n\n"
        "- n = 1\n- one seed\n"
    )


def test_markdown_without_rows_has_its_headings():
    assert "| model   | %   |" in markdown(make_table(("model", "%"), ()))


@pytest.mark.parametrize("text", ["a|b", "two\nlines", "<script>alert(1)</script>", "*bold*", "`code`", "_slanted_"])
def test_any_text_stays_one_markdown_cell_without_markup(text):
    made = markdown(make_table((text, "%"), ((text, "1"),), title=text, notes=(text,)))
    lines = made.splitlines()
    assert [line.count("|") - line.count("\\|") for line in lines[2:5]] == [3, 3, 3]
    assert len(lines) == 7
    plain = made
    for mark in "\\|<>*`_":
        plain = plain.replace("\\" + mark, "")
    assert not set("<*`_") & set(plain)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b & 50 %", r"a\_b \& 50 \%"),
        ("{x} #1 $2", r"\{x\} \#1 \$2"),
        ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("+0.28 pp [−0.10, +0.66]", r"+0.28 pp {[}$-$0.10, +0.66{]}"),
        ("ω² ≥ 4 ± 1 × 2", r"$\omega$$^2$ $\geq$ 4 $\pm$ 1 $\times$ 2"),
        ("--full-training", r"-{}-full-training"),
        ("Größe, señal", "Größe, señal"),
        ("猫", "?"),
        ("two\nlines", "two lines"),
        ("* first", "{*} first"),
    ],
)
def test_latex_prints_text_unchanged(text, expected):
    assert escape_latex(text) == expected


@needs_latex
@pytest.mark.parametrize("fonts", ["", T1], ids=["OT1", "T1"])
def test_characters_up_to_latin_extended_compile_in_a_users_document(fonts, tmp_path):
    characters = [chr(code) for code in range(0x20, 0x250)]
    rows = tuple(tuple(characters[k : k + 8]) for k in range(0, len(characters), 8))
    (tmp_path / "table.tex").write_text(latex([make_table(("a",) * 8, rows)]), encoding="utf-8")
    said = compiled(DOCUMENT % (fonts, "\\input{table}"), tmp_path)
    assert "Missing character" not in said


@needs_latex
def test_latex_compiles_alone_and_inside_a_document(tmp_path):
    rows = (*((text, text) for text in ODD), ("", ""))
    table = make_table(("[model]", "*"), rows, title="100 % of #1 & [more]", notes=tuple(ODD), file_name="a_b c%")
    text = latex([table, table])
    (tmp_path / "table.tex").write_text(text, encoding="utf-8")
    compiled(text, tmp_path)
    said = compiled(DOCUMENT % ("", "\\input{table}\nBehind the table.\\typeout{still here}"), tmp_path)
    assert "still here" in said


@needs_latex
def test_latex_breaks_long_tables_over_pages_and_cells_over_lines(tmp_path):
    table = make_table(("model", "%"), tuple((f"a sentence of many words, number {k}", f"{k}") for k in range(200)))
    text = latex([table])
    assert text.count(r"\begin{longtable}") == 1
    said = compiled(text, tmp_path)
    assert "Overfull" not in said
    assert re.search(r"Output written on document.pdf \((\d+) pages", said)
    (tmp_path / "table.tex").write_text(text, encoding="utf-8")
    compiled(DOCUMENT % ("", "\\input{table}"), tmp_path)
    wordy = make_table(("statement", "n"), (("word " * 60, "1"),))
    assert "Overfull" not in compiled(latex([wordy]), tmp_path)


@needs_latex
def test_any_text_compiles_as_latex(tmp_path):
    seen = []
    alphabet = st.characters(codec="utf-8") | st.sampled_from("\\{}[]*&%$#_^~\"'`<>|-?!\n\t\x00\x7f")

    @settings(max_examples=300, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.text(alphabet, max_size=20))
    def collect(text):
        seen.append(text)

    collect()
    assert len(seen) > 100
    cells, title = [(text, text) for text in seen], "".join(seen[-20:])
    parts = [make_table(("text", "again"), cells[k : k + 50], title) for k in range(0, len(seen), 50)]
    compiled(latex(parts), tmp_path)


def test_latex_escape_accepts_every_character():
    for code in range(sys.maxunicode + 1):
        escaped = escape_latex(chr(code))
        assert all(char.isascii() or ord(char) < 0x180 for char in escaped), hex(code)


TEXTS = st.one_of(st.text(), st.sampled_from(EVIL_NAMES), st.from_regex(r"[ '\t\r]*[=@+-]\w*", fullmatch=True))


@given(st.lists(st.tuples(TEXTS, st.floats(allow_nan=False, allow_infinity=False) | st.integers()), min_size=1))
def test_csv_has_every_text_and_number_and_no_formula(rows):
    text = csv([make_table(("name", "%"), rows)])
    assert text == printable_lines(text)
    for (name, number), (read_name, read_number) in zip(rows, list(reader(StringIO(text)))[1:], strict=True):
        assert not re.match(r"\s*[=@+-]", read_name)
        is_quoted = re.match(r"'[\s']*[=@+\-\uff1d\uff20\uff0b\uff0d]", read_name)
        assert (read_name[1:] if is_quoted else read_name) == printable(name)
        assert float(read_number) == pytest.approx(number, rel=1e-9, abs=1e-9)


def test_csv_keeps_negative_numbers_and_guards_its_headings():
    table = make_table(("=name", "%"), (("-1", -1), ("-x", -0.5)))
    renamed = replace(table, rows=tuple({"=1+1": row["0"], "1": row["1"]} for row in table.rows))
    assert csv([renamed]) == "'=1+1,1\n'-1,-1\n'-x,-0.5\n"


@pytest.mark.parametrize("name", EVIL_NAMES)
def test_markdown_and_latex_show_evil_names_as_text(name):
    table = make_table((name, "%"), ((name, "1"),), title=name, notes=(name,))
    for text in (markdown(table), latex([table])):
        assert text == printable_lines(text)
    plain = markdown(table).replace("\\\\", "")
    assert not re.search(r"(?<!\\)[\[<`$@]|(?<!\\)://|www\.", plain)
    assert plain.count("\n") == 7


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("[x](javascript:y)", r"\[x](javascript:y)"),
        ("![](https://a)", r"!\[](https\://a)"),
        ("www.a.org a@b.c &lt; $x$", r"www\.a.org a\@b.c \&lt; \$x\$"),
        ("~~gone~~ 0.63 ~", r"\~\~gone\~\~ 0.63 ~"),
        ("# heading", r"\# heading"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("> quoted", r"\> quoted"),
        ("+0.28 pp: −1 & 2 - 3", "+0.28 pp: −1 & 2 - 3"),
    ],
)
def test_markdown_escapes_links_images_and_other_markup(text, escaped):
    assert escape_markdown(text) == escaped
