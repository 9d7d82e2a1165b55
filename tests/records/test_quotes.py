from types import SimpleNamespace

import pytest

from tests.records.quote import ROOT, difference, figures_in_context, figures_of, in_one_line, page_text
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
    if found := difference(quote.phrase(), page_text(page)):
        pytest.fail(f"{page}\n{found}", pytrace=False)


@pytest.mark.parametrize("page", PAGES)
def test_every_measured_figure_of_the_page_has_a_record(page):
    module = MODULES.get(page, NOTHING)
    rest = page_text(page)
    for phrase in [*(quote.phrase() for quote in module.QUOTES), *map(in_one_line, module.GIVEN)]:
        if found := difference(phrase, rest):
            pytest.fail(f"{page}, apart from the phrases before this one in its module\n{found}", pytrace=False)
        rest = rest.replace(phrase, " … ")
    found = "\n".join(f"… {one} …" for one in figures_in_context(rest))
    if found:
        pytest.fail(
            f"{page} has figures of no record; delete, quote or explain them (records/README.md):\n{found}",
            pytrace=False,
        )


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
    "text", ["ResNet-110", "`--max-latency +10%`", "seeds 0, 1, 2", "3×3", "F1 % of", "Python 3.11", "[a](b-3.5.md)"]
)
def test_number_that_nobody_measured_is_not_found(text):
    assert figures_of(f"It is {text}.") == []


PHRASE = "a gain of 1.23 pp in 5 runs"


def test_phrase_of_the_page_has_no_difference():
    assert difference(PHRASE, f"It has {PHRASE}.") is None


@pytest.mark.parametrize("said", ["a gain of 1.32 pp in 5 runs", "a gain of 1.23 points in 5 ru"])
def test_difference_names_what_the_page_says_and_the_record(said):
    assert difference(PHRASE, f"It has {said} of it.") == (
        f"the record says: … {PHRASE} …\nthe page says:   … {said[: len(PHRASE)]} …"
    )


def test_figure_is_shown_with_the_words_around_it():
    assert figures_in_context("Seeds differ by 0.25 pp on average.") == ["Seeds differ by 0.25 pp on average."]
