"""The documents, their links and blocks of code, and the site's navigation."""

import re
from dataclasses import dataclass

import pytest

from tests.helpers import REPOSITORY

PAGES = sorted(path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.glob("docs/*.md"))
_OUTSIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "records/README.md")
DOCUMENTS = [*(name for name in _OUTSIDE if (REPOSITORY / name).exists()), *PAGES]
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of code in a document."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self):
        return f"{self.document}:{self.line}"


def links_of(document):
    """Return the addresses of a document's links and pictures, as written."""
    return re.findall(r"\]\(([^)\s]+)\)", without_code((REPOSITORY / document).read_text()))


def without_code(text):
    """Return a document without its fenced blocks and its code spans."""
    return re.sub(r"`[^`\n]*`", "`…`", _FENCE.sub("", text))


def blocks(*languages):
    """Return the fenced blocks of all documents in these languages, or all."""
    return [
        Block(document, text[: found.start()].count("\n") + 1, found["language"].strip(), _dedented(found))
        for document in DOCUMENTS
        for text in [(REPOSITORY / document).read_text()]
        for found in _FENCE.finditer(text)
        if not languages or found["language"].strip() in languages
    ]


def _dedented(found):
    return re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)


def spans():
    """Return the code spans of all documents, with their document."""
    return [
        (document, span)
        for document in DOCUMENTS
        for span in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", _FENCE.sub("", (REPOSITORY / document).read_text()))
    ]


def navigation():
    """Return the pages of the site's navigation, in order."""
    yaml = pytest.importorskip("yaml")
    return list(_leaves(yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())["nav"]))


def _leaves(entry):
    if isinstance(entry, str):
        yield entry
    else:
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from _leaves(part)
