"""The documents as files of the repository: their links, the site's navigation, and the complete lists of reference."""

import re
from itertools import chain

import pytest

import harness
from harness.config.options import OPTIONS
from tests.helpers import REPOSITORY
from tests.helpers.documents import DOCUMENTS, PAGES, links_of, navigation

CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text()
ROOMS = sorted(
    path.parent.relative_to(REPOSITORY / "harness").as_posix() for path in REPOSITORY.glob("harness/*/**/__init__.py")
)
COMMANDS = {"models", "data", "plan", "report", "evaluate", "check", "doctor", "export", "schema", "new"}


def anchors_of(path):
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    named = re.findall(r"^::: (\S+)$", text, re.MULTILINE)  # of the API's page
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | set(named)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_relative_links_resolve(document):
    for link in links_of(document):
        if re.match(r"https?://|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (REPOSITORY / document).parent / name if name else REPOSITORY / document
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def test_every_page_is_in_the_navigation_exactly_once():
    made = {"contributing.md", "changelog.md", "security.md", "records.md"}  # mkdocs_hooks.py
    pages = [page.removeprefix("docs/") for page in PAGES]
    assert sorted(navigation()) == sorted([*pages, *made])


def test_home_leads_to_every_kind_of_page():
    assert len(set(links_of("docs/index.md")) & {page.removeprefix("docs/") for page in PAGES}) >= 15


def rows_of(page):
    """Yield each row of a page's tables as its cells."""
    for line in (REPOSITORY / page).read_text().splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_option_is_in_the_reference_with_its_default(option):
    rows = [row for row in rows_of("docs/options.md") if re.match(rf"`--{option.name}[ `]", row[0])]
    (meaning,), (names,) = [row for row in rows if row[1][:2] != "`W"], [row for row in rows if row[1][:2] == "`W"]
    assert meaning[0] == f"`--{option.name}{f' {option.metavar}' if option.metavar else ''}`"
    if option.is_flag:
        assert meaning[1] == "off"
    elif option.default:
        assert meaning[1] == f"`{option.default}`"
    assert names[1:] == [f"`{option.variable}`", f"`{option.key}`"]


def test_reference_names_no_other_option():
    named = {row[0].strip("`").split()[0] for row in rows_of("docs/options.md")}
    assert named == {f"--{option.name}" for option in OPTIONS}


def test_reference_names_every_command_and_no_other():
    named = {re.match(r"`wider-or-deeper ([a-z]+)", row[0]) for row in rows_of("docs/commands.md")} - {None}
    assert {found[1] for found in named} == COMMANDS


def test_reference_of_the_api_has_every_public_name():
    named = re.findall(r"^::: harness\.(\w+)$", (REPOSITORY / "docs/api.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted({*harness.__all__} - {"__version__"})


@pytest.mark.parametrize("room", ROOMS)
def test_room_and_its_first_files_are_in_contributings_table(room):
    (row,) = re.findall(rf"^\| `{room}/` \| .+ \| (.+) \|$", CONTRIBUTING, re.MULTILINE)
    for name in re.findall(r"`(\w+\.py)`", row):
        assert (REPOSITORY / "harness" / room / name).is_file(), name


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_paths_in_code_spans_exist(document):
    for span in re.findall(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|ini|toml|md))`", (REPOSITORY / document).read_text()):
        assert any((REPOSITORY / folder / span).is_file() for folder in ("", "harness")), span


def test_documents_load_no_picture_from_elsewhere():
    links = chain.from_iterable(map(links_of, DOCUMENTS))
    assert [link for link in links if re.match(r"https?://.*\.(png|svg|gif|jpe?g)$", link)] == []
