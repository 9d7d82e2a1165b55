"""docs/export.md: the tolerance of the check is its code's."""

from harness.study.export.check import ROUNDING
from tests.records.quote import Quote

PAGE = "docs/export.md"
QUOTES = [
    Quote(
        "within 1/{:.0f} of the greatest logit for fp32, 1/{:.0f} for tf32, 1/{:.0f} for bf16",
        lambda: [1 / ROUNDING[precision] for precision in ("fp32", "tf32", "bf16")],
    ),
    Quote("torch's up to 1/{:.0f} of the greatest logit", lambda: [1 / ROUNDING["fp32"]]),
]
GIVEN = []
