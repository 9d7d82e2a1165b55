"""Studies as the page shows them, built without files."""

from harness.analysis.answer import Question, answer
from harness.analysis.comparison import Comparisons
from harness.analysis.power import Spread
from harness.report.page.content import StudyPage
from tests.analysis.synthetic_evidence import study

WIDE_WINS = {
    "resnet20": (89.0, 89.3, 88.8),
    "resnet56": (89.9, 90.2, 89.8),
    "resnet110": (89.4, 89.9, 89.5),
    "resnet20-2": (91.0, 91.2, 90.7),
    "resnet20-4": (92.0, 92.3, 91.7),
}
LEVEL = {
    "resnet20": (90.0, 90.6, 89.7),
    "resnet56": (90.4, 89.8, 90.5),
    "resnet110": (90.1, 90.9, 89.8),
    "resnet20-2": (90.7, 89.9, 90.2),
    "resnet20-4": (90.9, 89.9, 90.6),
}
SECONDS = {"resnet20": 5.0, "resnet56": 10.0, "resnet110": 20.0, "resnet20-2": 8.0, "resnet20-4": 25.0}


def study_page(accuracies, plan=None, figures=(), tables=(), notes=(), **changes):
    """Return the part of the page on a study with these accuracies; ``changes``: of its evidence."""
    return page_of(study(accuracies, **({"seconds": SECONDS} | changes)), plan, figures, tables, notes)


def page_of(evidence, plan=None, figures=(), tables=(), notes=()):
    """Return the part of the page on a study."""
    question = Question(Spread(0.3, True), plan=plan, notes=notes)
    comparisons = Comparisons(evidence, question.alpha)
    found = answer(comparisons, evidence, question)
    return StudyPage(evidence, comparisons, question, found, figures, tables)
