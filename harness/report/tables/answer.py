"""The tables that answer a study's question: thresholds, gain, cost, differences, classes."""

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.report.tables.classes import classes_table
from harness.report.tables.cost import equal_cost_table, pareto_table
from harness.report.tables.differences import differences_table
from harness.report.tables.gain import threshold_table, true_gain_table
from harness.report.tables.table import Table


def answer_tables(evidence: Evidence, comparisons: Comparisons) -> list[Table]:
    """Return those of the six tables that have rows."""
    made = [
        threshold_table(evidence, comparisons),
        true_gain_table(evidence, comparisons),
        equal_cost_table(evidence),
        pareto_table(evidence),
        differences_table(evidence, comparisons),
        classes_table(evidence),
    ]
    return [table for table in made if table is not None and table.rows]
