"""The cost of checkpoints: the digits study with ten seeds, as the terminal's summary of a run computes it."""

from statistics import mean

from harness.results.logit_array import MOST_LOGIT_BYTES
from harness.study.engines.case_runner import MAX_LOST_WORKERS
from tests.records.quote import Quote
from tests.records.record import record

PAGE = "docs/results-and-crashes.md"


def checkpoint_percent():
    results = record("digits").results
    return 100 * sum(one.checkpoint_seconds for one in results) / sum(one.wall_seconds for one in results)


def epoch_seconds():
    """Return the shortest and the longest mean epoch of the study's models."""
    study = record("digits")
    means = [
        mean(mean(one.epoch_seconds) for one in study.of(model).values())
        for model in {one.model for one in study.results}
    ]
    return min(means), max(means)


QUOTES = [
    Quote("Saving checkpoints took {:.0f} % of the time of the digits study", lambda: [checkpoint_percent()]),
    Quote("whose epochs take {:.2f} to {:.2f} s", epoch_seconds),
    Quote("at most {} MiB", lambda: [MOST_LOGIT_BYTES // 2**20]),
    Quote("up to {} losses in a row", lambda: [MAX_LOST_WORKERS]),
]
GIVEN = []
