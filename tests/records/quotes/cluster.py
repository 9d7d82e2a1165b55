"""docs/cluster.md: the overhead per case is at most what ``pytest bench -k scale`` allows."""

from bench import test_scale
from tests.records.quote import Quote

PAGE = "docs/cluster.md"
QUOTES = [
    Quote(
        "at most {} s of a worker's time and {:.0f} MB of pytest's memory",
        lambda: [test_scale.MAX_OVERHEAD_SECONDS, test_scale.MAX_BYTES_PER_CASE / 1e6],
    ),
    Quote("on your machine with {:,} cases", lambda: [test_scale.CASES]),
]
GIVEN = []
