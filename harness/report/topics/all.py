"""The further topics of a report: of one study, and across several studies, in the page's order."""

from collections.abc import Sequence

from harness.analysis.answer import Answer, Question
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.report.section import Section
from harness.report.topics.grid import grid_section
from harness.report.topics.learning_rates import learning_rates
from harness.report.topics.predictions import predictions_section
from harness.report.topics.schedules import schedule_sections
from harness.report.topics.targets import target_section
from harness.report.topics.training_sizes import size_sections
from harness.report.topics.use import use_section


def study_sections(
    evidence: Evidence, comparisons: Comparisons, question: Question, answer: Answer, tuned: str = ""
) -> list[Section]:
    """Return the sections of one study, of the topics that it has measurements for.

    Args:
        tuned: the title of the study of tuned learning rates beside this one; empty without one.
    """
    made = (
        use_section(evidence, comparisons, question),
        grid_section(evidence, comparisons, question),
        target_section(evidence, comparisons, question),
        learning_rates(evidence, answer, tuned),
        predictions_section(evidence, comparisons, question),
    )
    return [one for one in made if one is not None]


def cross_sections(studies: Sequence[tuple[Evidence, Comparisons, Answer]]) -> list[Section]:
    """Return the sections across studies."""
    return [*schedule_sections(studies), *size_sections(studies)]
