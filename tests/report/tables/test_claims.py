from dataclasses import replace

import pytest

from harness.analysis.claim_findings import VERDICTS
from harness.config.recipes import CIFAR10
from harness.paper.claims import CLAIMS
from harness.report.tables.claims import claims_table, judge_all
from tests.analysis.judging import claim_study
from tests.analysis.synthetic_evidence import study
from tests.helpers.synthetic import synthetic_result
from tests.report.studies import evidence_of

MEASURED = study(
    {"resnet20": [89.0, 89.2], "resnet110": [90.0, 90.1], "resnet20-8": [90.7, 90.85], "resnet20-4": [90.1, 90.2]},
)


def judged(*found):
    return judge_all([claim_study(one) for one in found])


def test_every_statement_has_a_row_with_both_verdicts_in_order():
    table = claims_table(judged(evidence_of(synthetic_result())))
    assert [row["claim"] for row in table.rows] == [claim.name for claim in CLAIMS for _ in claim.statements]
    assert table.headings == ["claim", "statement", "on the paper's numbers", "its numbers", "measured", "numbers"]
    assert {row["measured_verdict"] for row in table.rows} == {"not measured", "one run", "arithmetic"}


def test_csv_has_columns_for_direction_and_size():
    frame = claims_table(judged(MEASURED)).frame
    for side in ("published", "measured"):
        columns = [f"{side}_{name}" for name in ("verdict", "direction", "size", "numbers")]
        assert set(columns) <= set(frame.columns)
    row = frame[frame.claim == "C2"].iloc[0]
    assert row.statement == "CIFAR-10: resnet20-8 more accurate than resnet110, by 3.64 pp"
    assert (row.measured_verdict, row.measured_direction, row.measured_size) == (
        "direction supported; size contradicted", "supported", "contradicted"
    )  # fmt: skip
    assert row.measured_numbers.startswith("'+0.73 pp [")
    assert "claimed 3.64 pp, p " in row.measured_numbers
    assert (row.published_verdict, row.published_direction, row.published_size) == ("one run", "one run", "")
    assert row.published_numbers.endswith(
        "two proportions of 10,000 images: p < .001, without the spread between seeds"
    )


def test_ratios_and_orders_without_a_size_leave_its_column_empty():
    frame = claims_table(judged(MEASURED)).frame
    assert set(frame[frame.claim == "C13"].measured_direction) == {""}
    assert set(frame[~frame.claim.isin(["C2", "C3", "C4", "C7", "C8"])].measured_size) == {""}


def test_results_not_comparable_with_the_paper_are_not_measured():
    other = synthetic_result(case_changes={"recipe": replace(CIFAR10, learning_rate=0.05)})
    table = claims_table(judged(evidence_of(other)))
    assert {row["measured_verdict"] for row in table.rows} == {"not measured"}


@pytest.mark.parametrize("dataset", ["digits", "folder:/home/someone/flowers"])
def test_claims_are_absent_without_a_dataset_of_the_paper(dataset):
    own = study({"resnet20": [90.0]}, dataset)
    assert judged(own) is None
    assert judged() is None
    assert judged(own, MEASURED) == judged(MEASURED)


def test_folders_are_judged_side_by_side_by_their_names():
    one = evidence_of(synthetic_result())
    table = claims_table(judged(*(replace(one, folder_name=name) for name in ("second", "a/first"))))
    assert table.headings[4:] == [
        "measured in a/first",
        "numbers in a/first",
        "measured in second",
        "numbers in second",
    ]


def test_claims_are_tested_at_the_level_of_each_study():
    strict = claims_table(judge_all([claim_study(MEASURED, 1e-9)])).rows
    assert {row["measured_verdict"] for row in strict if row["claim"] == "C2"} == {
        "no significant difference; size supported", "not measured"  # in the wider interval of that level
    }  # fmt: skip


def test_notes_say_what_each_verdict_means():
    notes = claims_table(judged(MEASURED)).notes
    assert [note.partition(": ")[0] for note in notes] == list(VERDICTS)
