"""A record's tables against numbers that a script without the harness's code computes from the raw files."""

import tempfile
from pathlib import Path

from tests.records.record import RECORDS, record
from tests.report import recompute


def numbers_recomputed(name):
    """Return how many numbers of how many tables agree with the raw files; fail if one differs."""
    with tempfile.TemporaryDirectory() as folder:
        for table, text in record(name).csv_texts.items():
            (Path(folder) / f"{table}.csv").write_text(text)
        checked = recompute.check_report(RECORDS / name, folder)
    assert checked.differing == []
    return sum(checked.counts.values()), len(checked.counts)
