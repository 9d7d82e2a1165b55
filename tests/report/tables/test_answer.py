from harness.analysis.budgets import verdicts_of
from harness.analysis.comparison import Comparisons
from harness.report.tables.answer import answer_tables
from tests.helpers.synthetic import outcome, synthetic_result
from tests.report.studies import evidence_of


def tables_of(evidence):
    comparisons = Comparisons(evidence)
    tables = answer_tables(evidence, comparisons, verdicts_of(comparisons))
    return {table.file_name.removeprefix("cifar10-"): table for table in tables}


def test_study_has_a_table_for_each_question(built):
    (evidence,) = [one for one in built.loaded.evidence if one.mode == "full"]
    tables = tables_of(evidence)
    assert list(tables) == ["verdicts", "thresholds", "true-gain", "equal-cost", "pareto", "differences", "classes"]
    assert len(tables["differences"].rows) == 10
    (row,) = [row for row in tables["differences"].rows if {row["model"], row["other"]} == {"resnet20-4", "resnet110"}]
    assert round(abs(row["difference_points"]), 6) == 2.4
    assert [row["model"] for row in tables["thresholds"].rows] == ["resnet56", "resnet110", "resnet20-2", "resnet20-4"]
    assert len(tables["verdicts"].rows) == 4
    assert len(tables["classes"].rows) == 10


def test_one_model_alone_has_only_a_pareto_table():
    assert list(tables_of(evidence_of(synthetic_result()))) == ["pareto"]


def test_times_of_different_hardware_are_not_a_cost():
    results = [
        synthetic_result(model=model, seed=0, environment=environment, predicted=outcome("cifar10", accuracy, 0))
        for model, accuracy, environment in (("resnet20", 89.0, {}), ("resnet56", 90.0, {"gpu": "NVIDIA H200"}))
    ]
    tables = tables_of(evidence_of(*results))
    assert {row["cost"] for row in tables["pareto"].rows} == {"parameters", "MACs"}
    assert tables["true-gain"].rows[0]["points_per_minute"] is None
    assert any("times are not compared" in note for note in tables["true-gain"].notes)
