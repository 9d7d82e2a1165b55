from types import SimpleNamespace

import pytest

from tests.records.quote import ROOT, Quote, figures_of, in_one_line, page_text
from tests.records.quotes import MODULES

PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md"))]
NOTHING = SimpleNamespace(QUOTES=(), GIVEN=())
QUOTES = [
    pytest.param(page, quote, id=f"{page}-{quote.text[:40]}")
    for page, module in MODULES.items()
    for quote in module.QUOTES
]


@pytest.mark.parametrize(("page", "quote"), QUOTES)
def test_quoted_figures_are_those_of_the_record(page, quote):
    assert quote.phrase() in page_text(page)


@pytest.mark.parametrize("page", PAGES)
def test_every_measured_figure_of_the_page_has_a_record(page):
    module = MODULES.get(page, NOTHING)
    rest = page_text(page)
    for phrase in [*(quote.phrase() for quote in module.QUOTES), *map(in_one_line, module.GIVEN)]:
        assert phrase in rest, f"not in {page}, or in another phrase of its module: {phrase}"
        rest = rest.replace(phrase, " … ")
    assert figures_of(rest) == []


@pytest.mark.parametrize("page", MODULES)
def test_every_module_has_a_page(page):
    assert page in PAGES


@pytest.mark.parametrize(
    "text",
    [
        "in 12 s",
        "3.4 pp",
        "p = .021",
        "97 %",
        "−0.5",
        "2.2 times",
        "19 of 20",
        "25 passed",
        "×4",
        "7 GB",
        "± 3",
        "1,437.5",
    ],
)
def test_measured_figure_is_found(text):
    assert len(figures_of(f"It is {text}.")) == 1


@pytest.mark.parametrize(
    "text", ["ResNet-110", "`--max-latency +10%`", "seeds 0, 1, 2", "Python 3.11", "[a](b-3.5.md)"]
)
def test_number_that_nobody_measured_is_not_found(text):
    assert figures_of(f"It is {text}.") == []


def test_quote_that_differs_from_its_record_is_seen():
    assert Quote("a gain of {:.2f} pp", lambda: [1.234]).phrase() == "a gain of 1.23 pp"
