import re
from xml.etree import ElementTree

from harness.report.page.interval_bar import bar_reach, interval_bar
from tests.report.page.studies import WIDE_WINS, study_page

VERDICTS = study_page(WIDE_WINS).answer.verdicts
UNTESTED = study_page({model: values[:1] for model, values in WIDE_WINS.items()}).answer.verdicts


def places(bar, name):
    return [float(one) for one in re.findall(rf'{name}="([\d.]+)%"', bar)]


def test_every_interval_and_the_margin_are_inside_the_bar():
    reach = bar_reach(VERDICTS)
    for one in VERDICTS:
        bar = interval_bar(one, reach)
        low, high = places(bar.partition('class="interval"')[2], "x1") + places(bar.partition('interval"')[2], "x2")
        assert 50 < low < high < 100
        band, *_ = places(bar, "x")
        assert 0 < band < 50


def test_bar_says_its_numbers_and_marks_the_winner():
    bar = interval_bar(VERDICTS[-1], bar_reach(VERDICTS))
    root = ElementTree.fromstring(bar)
    assert root.get("aria-label").startswith("wider minus deeper: +2.40 pp [")
    assert root.get("class") == "bar wide"


def test_difference_of_one_run_has_no_interval():
    assert 'class="interval"' not in interval_bar(UNTESTED[-1], bar_reach(UNTESTED))


def test_margin_alone_sets_the_reach_of_small_differences():
    assert bar_reach(()) > 0
    assert bar_reach(UNTESTED) >= abs(UNTESTED[-1].interval.mean)
