from harness.analysis.stats import CONFIDENCE, SIGNIFICANCE
from tests.records.calibration import column
from tests.records.quote import Quote
from tests.records.quotes.calibration import ends

PAGE = "docs/schedules-and-sizes.md"
NO_LEAD, LEAD = {"width ahead, pp": "0.0"}, {"width ahead, pp": "1.0"}


def lead_found(seeds):
    return min(column("schedules", "wider", n=str(seeds), **LEAD))


QUOTES = [
    Quote("with its {:.0f} % interval", lambda: [100 * CONFIDENCE]),
    Quote("{:.1f} to {:.1f} % have a winner at some budget", lambda: ends("schedules", "any winner", **NO_LEAD)),
    Quote(
        "With a lead of 1 pp at every schedule, at least {:.1f} % of the studies of three seeds find it at some budget,"
        " and {:.1f} % of five",
        lambda: [lead_found(3), lead_found(5)],
    ),
    Quote(
        "{:.1f} to {:.1f} % have a significant one, as they should at {:.2f}",
        lambda: [*ends("sizes", "trend found"), SIGNIFICANCE],
    ),
]
GIVEN = []
