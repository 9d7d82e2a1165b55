from dataclasses import replace

import numpy as np

from harness.analysis.budgets import verdicts_of
from harness.analysis.comparison import Comparisons
from harness.report.tables.cost import equal_cost_table, pareto_table
from harness.results.result import LearningCurve
from tests.analysis.budget_studies import USE
from tests.analysis.synthetic_evidence import study

MEANS = {"resnet20": 89.0, "resnet56": 90.0, "resnet110": 89.6, "resnet20-2": 90.9, "resnet20-4": 92.0}


def evidence_of(seeds=5):
    generator = np.random.default_rng(1)
    return study({model: list(generator.normal(mean, 0.2, seeds)) for model, mean in MEANS.items()})


def test_dearest_cost_repeats_the_verdict_and_others_are_exploratory():
    evidence = evidence_of()
    comparisons = Comparisons(evidence)
    verdicts = verdicts_of(comparisons)
    table = equal_cost_table(evidence, comparisons, verdicts)
    budget = {row["cost"]: row for row in table.rows if row["family"] == "budget"}
    assert list(budget) == ["training time", "parameters", "MACs"]
    for row, one in zip(budget.values(), verdicts, strict=False):
        assert (row["difference_points"], row["p_corrected"]) == (one.interval.mean, one.p_value)
        assert row["cost_value"] == one.cost
    assert {row["family"] for row in table.rows} == {"budget", "exploratory"}
    shown = dict(zip(table.headings, table.cells[0], strict=True))
    assert shown["against"] == "depth between resnet56 and resnet110"
    assert shown["cost"] == "2h13m"


def test_costs_of_use_have_rows_with_their_units():
    evidence = study({model: [mean, mean + 0.2] for model, mean in MEANS.items()}, use=USE)
    comparisons = Comparisons(evidence)
    tables = equal_cost_table(evidence, comparisons, verdicts_of(comparisons)), pareto_table(evidence, comparisons)
    for table in tables:
        cells = [dict(zip(table.headings, of, strict=True)) for of in table.cells]
        costs = {row["cost"] for row in cells if "throughput" in row.values()}
        assert "312 images/s" in costs
        assert "10.3 ms" in {row["cost"] for row in cells if "latency" in row.values()}


def test_untested_costs_have_no_p_value_column():
    evidence = evidence_of(seeds=1)
    comparisons = Comparisons(evidence)
    table = equal_cost_table(evidence, comparisons, verdicts_of(comparisons))
    assert table.headings[-2:] == ["wider − deeper pp", "family"]


def test_front_counts_seeds_and_worth_needs_a_significant_step():
    evidence = evidence_of()
    table = pareto_table(evidence, Comparisons(evidence))
    rows = {row["model"]: row for row in table.rows if row["cost"] == "parameters"}
    assert rows["resnet110"]["is_on_front"] is False
    assert rows["resnet110"]["beaten_by"] == "resnet20-2"
    assert rows["resnet110"]["is_worth_its_cost"] is False
    assert rows["resnet20"]["is_worth_its_cost"] is None
    assert rows["resnet20-4"]["is_worth_its_cost"] is True
    shown = {cells[1]: dict(zip(table.headings, cells, strict=True)) for cells in table.cells}
    assert shown["resnet20-4"]["in seeds"] == "5 of 5"
    assert shown["resnet20"]["worth its cost"] == ""


def test_one_run_each_says_nothing_about_worth():
    evidence = evidence_of(seeds=1)
    assert "worth its cost" not in pareto_table(evidence, Comparisons(evidence)).headings


def test_models_not_trained_out_are_not_on_the_front():
    evidence = evidence_of()
    rising = LearningCurve(tuple(range(80, 90)), 0.1)
    runs = tuple(replace(run, read_curve=lambda: rising) if run.model == "resnet20-4" else run for run in evidence.runs)
    evidence = replace(evidence, runs=runs)
    table = pareto_table(evidence, Comparisons(evidence))
    assert "resnet20-4" not in {row["model"] for row in table.rows}
    assert "without models that are not trained out: resnet20-4" in table.notes
