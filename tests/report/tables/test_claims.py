from dataclasses import replace
from pathlib import Path

from harness.config.recipes import CIFAR10
from harness.paper.claims import CLAIMS
from harness.report.tables.claims import claims_table, judge_all
from tests.helpers.synthetic import synthetic_result
from tests.report.studies import evidence_of


def test_every_statement_has_a_row_with_both_verdicts():
    table = claims_table(judge_all([evidence_of(synthetic_result())]))
    assert len(table.rows) == sum(len(claim.statements) for claim in CLAIMS)
    assert table.headings == ["claim", "statement", "on the paper's numbers", "its numbers", "measured", "numbers"]
    assert {row["measured_verdict"] for row in table.rows} >= {"not measured", "supported"}


def test_results_not_comparable_with_the_paper_are_not_measured():
    other = synthetic_result(case_changes={"recipe": replace(CIFAR10, learning_rate=0.05)})
    table = claims_table(judge_all([evidence_of(other)]))
    assert {row["measured_verdict"] for row in table.rows} == {"not measured"}


def test_folders_are_judged_side_by_side():
    one = evidence_of(synthetic_result())
    table = claims_table(judge_all([one, replace(one, folder=Path("other"))]))
    assert table.headings[4:] == ["measured in other", "numbers in other", "measured in results", "numbers in results"]
