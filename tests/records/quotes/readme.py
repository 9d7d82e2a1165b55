"""The figures of README.md: the digits with their default of five seeds."""

from harness.analysis.wording import BUDGET_WORDS
from harness.text import duration, listed, p_value
from tests.records.quote import Quote
from tests.records.quotes.tutorial import FIVE, WIDTH

PAGE = "README.md"


def _budgets_that_take(model):
    _, answer = FIVE().report.answers[0]
    return listed([BUDGET_WORDS[one.budget] for one in answer.verdicts if (one.outcome, one.take) == ("wider", model)])


def _answer():
    verdict, one = FIVE().verdict("scale_factor"), FIVE().results[0]
    seconds = duration(sum(result.wall_seconds for result in FIVE().results))
    day = one.finished_at[:10]
    return verdict.interval.mean, p_value(verdict.p_value), seconds, one.environment["precision"], day


QUOTES = (
    Quote("one file that needs no network: {}", lambda: [FIVE().answer(WIDTH)]),
    Quote(
        "At equal {} take ResNet-8-2, twice as wide as the base; at equal {} ResNet-8-4,",
        lambda: map(_budgets_that_take, ("resnet8-2", "resnet8-4")),
    ),
    Quote(
        "{:.1f} percentage points more accurate than ResNet-32, which is as much deeper ({}; {} of training on two "
        "cores at {}, {})",
        _answer,
    ),
)
GIVEN = (
    "with Python 3.11 to 3.13",
    "torch with its CUDA libraries takes about 6 GB",  # of another project; for orientation before an installation
)
