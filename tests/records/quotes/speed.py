"""Speed and equivalence of the pipelines, as ``pytest bench -k throughput`` and ``-k equivalence`` recorded them."""

from math import acos, degrees

from harness.paper.published import PUBLISHED
from harness.results.disturbance import _DISTURBED_SHARE
from harness.training.trainers.verification import TOLERANCES
from tests.records.quote import Quote
from tests.records.record import measured, record

PAGE = "docs/speed.md"
MODELS = (("resnet20", "1×28×28"), ("resnet20", "3×32×32"), ("resnet110", "3×32×32"), ("resnet20-4", "3×32×32"))


def pipelines(precision=None):
    rows = record("throughput").rows("throughput")
    return [row for row in rows if precision in (None, row["precision"])]


def pipeline_figures(model, shape, precision):
    (row,) = [row for row in pipelines(precision) if (row["model"], row["input"]) == (model, shape)]
    ratios = (f"{part}{ratio}" for ratio in ("plain_ratio", "ratio") for part in ("", "least_", "greatest_"))
    speeds = (f"{way}_images_per_second" for way in ("fast", "plain", "reference"))
    return [float(row[key]) for key in (*speeds, *ratios)]


def pipeline_quote(model, shape, precision):
    cells = [model, shape, precision, *["{:,.0f}"] * 3, *["{:.2f} ({:.2f}–{:.2f})"] * 2]
    return Quote(f"| {' | '.join(cells)} |", lambda: pipeline_figures(model, shape, precision))


def range_of(key, precision=None):
    ratios = [float(row[key]) for row in pipelines(precision)]
    return min(ratios), max(ratios)


def tolerances():
    """Return the differences in percent, and the angle, that switch an acceleration off."""
    fp32, bf16 = TOLERANCES["fp32"], TOLERANCES["bf16"]
    return 100 * fp32.size, 100 * bf16.size, degrees(acos(1 - bf16.direction))


def difference_quote(compared, entry, dataset, images):
    """Return the quote of a row of differences in accuracy that were measured once."""

    def figures():
        found = measured(entry)[dataset]
        ends = (f"{found[key]:+.2f}".replace("-", "−") for key in ("mean", "low", "high"))
        return [found["epochs"], found["seeds"], *ends]

    return Quote(f"| {compared} | {images} | {{}} | {{}} | {{}} ({{}} to {{}}) |", figures)


def fashionmnist():
    result = record("fashionmnist").of("resnet20")[0]
    assert (result.case.precision, result.mode) == ("bf16", "full")
    return [result.case.recipe.epochs, result.accuracy_percent, PUBLISHED["fashionmnist", "resnet20"].accuracy_percent]


def conditions():
    (found,) = {(row["torch"].partition("+")[0], row["measured_at"][:10], row["device"]) for row in pipelines()}
    return found


QUOTES = [
    Quote("computes bf16 in hardware (torch {}, {}, {}):", conditions),
    *(pipeline_quote(model, shape, precision) for model, shape in MODELS for precision in ("fp32", "bf16")),
    Quote("trains {:.1f} to {:.1f} times as fast as the reference", lambda: range_of("ratio", "bf16")),
    Quote("at fp32 {:.1f} to {:.1f} times", lambda: range_of("ratio", "fp32")),
    Quote("a plain loop that augments nothing: {:.2f} to {:.2f} times", lambda: range_of("plain_ratio")),
    Quote(
        "{:.1f} % counts; at bf16 one of {:.0f} % in the size of the gradient or the loss, or of {:.0f}° in",
        tolerances,
    ),
    Quote(
        "used more than {:.0f} % of a core and a thread waited for them for more than {:.0f} % of the time",
        lambda: [100 * _DISTURBED_SHARE] * 2,
    ),
    Quote("if other virtual machines took more than {:.0f} %", lambda: [100 * _DISTURBED_SHARE]),
    Quote("the machine slept for more than {:.0f} %", lambda: [100 * _DISTURBED_SHARE]),
    *(
        difference_quote(compared, entry, dataset, images)
        for compared, entry in (
            ("fast − reference, both at fp32", "equivalence-fp32"),
            ("bf16 − fp32, fast", "bf16-minus-fp32"),
        )
        for dataset, images in (("digits", "digits"), ("fashionmnist", "6,000 images of FashionMNIST"))
    ),
    Quote("{} epochs at bf16, reached {:.2f} % with seed 0; the paper reports {:.2f} %", fashionmnist),
]
GIVEN = ["with their paired 95 % intervals"]
