"""Hooks of the documentation site (mkdocs.yml): what it shows from outside docs/, and the reports of the records."""

import posixpath
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

ROOT = Path(__file__).parent
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "records/README.md": "records.md",
}
"""The pages from outside docs/, by their path in the repository."""
HOME = {"README.md": "index.md"}
REPORTS = ("digits", "fashionmnist")
"""The folders under records/ whose reports the site has."""
_LINK = re.compile(r"(?<=\]\()(?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?(?=\))")
_REPORT = re.compile(r"<!-- report of records/(\w+) -->")


def on_config(config: MkDocsConfig) -> None:
    """Make the anchors of headings as GitHub does, so that one link is right in both places."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = slugify(case="lower")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages from outside docs/, the files of the repository that pages link to, and the reports."""
    for source, name in PAGES.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text(encoding="utf-8")))
    pages = [file.src_uri for file in files if file.is_documentation_page()]
    linked = {target for name in pages for target in _links(files.src_uris[name].content_string, _source_of(name))}
    for target in sorted(linked - PAGES.keys() - HOME.keys()):
        text = (ROOT / target).read_text(encoding="utf-8")
        files.append(File.generated(config, _copy_of(target), content=text))
    for name in REPORTS:
        files.append(File.generated(config, f"sample-report/{name}.html", content=_report(name)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the links to files outside docs/ to their places on the site, and insert the reports."""
    source = _source_of(page.file.src_uri)

    def renamed(link: re.Match[str]) -> str:
        target = _outside(link["path"], source)
        if target is None:
            return link[0]
        place = (PAGES | HOME).get(target) or target.removeprefix("docs/")
        return f"{place if target.startswith('docs/') or place != target else _copy_of(target)}{link['anchor'] or ''}"

    return _REPORT.sub(_frame, _LINK.sub(renamed, markdown))


def _source_of(name: str) -> str:
    """Return the path in the repository of a page of the site."""
    return next((source for source, page in PAGES.items() if page == name), f"docs/{name}")


def _links(markdown: str, source: str) -> Iterator[str]:
    """Yield the files outside docs/ that a page links to, by their path in the repository."""
    for link in _LINK.finditer(markdown):
        target = _outside(link["path"], source)
        if target is not None and not target.startswith("docs/"):
            yield target


def _outside(link: str, source: str) -> str | None:
    """Return the path in the repository of a link that leaves docs/, or that a page outside docs/ has."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    if (ROOT / target).is_dir():
        target = f"{target}/{'index' if target == 'docs' else 'README'}.md"
    is_elsewhere = not (source.startswith("docs/") and target.startswith("docs/"))
    return target if is_elsewhere and (ROOT / target).is_file() else None


def _copy_of(target: str) -> str:
    """Return the place of a file's copy on the site: as text, which every browser shows."""
    return f"source/{target}.txt"


def _frame(found: re.Match[str]) -> str:
    """Return a report as part of a page."""
    place = f"sample-report/{found[1]}.html"
    return (
        f'<p><a href="{place}">Open the report of <code>records/{found[1]}</code> on a page of its own</a></p>\n'
        f'<iframe class="report" src="{place}" title="Report of records/{found[1]}" loading="lazy"></iframe>'
    )


@cache
def _report(name: str) -> str:
    """Return the page that ``python -m harness report --public`` writes from a record."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "harness", "report", f"records/{name}", "--public", "--report-dir", folder]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return (Path(folder) / "index.html").read_text(encoding="utf-8")
