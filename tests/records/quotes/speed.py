"""Speed and equivalence of the pipelines, as ``pytest bench -k throughput`` and ``-k equivalence`` recorded them."""

from harness.analysis.stats import fit_power_law
from harness.paper.published import published
from harness.results.disturbance import _DISTURBED_SHARE
from harness.training.trainers.verification import TOLERANCES
from tests.records.quote import Quote
from tests.records.record import record

PAGE = "docs/speed.md"
MODELS = (("resnet20", "1×28×28"), ("resnet20", "3×32×32"), ("resnet110", "3×32×32"), ("resnet20-4", "3×32×32"), ("resnet50", "3×225×225"))


def pipelines(precision=None):
    rows = record("throughput").rows("throughput")
    return [row for row in rows if precision in (None, row["precision"])]


def pipeline_figures(model, shape, precision):
    (row,) = [row for row in pipelines(precision) if (row["model"], row["input"]) == (model, shape)]
    ratios = (f"{part}{ratio}" for ratio in ("plain_ratio", "ratio") for part in ("", "least_", "greatest_"))
    speeds = (f"{way}_images_per_second" for way in ("fast", "plain", "reference"))
    return [float(row[key]) for key in (*speeds, *ratios)]


def pipeline_quote(model, shape, precision):
    form = "{:,.0f}" if model != "resnet50" else "{:.1f}"
    cells = [model, shape, precision, *[form] * 3, *["{:.2f} ({:.2f}–{:.2f})"] * 2]
    return Quote(f"| {' | '.join(cells)} |", lambda: pipeline_figures(model, shape, precision))


def range_of(precision, key):
    ratios = [float(row[key]) for row in pipelines(precision)]
    return min(ratios), max(ratios)


def augmentation_ratios():
    rows = {row["recipe"]: row for row in record("throughput").rows("throughput-augmentation")}
    return [float(rows[recipe]["ratio"]) for recipe in ("cifar10", "fashionmnist", "gtsrb")]


def exponents():
    rows = {row["axis"]: row for row in record("throughput").rows("throughput-scaling")}
    return [float(rows[axis]["time_exponent"]) for axis in ("images", "depth", "width")]


def equivalence_quote(dataset, model):
    def figures():
        (row,) = [row for row in record("equivalence").rows("equivalence") if row["dataset"] == dataset]
        keys = ("epochs", "seeds", "difference_points", "low_points", "high_points")
        assert (row["model"], row["precision"]) == (model, "bf16")
        return [int(row["train_images"]), *(float(row[key]) for key in keys)]

    return Quote(f"| {dataset}, {{:,}} images | {model} | {{:.0f}} | {{:.0f}} | {{:+.2f}} | {{:+.2f}} to {{:+.2f}} |", figures)


QUOTES = [
    *(pipeline_quote(model, shape, precision) for model, shape in MODELS for precision in ("fp32", "bf16")),
    *(equivalence_quote(dataset, model) for dataset, model in (("digits", "resnet8-2"), ("fashionmnist", "resnet20"))),
]
GIVEN = []
