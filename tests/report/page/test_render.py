import re
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.helpers.browser import BROWSER, launched_browser, page_opener
from tests.helpers.synthetic import failed_result, outcome, store
from tests.install_system_packages import BROWSERS
from tests.report.page.links import links_of
from tests.report.studies import build_report, store_study

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(BROWSERS)} is installed")
TABLE = "#table-cifar10-accuracy"


@pytest.fixture(scope="module")
def browser():
    with launched_browser() as browser:
        yield browser


@pytest.fixture
def visit(browser):
    """A function that opens a page."""
    with page_opener(browser) as open_file:
        yield lambda path, width=1600, scheme="light": open_file(path, width, scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_page_loads_nothing_else_and_fits_its_window(built, visit, width, scheme):
    page = visit(built.report.page, width, scheme)
    open_folds(page)
    assert page.complaints == []
    assert [url for url in page.requests if url != "data:,"] == [built.report.page.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_light_and_dark_mode_differ(built, visit):
    colours = {
        visit(built.report.page, scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert len(colours) == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_barrier(built, visit, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe_playwright_python is not installed")
    page = visit(built.report.page, scheme=scheme)
    open_folds(page)
    found = axe.Axe().run(page).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in grave] == []


def test_ids_are_unique_and_links_have_targets(built, visit):
    page = visit(built.report.page)
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    links = page.evaluate("[...document.querySelectorAll('a')].map((one) => one.getAttribute('href'))")
    assert {unquote(link[1:]) for link in links if link.startswith("#")} <= set(ids)
    assert sum(link.startswith("#run-cifar10-cifar10-resnet20-4-seed") for link in links) > 5
    assert "row-cifar10-resnet20-4" in {unquote(link[1:]) for link in links}
    labels = page.evaluate(
        "[...document.querySelectorAll('[aria-labelledby]')].map((o) => o.getAttribute('aria-labelledby'))"
    )
    assert set(labels) <= set(ids)


def test_page_moved_alone_still_downloads_each_csv(built, visit, tmp_path):
    moved = shutil.copy(built.report.page, tmp_path)
    page = visit(Path(moved))
    open_folds(page)
    links = page.locator("a[download]")
    names = [link.get_attribute("download") for link in links.all()]
    assert sorted(names) == sorted(path.name for path in built.report.tables if path.suffix == ".csv")
    for link in (links.first, links.last):
        with page.expect_download() as download:
            link.click()
        name = download.value.suggested_filename
        assert Path(download.value.path()).read_bytes() == (built.folder / "tables" / name).read_bytes()
    assert page.complaints == []


def test_seed_leads_to_the_row_of_its_run(built, visit):
    page = visit(built.report.page)
    open_folds(page)
    page.click(f"{TABLE} tbody tr:first-child .runs a:has-text('1')")
    row = page.locator("#table-cifar10 tr:target")
    assert row.locator("td").nth(1).text_content() == "1"
    assert row.locator(".runs span").get_attribute("title").startswith("cifar10-resnet20-seed1-full-")


def open_folds(page):
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def column(page, table, number):
    return page.eval_on_selector_all(
        f"{table} tbody td:nth-child({number})", "all => all.map((one) => one.textContent)"
    )


def sort_by(page, table, heading):
    """Press a column's heading: its number from 1."""
    headings = page.eval_on_selector_all(f"{table} thead th", "all => all.map((one) => one.textContent)")
    number = headings.index(heading) + 1
    page.click(f"{table} thead th:nth-child({number})")
    return number


def test_numbers_with_units_sort_by_value_in_both_directions(built, visit):
    page = visit(built.report.page)
    open_folds(page)
    number = sort_by(page, TABLE, "params")
    assert column(page, TABLE, number) == ["269.7k", "853.0k", "1.07M", "1.73M", "4.29M"]
    assert page.get_attribute(f"{TABLE} th:nth-child({number})", "aria-sort") == "ascending"
    sort_by(page, TABLE, "params")
    assert column(page, TABLE, number) == ["4.29M", "1.73M", "1.07M", "853.0k", "269.7k"]
    assert page.get_attribute(f"{TABLE} th:nth-child({number})", "aria-sort") == "descending"
    sort_by(page, TABLE, "total")
    assert column(page, TABLE, 1) == ["resnet20", "resnet56", "resnet110", "resnet20‑2", "resnet20‑4"]
    assert page.eval_on_selector_all(f"{TABLE} th[aria-sort]", "all => all.length") == 1


def test_words_sort_and_empty_cells_stay_last(built, visit):
    page = visit(built.report.page)
    open_folds(page)
    runs = "#table-cifar10"
    number = sort_by(page, runs, "status")
    assert column(page, runs, number) == ["complete"] * 15 + ["diverged"]
    sort_by(page, runs, "status")
    assert column(page, runs, number)[0] == "diverged"
    for _ in range(2):
        number = sort_by(page, runs, "accuracy %")
        cells = column(page, runs, number)
        assert cells[-1] == ""
        assert "" not in cells[:-1]


def test_folded_tables_open_for_print(built, visit):
    page = visit(built.report.page)
    assert page.eval_on_selector_all("details[open]", "all => all.length") == 0
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.eval_on_selector_all("details:not([open])", "all => all.length") == 0


def test_smoke_and_failed_rows_are_marked(built, visit):
    page = visit(built.report.page)
    marked = page.eval_on_selector_all("tr.marked", "all => all.map((one) => one.textContent)")
    assert len(marked) == 3
    assert sum("diverged" in row for row in marked) == 1
    assert page.eval_on_selector_all("#smoke tbody tr:not(.marked)", "all => all.length") == 0
    assert "1 result without an accuracy (diverged)" in page.text_content(".caution")


def test_headings_sort_by_keyboard_and_hold_no_button(built, visit):
    page = visit(built.report.page)
    open_folds(page)
    assert page.eval_on_selector_all("th button", "all => all.length") == 0  # Chromium does not repeat them in print
    heading = page.locator(f"{TABLE} thead th:nth-child(1)")
    heading.focus()
    heading.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.press(" ")
    assert heading.get_attribute("aria-sort") == "descending"


def test_answer_is_in_the_first_window(built, visit):
    for width in (360, 1600):
        page = visit(built.report.page, width)
        box = page.locator("#cifar10 .headline").bounding_box()
        assert box["y"] + box["height"] < 450
        assert page.text_content("#cifar10 .headline").startswith("At every budget")


def test_radio_buttons_choose_the_cost_without_scripts(built, browser):
    page = browser.new_page(java_script_enabled=False)
    page.goto(built.report.page.absolute().as_uri())
    shown = []
    for measure in ("total_seconds", "params", "macs"):
        page.check(f"#cost-cifar10-{measure}")
        shown += [page.locator("#cifar10 .plot").nth(place).is_visible() for place in range(3)]
    page.close()
    assert shown == [True, False, False, False, True, False, False, False, True]


def test_focused_point_shows_its_figures_and_opens_its_row(built, visit):
    page = visit(built.report.page, 360)
    point = page.locator("#cifar10 .plot:visible .point a[href='#row-cifar10-resnet20-4']")
    tips = page.locator("#cifar10 .plot:visible .tip")
    assert not any(tip.is_visible() for tip in tips.all())
    point.focus()
    texts = [tip.text_content() for tip in tips.all() if tip.is_visible()]
    assert len(texts) == 2
    assert texts[0].startswith("resnet20-4: 92.10 % [")
    point.press("Enter")
    page.locator("[id='row-cifar10-resnet20-4']").wait_for()


def test_copied_names_have_plain_hyphens(built, visit):
    page = visit(built.report.page)
    copied = page.evaluate("""() => {
        getSelection().selectAllChildren(document.querySelector("#key h2"));
        const event = new ClipboardEvent("copy", { clipboardData: new DataTransfer(), cancelable: true });
        document.dispatchEvent(event);
        return event.clipboardData.getData("text/plain");
    }""")
    assert (page.text_content("#key h2"), copied) == ("How to read resnet20‑4", "How to read resnet20-4")


HOSTILE = "<script>alert('x')</script>\"&<img src=x onerror=alert(1)>"


def test_hostile_names_causes_and_commands_are_escaped(tmp_path, visit):
    root = tmp_path / HOSTILE.replace("/", "∕") / "with #, % and ?"
    dataset = "folder:/x/" + HOSTILE.replace("/", "∕")
    for result in store_study(tmp_path / "plain", seeds=(0, 1), accuracies={"resnet20": 89.0, "resnet56": 90.0}):
        (attempt,) = result.attempts
        hostile = replace(
            result,
            dataset=dataset,
            case=replace(result.case, dataset=dataset),
            attempts=(replace(attempt, command=HOSTILE),),
            per_class=tuple({**one, "class_name": f"{HOSTILE}{k}"} for k, one in enumerate(result.per_class)),
        )
        store(root, hostile, outcome("cifar10", 90.0, 0))
    failed = replace(failed_result(seed=7), cause=HOSTILE)
    store(root, failed)
    made = build_report([root, tmp_path / "plain"], tmp_path / "report", HOSTILE)
    page = visit(made.report.page)
    assert page.complaints == []
    assert [url for url in page.requests if url != "data:,"] == [made.report.page.as_uri()]
    assert page.eval_on_selector_all("script", "all => all.length") == 1
    assert page.eval_on_selector_all("img", "all => all.length") == 0
    assert [link for link in links_of(made.report.page) if not link.startswith(("#", "data:"))] == []
    assert all(re.fullmatch(r"[\w.-]+", path.name) for path in [*made.report.tables, *made.report.figures])
