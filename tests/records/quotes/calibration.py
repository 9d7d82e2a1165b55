from harness.analysis.stats import SIGNIFICANCE
from tests.records.calibration import TABLES, column, markdown
from tests.records.quote import Quote
from tests.records.recomputed import numbers_recomputed

PAGE = "docs/calibration.md"
BUDGETS = ("time", "parameters", "MACs", "scale factor")


def table(name):
    return Quote("{}", lambda: [markdown(name)])


def ends(name, *headings, **conditions):
    """Return the lowest and the highest share of a table."""
    found = column(name, *headings, **conditions)
    return min(found), max(found)


def highest_over_spreads():
    """Return the highest mean share of wrong winners over the sizes of the spread."""
    patterns = [
        {"n": n, "spreads of the models": one} for n in ["3", "5", "10"] for one in ["equal", "growing", "cyclic"]
    ]
    means = {(one["n"], one["spreads of the models"]): _mean(column("winner", "any budget", **one)) for one in patterns}
    n, pattern = max(means, key=means.get)
    return means[n, pattern], {"3": "three", "5": "five", "10": "ten"}[n], pattern


def _mean(values):
    return sum(values) / len(values)


def standard_error():
    (studies,) = set(column("winner", "studies"))
    return studies, 100 * (0.06 * 0.94 / studies) ** 0.5


QUOTES = [
    *map(table, TABLES),
    Quote("names a winner | at most 6 % | {:.1f} to {:.1f} %", lambda: ends("winner", "any budget")),
    Quote(
        "six budgets names a winner | at most 6 % | {:.1f} to {:.1f} %",
        lambda: ends("winner-six-budgets", "any budget"),
    ),
    Quote("last look | at most 6 % | {:.1f} to {:.1f} %", lambda: ends("winner-three-looks", "any budget")),
    Quote(
        "| width is 0.5 pp ahead | one budget calls both equal within 0.5 pp | at most 6 % | {:.1f} to {:.1f} %",
        lambda: ends("equal", *BUDGETS),
    ),
    Quote(
        "`--until-decided` | one budget calls both equal within 0.5 pp | at most 6 % | {:.1f} to {:.1f} %",
        lambda: ends("equal-three-looks", *BUDGETS),
    ),
    Quote(
        "| width is 1.0 pp ahead, three seeds | one budget says *wider* | at least 80 % | {:.1f} to {:.1f} %",
        lambda: ends("wider", *BUDGETS, n="3"),
    ),
    Quote(
        "| width is 0.5 pp ahead, five seeds | one budget says *wider* | at least 50 % | {:.1f} to {:.1f} %",
        lambda: ends("wider", *BUDGETS, n="5"),
    ),
    Quote("A row is {:,.0f} studies, so a share of 6 % has a standard error of {:.2f} %", standard_error),
    Quote("share of wrong winners is {:.1f} %, with {} seeds and {} spreads", highest_over_spreads),
    Quote("nominal level is {:.0f} %", lambda: [100 * SIGNIFICANCE]),
    Quote(
        "all {:,} numbers that it finds in {} tables of the [digits study](results.md) agree",
        lambda: numbers_recomputed("digits"),
    ),
]
GIVEN = [
    "2, 4 and 8 times as wide",
    "rounded to whole images of 10,000",
    "with sd 0.3, the times of use",
    "Width is 0.5 pp ahead at every budget. Studies that are called equal within 0.5 pp, in %.",
    "Width is 1.0 pp ahead with three seeds, and 0.5 pp with five.",
    "at most three times",
    "Width is 0.5 pp ahead: studies that are called equal within 0.5 pp",
    "with sd 0.3.",
    "with 80 % power",
    "(sd 1 pp)",
    "(sd 0.3 pp)",
    "The spread is 0.2 pp, or 0.6, 0.3 and 0.2 pp from",
    "significant at .05",
    "whose 95 % interval",
]
