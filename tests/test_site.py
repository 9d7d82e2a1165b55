"""The built site: `python -m tox -e docs` builds it, then runs these tests."""

import re
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

import harness
from tests.helpers import REPOSITORY
from tests.helpers.browser import launched_browser, page_opener
from tests.helpers.documents import navigation

pytestmark = pytest.mark.docs
SITE = REPOSITORY / "build/site"
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}


class Page(HTMLParser):
    """A page's anchors, its links, and what a browser loads with it."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loaded = set(), set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors |= {values[key] for key in ("id", "name") if values.get(key)}
        if tag == "a" and values.get("href"):
            self.links.add(values["href"])
        if values.get(LOADING.get(tag)) and values.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.add(values[LOADING[tag]])


@cache
def pages():
    """The site's pages by path."""
    found = {path: Page(path) for path in sorted(SITE.rglob("*.html")) if path.name != "404.html"}
    assert found, f"no page in {SITE}: build them first with `python -m mkdocs build`"
    return found


def test_every_page_of_the_navigation_is_built():
    built = {path.relative_to(SITE).as_posix() for path in pages()}
    assert {name.replace(".md", ".html") for name in navigation()} <= built


def test_every_link_and_anchor_inside_the_site_resolves():
    broken = []
    for path, page in pages().items():
        for link in page.links | page.loaded:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(address.fragment)
            if not target.is_file() or (anchor and target in pages() and anchor not in pages()[target].anchors):
                broken.append(f"{path.relative_to(SITE)}: {link}")
    assert broken == []


def test_every_link_to_the_world_is_a_whole_address():
    for path, page in pages().items():
        for link in page.links:
            address = urlsplit(link)
            assert address.scheme in ("", "https", "http", "data", "blob"), f"{path}: {link}"
            assert not address.scheme.startswith("http") or re.fullmatch(r"[\w.-]+(:\d+)?", address.netloc), link


def test_pages_and_styles_load_nothing_from_elsewhere():
    for path, page in pages().items():
        assert [address for address in page.loaded if re.match(r"(https?:)?//", address)] == [], path
    for path in SITE.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^)]*", path.read_text("utf-8")) == [], path


def test_every_public_name_is_documented_on_the_api_page():
    page = (SITE / "api.html").read_text("utf-8")
    for name in {*harness.__all__} - {"__version__"}:
        assert re.search(rf'id="harness\.{name}"[^§]*?doc-contents[^§]*?<p>\w', page), name
    assert re.findall(r"<b><code>(\w+,)</code>", page) == []  # a line of "Attributes:" for several


def test_sample_reports_are_those_of_the_records_and_public():
    for name in ("digits", "fashionmnist"):
        text = (SITE / f"sample-report/{name}.html").read_text("utf-8")
        assert f"<title>{name}" in text or name in text.lower()
        assert str(REPOSITORY) not in text


def test_pages_say_nothing_of_the_machine_that_built_them():
    for path in pages():
        assert str(REPOSITORY) not in path.read_text("utf-8"), path


@pytest.fixture(scope="module")
def browser():
    with launched_browser() as browser:
        yield browser


@pytest.fixture
def visit(browser):
    """A function that opens a page of the site from the disk."""
    with page_opener(browser) as open_file:
        yield lambda name, width=1280, scheme="light": open_file(SITE / name, width, scheme)


@pytest.mark.parametrize("name", [name.replace(".md", ".html") for name in navigation()])
def test_page_fits_every_screen_and_loads_nothing_from_elsewhere(visit, name):
    page = visit(name)
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_follows_the_readers_colour_scheme(visit, scheme):
    page = visit("index.html", scheme=scheme)
    assert page.evaluate("document.body.dataset.mdColorScheme") == {"light": "default", "dark": "slate"}[scheme]


def test_search_works_on_pages_opened_from_the_disk(visit):
    page = visit("index.html")
    page.locator("input.md-search__input").click()
    page.keyboard.type("deterministic")
    page.wait_for_selector(".md-search-result__link")
    found = page.evaluate("[...document.querySelectorAll('.md-search-result__link')].map((one) => one.href)")
    assert any("options.html" in address for address in found)
    assert page.complaints == []


@pytest.mark.parametrize("name", ["digits", "fashionmnist"])
def test_printed_sample_report_is_not_cut_off(visit, name):
    paper = 703  # pixels of A4 between the margins; a browser shrinks a page that is up to 1.4 times as wide
    page = visit(f"sample-report/{name}.html", width=paper)
    page.emulate_media(media="print")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    edges = "[...document.querySelectorAll('table')].map((one) => [one.id, one.getBoundingClientRect().right])"
    assert [(table, edge) for table, edge in page.evaluate(edges) if edge > 1.4 * paper] == []
    # Else a card that is higher than the paper leaves a page with the title alone.
    assert page.evaluate("getComputedStyle(document.querySelector('.card')).breakInside") == "auto"
