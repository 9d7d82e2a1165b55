import pytest

from harness.analysis.answer import Answer
from harness.analysis.budgets import verdicts_of
from harness.analysis.comparison import Comparisons
from harness.config.recipes import CIFAR10
from harness.report.topics.all import cross_sections
from harness.report.topics.schedules import schedule_sections
from tests.analysis.synthetic_evidence import grouped
from tests.helpers.synthetic import ENVIRONMENT, synthetic_result
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


def studies_of(models, seeds=(0, 1, 2), level=0.05, noise=0.1, **environment):
    """Return two schedules with their comparisons and answers, without files."""
    results = [
        synthetic_result(
            model=model, seed=seed, accuracy_percent=accuracy + noise * ((3 * seed + place) % 4), epoch_seconds=10.0,
            case_changes={"recipe": CIFAR10.with_epochs(epochs), "mode": "shortened"}, **environment,
        )
        for epochs in (30, 100)
        for place, (model, accuracy) in enumerate(models.items())
        for seed in seeds
    ]  # fmt: skip
    compared = [(one, Comparisons(one, level)) for one in grouped(*results)]
    return [(one, found, Answer("", verdicts_of(found))) for one, found in compared]


def test_schedules_without_a_verdict_have_a_sentence_and_no_empty_table():
    (section,) = schedule_sections(studies_of({"resnet20": 88.0, "resnet56": 90.0}))
    assert (section.tables, section.figures) == ([], [])
    assert section.sentences == ["No verdict for 30 epochs and 100 epochs: the study's own answer has the reason."]
    (section,) = schedule_sections(studies_of({"resnet20": 88.0, "resnet110": 90.0, "resnet20-8": 91.0}))
    assert all(table.rows and table.columns for table in section.tables)


def test_looks_are_tested_across_schedules_at_their_level():
    models = {"resnet20": 88.0, "resnet110": 89.5, "resnet20-4": 91.0}
    for level, is_decided in ((0.05, True), (0.0221, False)):
        (section,) = schedule_sections(studies_of(models, level=level, noise=0.3))
        outcomes = {row["verdict"] for row in section.tables[1].rows}
        assert (outcomes == {"wider"}) is is_decided


def test_results_of_other_code_are_named_across_schedules():
    models = {"resnet20": 88.0, "resnet110": 89.5, "resnet20-4": 91.0}
    other = ENVIRONMENT | {"training_code": "0" * 12, "code": {}}
    (section,) = schedule_sections(studies_of(models, environment=other))
    assert all("trained by other code than the present" in table.notes[-1] for table in section.tables)
    assert all("rained by other code than the present" in figure.caption for figure in section.figures)


def test_one_schedule_has_no_section(tmp_path):
    report = report_of(tmp_path, lambda root: store_study(root, seeds=(0,)))
    assert 'id="across"' not in report.report.page.read_text()
    assert cross_sections([]) == schedule_sections([]) == []
