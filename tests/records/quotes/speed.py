"""Speed and equivalence of the pipelines, as ``pytest bench -k throughput`` and ``-k equivalence`` recorded them."""

from itertools import starmap
from math import acos, degrees

from harness.paper.published import PUBLISHED
from harness.results.disturbance import _DISTURBED_SHARE
from harness.training.trainers.verification import COARSE, TOLERANCES
from tests.records.quote import Quote
from tests.records.record import measured, record

PAGE = "docs/speed.md"
WORKLOADS = (("resnet20", "1×28×28"), ("resnet20", "3×32×32"), ("resnet110", "3×32×32"), ("resnet20-4", "3×32×32"))


def pipelines(precision=None):
    rows = record("throughput").rows("throughput")
    assert not any(row["switched_off"] for row in rows)
    return [row for row in rows if precision in (None, row["precision"])]


def pipeline(model, shape, precision):
    (row,) = (row for row in pipelines(precision) if (row["model"], row["input"]) == (model, shape))
    return row


def speed_quote(model, shape, speed="{:,.0f}"):
    """Return the quote of a row of speeds: the reference, the fast pipeline at both precisions, and the ratio."""

    def figures():
        fp32, bf16 = (pipeline(model, shape, precision) for precision in ("fp32", "bf16"))
        speeds = [bf16["reference_images_per_second"], *(row["fast_images_per_second"] for row in (fp32, bf16))]
        return map(float, [*speeds, *(bf16[key] for key in ("ratio", "least_ratio", "greatest_ratio"))])

    return Quote(f"| {model}, {shape} | {speed} | {speed} | {speed} | {{:.2f}} ({{:.2f}}–{{:.2f}}) |", figures)


def augmentation_quote(recipe, shape):
    """Return the quote of a row of augmentation alone: image by image, batched, and the ratio."""
    keys = ("per_sample_images_per_second", "batched_images_per_second", "ratio", "least_ratio", "greatest_ratio")

    def figures():
        rows = record("throughput").rows("throughput-augmentation")
        (row,) = (row for row in rows if (row["recipe"], row["input"]) == (recipe, shape))
        return [float(row[key]) for key in keys]

    return Quote(f"| {recipe}, {shape} | {{:,.0f}} | {{:,.0f}} | {{:.1f}} ({{:.1f}}–{{:.1f}}) |", figures)


def scaling_quote(axis, label):
    """Return the quote of a row of scaling: its ends, and the exponents of time and memory."""

    def figures():
        points = [row for row in record("throughput").rows("throughput-scaling") if row["axis"] == axis]
        ends = sorted(int(row["x"]) for row in points)
        exponents = (float(points[0][key]) for key in ("time_exponent", "memory_exponent"))
        return [ends[0], ends[-1], *(f"{one:.2f}".replace("-", "−") for one in exponents)]

    return Quote(f"| {label} | {{}}, {{:,}} | x^{{}} | x^{{}} |", figures)


def range_of(key, precision=None):
    ratios = [float(row[key]) for row in pipelines(precision)]
    return min(ratios), max(ratios)


def tolerances():
    """Return the differences in percent, and the angle, that switch an acceleration off."""
    fp32, bf16 = TOLERANCES["fp32"], TOLERANCES["bf16"]
    return 100 * fp32.size, 100 * bf16.size, degrees(acos(1 - bf16.direction))


def equivalence():
    """Return the record of both pipelines by dataset, by the names of measured.toml."""
    rows = record("equivalence").rows("equivalence")
    assert {(row["model"], row["precision"]) for row in rows} == {("resnet8-2", "bf16"), ("resnet20", "bf16")}
    renamed = {"mean": "difference_points", "low": "low_points", "high": "high_points"}
    return {row["dataset"]: row | {name: row[key] for name, key in renamed.items()} for row in rows}


def fp32_pipelines():
    return measured("equivalence-fp32")


def bf16_minus_fp32():
    return measured("bf16-minus-fp32")


def difference_quote(read, dataset, label):
    """Return the quote of a row of differences in accuracy, in percentage points."""

    def figures():
        found = read()[dataset]
        ends = (f"{float(found[key]):+.2f}".replace("-", "−") for key in ("mean", "low", "high"))
        return [found["epochs"], found["seeds"], *ends]

    return Quote(f"| {label} | {{}} | {{}} | {{}} ({{}} to {{}}) |", figures)


def fashionmnist():
    result = record("fashionmnist").of("resnet20")[0]
    assert (result.case.precision, result.mode) == ("bf16", "full")
    return [result.case.recipe.epochs, result.accuracy_percent, PUBLISHED["fashionmnist", "resnet20"].accuracy_percent]


def conditions():
    (found,) = {(row["torch"].partition("+")[0], row["measured_at"][:10], row["device"]) for row in pipelines()}
    return found


QUOTES = [
    Quote("computes bf16 in hardware (torch {}, {}, {}):", conditions),
    *(speed_quote(model, shape) for model, shape in WORKLOADS),
    speed_quote("resnet50", "3×225×225", speed="{:.1f}"),
    *starmap(augmentation_quote, (("cifar10", "3×32×32"), ("fashionmnist", "1×28×28"), ("gtsrb", "3×225×225"))),
    *(scaling_quote(axis, axis) for axis in ("images", "width", "depth")),
    scaling_quote("batch", "batch size"),
    Quote("trains {:.1f} to {:.1f} times as fast as the reference", lambda: range_of("ratio", "bf16")),
    Quote("at fp32 {:.1f} to {:.1f} times", lambda: range_of("ratio", "fp32")),
    Quote("as the plain loop, which augments nothing: {:.2f} to {:.2f} times", lambda: range_of("plain_ratio")),
    Quote(
        "{:.1f} % counts; at bf16 one of {:.0f} % in the size of the gradient or the loss, or of {:.0f}° in",
        tolerances,
    ),
    Quote("then one of {:.0f} % in the gradient's size counts", lambda: [100 * COARSE.size]),
    Quote(
        "used more than {:.0f} % of a core and a thread waited for them for more than {:.0f} % of the time",
        lambda: [100 * _DISTURBED_SHARE] * 2,
    ),
    Quote("if other virtual machines took more than {:.0f} %", lambda: [100 * _DISTURBED_SHARE]),
    Quote("the machine slept for more than {:.0f} %", lambda: [100 * _DISTURBED_SHARE]),
    difference_quote(equivalence, "digits", "digits, ResNet-8-2, fast at bf16"),
    difference_quote(equivalence, "fashionmnist", "6,000 images of FashionMNIST, ResNet-20, fast at bf16"),
    difference_quote(fp32_pipelines, "digits", "digits, ResNet-20, both at fp32"),
    difference_quote(fp32_pipelines, "fashionmnist", "6,000 images of FashionMNIST, ResNet-20, both at fp32"),
    difference_quote(bf16_minus_fp32, "digits", "digits, ResNet-20"),
    difference_quote(bf16_minus_fp32, "fashionmnist", "6,000 images of FashionMNIST, ResNet-20"),
    Quote("{} epochs at bf16, reached {:.2f} % with seed 0; the paper reports {:.2f} %", fashionmnist),
]
GIVEN = ["with its paired 95 % interval"]
