"""Add a results folder to the records: ``python -m tests.records.add FOLDER NAME``; records/README.md explains it.

Results that are not complete, checkpoints and weights stay behind. Absolute paths become their last names, and the
host's name becomes ``host``. Every JSON file gets a new SHA-256; nothing else is changed.
"""

import argparse
import json
import shutil
from pathlib import Path

from harness.files import checked_json, with_sha256
from harness.report.short_paths import short_command, without_absolute_paths
from harness.results.case_folder import RESULT
from harness.results.checked_files import EPOCHS, LOGITS, PREDICTIONS
from harness.text import count_noun
from harness.throughput.record import FOLDER as MEASUREMENTS
from tests.records.record import RECORDS

KEPT = (EPOCHS, PREDICTIONS, LOGITS)
DECLARED = ("axes.json", "looks.json", "tuning.json")


def add(source, target):
    """Copy what belongs into a record; return a line for each file added or left out."""
    lines = []
    for path in sealed_files(source):
        content, folder = without_machine(unsealed(path)), target / path.parent.name
        if content.get("status", "complete") != "complete":
            lines.append(f"left out, {content['status']}: {path.parent}")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).write_text(with_sha256(content))
        for name in content.get("files", {}).keys() & {*KEPT}:
            shutil.copyfile(path.parent / name, folder / name)
        lines.append(f"added: {folder / path.name}")
    for path in (source / name for name in DECLARED):
        if path.exists():
            shutil.copyfile(path, target / path.name)
            lines.append(f"added: {target / path.name}")
    return lines


def sealed_files(folder):
    """Return the results and the measurements in a results folder, in order."""
    return sorted([*folder.glob(f"*/{RESULT}"), *folder.glob(f"{MEASUREMENTS}/*.json")])


def unsealed(path):
    """Return the content of a JSON file whose SHA-256 is right."""
    text = path.read_text()
    return checked_json(text, json.loads(text)["schema_version"])


def without_machine(value, key=""):
    """Return a value of a JSON file without the names of a machine: its folders and its host."""
    if isinstance(value, dict):
        return {name: without_machine(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_machine(inner, key) for inner in value]
    if not isinstance(value, str):
        return value
    return "host" if key == "node" else short_command(value) if key == "command" else without_absolute_paths(value)


def provenance(folder):
    """Return the lines that say how a record was made, each once."""
    lines = []
    for content in map(unsealed, sealed_files(folder)):
        for attempt in content.get("attempts", [content]):
            on = attempt["environment"]
            device = on["gpu"] or f"{on['cpu']}, {count_noun(on['threads'], 'thread')}"
            lines += [f"- Command: `{attempt['command']}`"] if "command" in attempt else []
            lines += [
                f"- Code: commit {on['commit'][:10]}, training code {on['training_code']}",
                f"- Machine: {device}, torch {on['versions']['torch']}",
                f"- Date: {attempt.get('started_at', attempt.get('measured_at'))[:10]}",
            ]
    return list(dict.fromkeys(lines))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.records.add", description=__doc__)
    parser.add_argument("folder", type=Path, help="a results folder (--results-dir)")
    parser.add_argument("name", help="the record's folder under records/")
    arguments = parser.parse_args()
    print("\n".join(add(arguments.folder, RECORDS / arguments.name)) or parser.error("no result is there"))
    print(f"\nThe section {arguments.name} of records/README.md must have these lines:\n")
    print("\n".join(provenance(RECORDS / arguments.name)))
