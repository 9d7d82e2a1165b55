"""Figures of the page on the results of record."""

from harness.analysis.stats import mean_interval
from harness.paper.published import PUBLISHED
from tests.records.quote import Quote
from tests.records.record import record

PAGE = "docs/results.md"
BUDGETS = {
    "total_seconds": "training time",
    "params": "parameters",
    "macs": "MACs",
    "latency_seconds": "latency",
    "image_seconds": "throughput",
    "scale_factor": "scale factor",
}
FIRST, LAST = tuple(range(5)), tuple(range(5, 10))
PAPER = PUBLISHED["fashionmnist", "resnet20"]


def row(*cells):
    """Return a table's row."""
    return f"| {' | '.join(map(str, cells))} |"


def _model(name):
    results = record("digits").of(name).values()
    found = mean_interval([one.accuracy_percent for one in results])
    first = next(iter(results))
    return row(
        name.replace("resnet", "ResNet-"),
        f"{first.params:,}",
        f"{first.macs / 1e6:.2f}",
        f"{found.mean:.2f} ± {found.width / 2:.2f}",
        f"{record('digits').mean(name, 'macro_f1_percent'):.2f}",
        f"{record('digits').mean(name, 'total_seconds'):.1f} s",
    )


def _budget(budget):
    found = [record("digits", seeds).verdict(budget) for seeds in (FIRST, LAST, None)]
    cells = [f"{one.outcome} by {one.interval.mean:+.2f} pp, take {one.take}" for one in found]
    return row(BUDGETS[budget], *cells)


def _seed(seed):
    one = record("fashionmnist").of("resnet20")[seed]
    return row(
        f"seed {seed}",
        f"{one.accuracy_percent:.2f} %",
        f"{one.best_accuracy_percent:.2f} %, epoch {one.best_epoch}",
        f"{one.macro_f1_percent:.2f} %",
    )


def _paper():
    return row(
        "the study",
        f"{PAPER.final_accuracy_percent:.2f} %",
        f"{PAPER.accuracy_percent:.2f} %",
        f"{PAPER.macro_f1_percent:.2f} %",
    )


QUOTES = (
    *(Quote("{}", lambda name=name: [_model(name)]) for name in ("resnet8", "resnet20", "resnet32", "resnet8-2", "resnet8-4")),
    *(Quote("{}", lambda budget=budget: [_budget(budget)]) for budget in BUDGETS),
    Quote("{}", lambda: [_paper()]),
    *(Quote("{}", lambda seed=seed: [_seed(seed)]) for seed in sorted(record("fashionmnist").of("resnet20"))),
)
GIVEN = ()
