"""Figures of the page on the results of record."""

from harness.analysis.single_run import ASSUMED_SPREADS_POINTS
from harness.analysis.stats import CONFIDENCE, mean_interval
from harness.paper.expectations import TOLERANCE_PP
from harness.paper.published import PUBLISHED, STUDY_MODELS
from tests.records.quote import Quote
from tests.records.record import RECORDS, record

PAGE = "docs/results.md"
BUDGETS = {
    "total_seconds": "training time",
    "params": "parameters",
    "macs": "MACs",
    "latency_seconds": "latency",
    "image_seconds": "throughput",
    "scale_factor": "scale factor",
}
HALVES = (tuple(range(5)), tuple(range(5, 10)))
SEEDS = sorted(
    int(path.name.split("-seed")[1].split("-")[0]) for path in (RECORDS / "fashionmnist").glob("*-resnet20-seed*")
)
PAPER = PUBLISHED["fashionmnist", "resnet20"]


def _row(*cells):
    return f"| {' | '.join(map(str, cells))} |"


def _digits_model(name):
    results = list(record("digits").of(name).values())
    accuracy = mean_interval([one.accuracy_percent for one in results])
    return _row(
        name,
        f"{results[0].params:,}",
        f"{results[0].macs / 1e6:.2f}",
        f"{accuracy.mean:.2f} ± {accuracy.width / 2:.2f}",
        f"{record('digits').mean(name, 'macro_f1_percent'):.2f}",
        f"{record('digits').mean(name, 'total_seconds'):.1f} s",
    )


def _digits_budget(budget):
    verdicts = [record("digits", seeds).verdict(budget) for seeds in (*HALVES, None)]
    return _row(BUDGETS[budget], *(f"{one.outcome}, {one.interval.mean:+.2f} pp, {one.take}" for one in verdicts))


def _most_varying():
    """Return the largest difference between the halves, in percentage points."""
    first, second = ([record("digits", seeds).verdict(budget).interval.mean for budget in BUDGETS] for seeds in HALVES)
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def _fashionmnist(seed):
    one = record("fashionmnist").of("resnet20")[seed]
    best = f"{one.best_accuracy_percent:.2f} % (epoch {one.best_epoch})"
    return _row(f"seed {seed}", f"{one.accuracy_percent:.2f} %", best, f"{one.macro_f1_percent:.2f} %")


def _fashionmnist_mean():
    fields = ("accuracy_percent", "best_accuracy_percent", "macro_f1_percent")
    means = [record("fashionmnist").mean("resnet20", field) for field in fields]
    return _row(f"mean of {len(SEEDS)} seeds", *(f"{one:.2f} %" for one in means))


def _published():
    accuracies = (PAPER.final_accuracy_percent, PAPER.accuracy_percent)
    return _row("the study", *(f"{one:.2f} %" for one in (*accuracies, PAPER.macro_f1_percent)))


def _above():
    fields = ("accuracy_percent", "best_accuracy_percent")
    last, best = (record("fashionmnist").mean("resnet20", field) for field in fields)
    above = last - PAPER.final_accuracy_percent
    return above, round(100 * above), best - PAPER.accuracy_percent, last - PAPER.accuracy_percent


def _claims():
    rows = [one for one in record("fashionmnist").rows("claims") if one["statement"].startswith("FashionMNIST: ")]
    return [
        _row(
            one["claim"],
            one["statement"].removeprefix("FashionMNIST: "),
            one["published_verdict"],
            ": ".join(filter(None, (one["measured_verdict"], one["measured_numbers"]))),
        )
        for one in rows
    ]


QUOTES = (
    Quote("{}", lambda: [record("digits").terminal()]),
    Quote("{}", lambda: [record("digits").report.answers[0][1].headline]),
    *(Quote("{}", lambda name=name: [_digits_model(name)]) for name in STUDY_MODELS["digits"]),
    Quote("± is half of the {:.0f} % interval of the mean over ten seeds", lambda: [100 * CONFIDENCE]),
    *(Quote("- {}", lambda at=at: [record("digits").report.answers[0][1].sentences[at]]) for at in range(2)),
    *(Quote("{}", lambda budget=budget: [_digits_budget(budget)]) for budget in BUDGETS),
    Quote("varies between the halves by up to {:.2f} pp", lambda: [_most_varying()]),
    Quote("{}", lambda: [_published()]),
    *(Quote("{}", lambda seed=seed: [_fashionmnist(seed)]) for seed in SEEDS),
    *([Quote("{}", lambda: [_fashionmnist_mean()])] if len(SEEDS) > 1 else []),
    Quote(
        "The mean of both seeds is {:.2f} pp above the study by the last epoch, {} of 10,000 test images, and {:.2f} "
        "pp by the best one. The report sets the last epoch beside table 4: {:+.2f} pp",
        _above,
    ),
    Quote("must be at most {} pp below the study", lambda: [TOLERANCE_PP]),
    Quote("usually varies by {} to {} pp from seed to seed", lambda: ASSUMED_SPREADS_POINTS),
    Quote("{}", lambda: [" ".join(_claims())]),
)
GIVEN = ()
