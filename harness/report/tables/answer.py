"""The tables that answer a study's question: verdicts, thresholds, gain, cost, differences, classes."""

from collections.abc import Sequence

from harness.analysis.budgets import BudgetVerdict
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.report.tables.classes import classes_table
from harness.report.tables.cost import equal_cost_table, pareto_table
from harness.report.tables.differences import differences_table
from harness.report.tables.gain import threshold_table, true_gain_table
from harness.report.tables.table import Table
from harness.report.tables.verdicts import verdicts_table


def answer_tables(evidence: Evidence, comparisons: Comparisons, verdicts: Sequence[BudgetVerdict]) -> list[Table]:
    """Return those of the seven tables that have rows."""
    made = [
        verdicts_table(evidence, verdicts),
        threshold_table(evidence, comparisons),
        true_gain_table(evidence, comparisons),
        equal_cost_table(evidence, comparisons, verdicts),
        pareto_table(evidence, comparisons),
        differences_table(evidence, comparisons),
        classes_table(evidence, comparisons.alpha),
    ]
    return [table for table in made if table is not None and table.rows]
