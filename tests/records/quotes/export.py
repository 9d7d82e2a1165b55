"""docs/export.md: the tolerance of the check is its code's."""

from harness.study.export.check import ROUNDING
from tests.records.quote import Quote
from tests.records.record import record

PAGE = "docs/export.md"


def _test_images():
    return [record("digits").of("resnet8")[0].test_images] * 3


QUOTES = [
    Quote("on {:,} of {:,} test images: {:,} predicted as recorded", _test_images),
    Quote(
        "within 1/{:.0f} of the greatest logit for fp32, 1/{:.0f} for tf32, 1/{:.0f} for bf16",
        lambda: [1 / ROUNDING[precision] for precision in ("fp32", "tf32", "bf16")],
    ),
    Quote("torch's up to 1/{:.0f} of the greatest logit", lambda: [1 / ROUNDING["fp32"]]),
]
GIVEN = []
