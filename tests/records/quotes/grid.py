from harness.analysis.power import POWER
from harness.analysis.stats import SIGNIFICANCE
from tests.records.calibration import rows
from tests.records.quote import Quote
from tests.records.quotes.calibration import ends

PAGE = "docs/grid.md"


def of_seeds(seeds):
    """Return the growth that so many seeds can find, and how often they find one that does not exist."""
    (power,) = (row for row in rows("interaction-power") if row["n"] == seeds)
    (equal,) = (row for row in rows("interaction") if row["n"] == seeds and row["spreads of the models"] == "equal")
    return seeds, power["stated growth, pp"], power["in 90 % of studies"], equal["interaction found"]


QUOTES = [
    Quote("both together err in {:.0f} % of studies at most", lambda: [100 * SIGNIFICANCE]),
    Quote("find with {:.0f} % power; it rests", lambda: [100 * POWER]),
    *(Quote("| {} | {} pp ({}) | {} % |", lambda seeds=seeds: of_seeds(seeds)) for seeds in ["2", "3", "5"]),
    Quote("does not exist is found in {:.1f} to {:.1f} %", lambda: ends("interaction", "interaction found")),
    Quote("in at least {:.0f} % of studies, for each", lambda: [100 - 100 * SIGNIFICANCE]),
    Quote("nine models in {:.1f} to {:.1f} %", lambda: ends("best-model", "best model kept")),
]
GIVEN = [
    "± half of its 95 % interval",
    "models with 0.3 pp between seeds",
    "| seeds | growth that they find with 80 % power |",
    "the statements of 90 % of the studies",
    "with the 95 % interval for one more model",
]
