"""All figures of one study: the paper's figures 5 to 10, and those that it lacks."""

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.report.figures.accuracy_cost import accuracy_cost_figure
from harness.report.figures.classes import classes_figure
from harness.report.figures.differences import differences_figure
from harness.report.figures.figure import Figure
from harness.report.figures.learning_curves import learning_curves_figure
from harness.report.figures.marginal_gain import marginal_gain_figure
from harness.report.figures.time_parameters import time_parameters_figure


def study_figures(evidence: Evidence, comparisons: Comparisons) -> list[Figure]:
    """Return every figure that the study has measurements for."""
    made = [
        accuracy_cost_figure(evidence),
        differences_figure(evidence, comparisons),
        learning_curves_figure(evidence),
        time_parameters_figure(evidence),
        marginal_gain_figure(evidence),
        classes_figure(evidence),
    ]
    return [figure for figure in made if figure is not None]
