from math import comb

from harness.analysis.ensembles import _LEAST_SHARE
from harness.analysis.stats import CONFIDENCE, SIGNIFICANCE
from harness.results.logit_array import MOST_LOGIT_BYTES, logit_bytes
from harness.study.pictures import _MOST_PIXEL_BYTES
from tests.records.calibration import column
from tests.records.quote import Quote
from tests.records.quotes.statistics import decimals
from tests.records.record import record

PAGE = "docs/predictions.md"
MIB = 2**20


def row(table, **conditions):
    (found,) = (
        one for one in record("digits").rows(f"digits-predictions-{table}")
        if all(one[key] == value for key, value in conditions.items())
    )  # fmt: skip
    return {key: number(value) for key, value in found.items()}


def number(text):
    try:
        return float(text)
    except ValueError:
        return text


def smallest_p(seeds):
    """Return the smallest p of a test over splits: the true one and its mirror image, of all."""
    return decimals(2 / comb(2 * seeds, seeds), 3).rstrip("0")


def disagreement():
    found = row("disagreement", model="resnet32", other="resnet8-4")
    parts = (found[f"disagreement_percent_{part}"] for part in ("between", "model", "other"))
    return *parts, decimals(found["p_holm"])


def small_ensemble():
    found = row("ensembles", ensemble="3 × resnet8", other="resnet8-2")
    percents = found["ensemble_percent"], found["other_percent"], found["difference_points"]
    assert found["p_holm"] > SIGNIFICANCE
    return found["macs_share"], *percents, decimals(found["p_holm"])


def large_ensemble():
    found = row("ensembles", ensemble="4 × resnet8", other="resnet32")
    assert found["p_holm"] < SIGNIFICANCE
    return found["macs_share"], found["difference_points"], decimals(found["p_holm"])


QUOTES = [
    Quote(
        "put {:.2f} % of the test images into different classes. Two seeds of ResNet-32 differ on {:.2f} %, two of"
        " ResNet-8-4 on {:.2f} %. But their *errors* are more alike within a model than between the two (p = {})",
        disagreement,
    ),
    Quote(
        "Three ResNet-8 need {:.2f} of the MACs and together reach {:.2f} %, one ResNet-8-2 {:.2f} %. The difference of"
        " {:.2f} pp is not significant (p = {})",
        small_ensemble,
    ),
    Quote("Four ResNet-8 need {:.2f} of the MACs and are {:.2f} pp better (p = {})", large_ensemble),
    Quote(
        "is {} with 3 seeds each, {} with 4, {} with 5",
        lambda: [f"0{smallest_p(seeds)}" for seeds in (3, 4, 5)],
    ),
    Quote("at most {:.0f} MiB of pixels", lambda: [_MOST_PIXEL_BYTES / MIB]),
    Quote("with the {:.0f} % t interval", lambda: [100 * CONFIDENCE]),
    Quote("at least {:.0f} % of them", lambda: [100 * _LEAST_SHARE]),
    Quote(
        "the {:.0f} % interval of one comparison held the true difference in {:.1f} % with three seeds and in {:.1f} %"
        " with five",
        lambda: [100 * CONFIDENCE, *column("ensembles", "interval holds the truth")],
    ),
    Quote(
        "At most {:.0f} MiB a case: CIFAR-10 has {:.1f} MB, GTSRB {:.1f} MB. Larger ones (ImageNet's 50,000 × 1,000"
        " have {:.0f} MiB)",
        lambda: [
            MOST_LOGIT_BYTES / MIB,
            logit_bytes(10_000, 10) / 1e6,
            logit_bytes(12_630, 43) / 1e6,
            logit_bytes(50_000, 1_000) / MIB,
        ],
    ),
]
GIVEN = ["A network that is 90 % sure should be right in 90 % of such cases."]
