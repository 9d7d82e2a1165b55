"""docs/trackers.md: how long a session waits is the trackers' own setting."""

from harness.tracking import follower, process, session
from harness.tracking.registry import DEFAULT_VARIABLES
from tests.records.quote import Quote

PAGE = "docs/trackers.md"
QUOTES = [
    Quote("tried again after 2, 4, 8 … {:.0f} seconds", lambda: [follower._MAX_WAIT_SECONDS]),
    Quote("fails after {} seconds and one retry", lambda: [DEFAULT_VARIABLES["MLFLOW_HTTP_REQUEST_TIMEOUT"]]),
    Quote(
        "at most {:.0f} seconds for a tracker's packages to load, and at most {:.0f} seconds at its end",
        lambda: [session.START_SECONDS, process.END_SECONDS],
    ),
]
GIVEN = []
