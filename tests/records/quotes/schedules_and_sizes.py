from harness.analysis.stats import CONFIDENCE, SIGNIFICANCE
from tests.records.calibration import column
from tests.records.quote import Quote
from tests.records.quotes.calibration import ends
from tests.records.quotes.statistics import decimals

PAGE = "docs/schedules-and-sizes.md"
NO_LEAD, LEAD = {"width ahead, pp": "0.0"}, {"width ahead, pp": "1.0"}
NOISIER = {"spreads of the schedules": "noisier short schedules"}


def lead_found(seeds):
    (found,) = column("schedules", "wider", n=str(seeds), **{"spreads of the schedules": "equal"}, **LEAD)
    return found


QUOTES = [
    Quote("with its {:.0f} % interval", lambda: [100 * CONFIDENCE]),
    Quote("{:.1f} to {:.1f} % have a winner at some budget", lambda: ends("schedules", "any winner", **NO_LEAD)),
    Quote("in {:.1f} % of studies of three seeds, and in {:.1f} % of five", lambda: [lead_found(3), lead_found(5)]),
    Quote(
        "two to five seeds find it in {:.1f} to {:.1f} % only", lambda: ends("schedules", "wider", **NOISIER, **LEAD)
    ),
    Quote(
        "{:.1f} to {:.1f} % have a significant one, as they should at {}",
        lambda: [*ends("sizes", "trend found"), decimals(SIGNIFICANCE, 2)],
    ),
]
GIVEN = ["A lead of 1 pp at every schedule, with 0.2 pp between seeds", "are noisier (0.6 and 0.3 pp)"]
