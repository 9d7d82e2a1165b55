"""A browser for tests of pages, and its pages with what they report."""

import contextlib
import shutil

import pytest

from tests.install_system_packages import BROWSERS

BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
"""The installed browser's path; None without one."""


@contextlib.contextmanager
def launched_browser():
    """Yield a browser; skip the test without playwright or an installed browser."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if BROWSER is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextlib.contextmanager
def page_opener(browser):
    """Yield a function that opens a file; ``complaints`` and ``requests`` on its page list the browser's."""
    opened = []

    def visit(path, width, scheme):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        opened.append(page)
        page.complaints, page.requests = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (page.complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(path.absolute().as_uri())
        return page

    yield visit
    for page in opened:
        page.close()
