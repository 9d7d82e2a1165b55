"""The further topics of a report: of one study, and across several studies, in the page's order."""

from collections.abc import Callable, Sequence

from harness.analysis.answer import Question
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

StudyTopic = Callable[[Evidence, Comparisons, Question], Section | None]
"""Makes the section of one study; None if it has no measurements for it."""
CrossTopic = Callable[[Sequence[tuple[Evidence, Comparisons, Question]]], Sequence[Section]]
"""Makes the sections across studies, none if they have no measurements for it."""

STUDY_TOPICS: tuple[StudyTopic, ...] = (
    use_section,
    grid_section,
    target_section,
    learning_rates,
    predictions_section,
)
CROSS_TOPICS: tuple[CrossTopic, ...] = (schedule_sections, size_sections)


def study_sections(evidence: Evidence, comparisons: Comparisons, question: Question) -> list[Section]:
    """Return the sections of one study."""
    made = (topic(evidence, comparisons, question) for topic in STUDY_TOPICS)
    return [one for one in made if one is not None]


def cross_sections(studies: Sequence[tuple[Evidence, Comparisons, Question]]) -> list[Section]:
    """Return the sections across studies."""
    return [section for topic in CROSS_TOPICS for section in topic(studies)]
