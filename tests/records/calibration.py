"""The tables of docs/calibration.md, from records/calibration. To write them: python -m tests.records.calibration."""

import csv
import re
from functools import cache

from tests.records.quote import ROOT

PAGE = ROOT / "docs/calibration.md"
TABLES = sorted(path.stem for path in (ROOT / "records/calibration").glob("*.csv"))
_PLACE = re.compile(r"(<!-- table: ([\w-]+) -->)\n+(?:\|.*\n)*\n*")


@cache
def rows(table):
    """Return the rows of a table as dictionaries of texts."""
    with (ROOT / f"records/calibration/{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def column(table, *headings, **conditions):
    """Return the numbers of columns, of the rows with these values in other columns."""
    chosen = [row for row in rows(table) if all(row[key] == value for key, value in conditions.items())]
    return [float(row[heading]) for heading in headings for row in chosen]


def markdown(table):
    """Return a table as it stands on the page: without the number of studies."""
    headings = [heading for heading in rows(table)[0] if heading != "studies"]
    lines = [headings, *([row[heading] for heading in headings] for row in rows(table))]
    first, *others = (f"| {' | '.join(line)} |" for line in lines)
    sides = ("---:" if text.replace(".", "").isdigit() else "---" for text in lines[1])
    return "\n".join([first, f"|{'|'.join(sides)}|", *others])


def with_tables(text):
    """Return the page's text with its tables written again."""
    return _PLACE.sub(lambda found: f"{found[1]}\n\n{markdown(found[2])}\n\n", text)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
