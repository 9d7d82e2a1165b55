"""Figures of the page on JSON output, which is made from docstrings: levels of tests and intervals."""

from harness.analysis.power import POWER
from harness.analysis.stats import CONFIDENCE, SIGNIFICANCE
from tests.records.quote import Quote

PAGE = "docs/json.md"
QUOTES = (
    Quote("detect, with {:.0f} % power", lambda: [100 * POWER]),
    Quote("The outcome at α = {}", lambda: [SIGNIFICANCE]),
    Quote("end of its simultaneous {:.0f} % interval", lambda: [100 * CONFIDENCE]),
    Quote("end of the one-sided {:.0f} % interval", lambda: [100 * CONFIDENCE]),
)
GIVEN = ()
