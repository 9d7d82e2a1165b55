import pytest

from harness.report.topics.all import cross_sections
from harness.report.topics.schedules import schedule_sections
from tests.report.studies import store_study
from tests.report.topics.related import report_of, store_schedules


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of three schedules; tests must not change it."""
    return report_of(tmp_path_factory.mktemp("schedules"), store_schedules)


def table(report, ending):
    (path,) = (report.folder / "tables").glob(f"cifar10*schedules{ending}.md")
    return path.read_text()


def test_each_schedule_has_its_answer_in_one_table(report):
    text = table(report, "")
    of_params = [line for line in text.splitlines() if line.startswith("| parameters")]
    assert [line.split("|")[2].strip() for line in of_params] == ["30 epochs", "100 epochs", "300 epochs"]
    assert "the answer of each" in text


def test_equal_time_over_schedules_has_a_table_and_a_figure(report):
    text = table(report, "-equal-time")
    budgets = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")][2:]
    assert budgets == ["100 epochs", "300 epochs"]
    assert "resnet20-4, 30 epochs" in text
    assert len(list((report.folder / "figures").glob("cifar10*schedules-accuracy.svg"))) == 1


def test_page_has_schedules_folded_across_studies(report):
    page = report.report.page.read_text()
    across = page[page.index('id="across"') :]
    assert '<details class="fold"><summary><h3>CIFAR-10' in across
    assert "schedules of 30, 100 and 300 epochs" in across
    assert "Within the training time of 100 epochs (" in across


def test_one_schedule_has_no_section(tmp_path):
    report = report_of(tmp_path, lambda root: store_study(root, seeds=(0,)))
    assert 'id="across"' not in report.report.page.read_text()
    assert cross_sections([]) == schedule_sections([]) == []
