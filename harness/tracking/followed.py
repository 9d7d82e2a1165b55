"""The training in a case's folder, as a tracker's process reads it while the case is in training."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.config.case import Case
from harness.config.variant import PLAIN, TUNED_NAME, Variant
from harness.errors import InputError
from harness.results.case_folder import RESULT
from harness.results.checked_files import EPOCHS
from harness.results.folder import ResultsFolder
from harness.results.reading import read_epoch_records, read_result
from harness.results.result import EpochRecord, Result
from harness.text import count_noun
from harness.tracking.content import parameters
from harness.tracking.tracker import Training, Value


@dataclass(frozen=True)
class FollowedCase:
    """A case of the session, as plain values.

    Attributes:
        replaced: the key of an earlier training that this session replaces, and so does not log.
    """

    folder: str
    label: str
    parameters: Mapping[str, Value]
    replaced: str | None = None

    @classmethod
    def of(cls, case: Case, results: ResultsFolder, *, from_scratch: bool, variant: Variant = PLAIN) -> "FollowedCase":
        """Return a case as plain values.

        Args:
            from_scratch: true if this session trains it from scratch; false if it is resumed or finished.
            variant: what tells the case from others of its model and seed.
        """
        schedule = [count_noun(case.recipe.epochs, "epoch")] if case.mode == "shortened" else []
        notes = [*_rate_notes(variant), *([] if case.mode == "full" else [case.mode, *schedule])]
        label = f"{case.label} ({', '.join(notes)})" if notes else case.label
        trial = {"trial": True} if variant.is_trial else {}
        followed = cls(str(results.folder(case)), label, parameters(case) | trial)
        earlier = read_training(followed) if from_scratch else None
        return replace(followed, replaced=earlier.key) if earlier is not None else followed

    def file_times(self) -> tuple[tuple[int, int] | None, ...]:
        """Return time and size of the files that `read_training` reads; None for one that does not exist."""
        return tuple(_time_and_size(Path(self.folder) / name) for name in (EPOCHS, RESULT))


def _rate_notes(variant: Variant) -> list[str]:
    """Return the learning rate, if it is not the recipe's own, and why."""
    rate = variant.learning_rate
    if rate is None or rate == variant.common_rate:
        return []
    return [f"{'trial' if variant.is_trial else TUNED_NAME}, learning rate {rate:g}"]


def read_training(case: FollowedCase) -> Training | None:
    """Read the training in the case's folder; None if there is none yet, or its files cannot be read now.

    Its key is the hash of its first epoch's record: all attempts share the record, and no other training has
    its times. A result without an epoch counts as a training of its own.
    """
    folder = Path(case.folder)
    try:
        records = read_epoch_records(folder / EPOCHS) if (folder / EPOCHS).exists() else []
        result = read_result(folder / RESULT) if (folder / RESULT).exists() else None
    except (OSError, InputError):  # as they are being replaced, or are no files
        return None
    if result is not None and result.epoch_seconds != tuple(record.epoch_seconds for record in records):
        return None
    if (first := _first_event(records, result)) is None:
        return None
    key = hashlib.sha256(f"{case.parameters['identity']} {first}".encode()).hexdigest()[:16]
    return None if key == case.replaced else Training(key, case.label, folder, case.parameters, records, result)


def _first_event(records: list[EpochRecord], result: Result | None) -> str | None:
    if records:
        return json.dumps(records[0].to_json())
    return result.started_at if result is not None else None


def _time_and_size(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
