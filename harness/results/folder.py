"""The results folder, with one subfolder per case; a lock admits one writing process per case.

A case's folder holds ``epochs.jsonl`` (one line appended per epoch), ``predictions.npz`` (test labels and predicted
classes), ``weights.safetensors``, checkpoints while it trains, and ``result.json``, which is written last.
"""

import contextlib
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import filelock
import numpy as np
from numpy.typing import NDArray

from harness.config.case import Case
from harness.errors import DamagedError, InputError
from harness.files import (
    append_line,
    os_error_as_input_error,
    quarantine,
    read_each,
    remove_temporary_files,
    sha256_of,
    write_atomically,
    write_text_atomically,
)
from harness.results.case_folder import RESULT, find_case_folder
from harness.results.reading import parse_result, read_epoch_records, read_result, read_result_in_its_folder
from harness.results.result import EpochRecord, LearningCurve, Result
from harness.text import count_noun

EPOCHS, PREDICTIONS, WEIGHTS = "epochs.jsonl", "predictions.npz", "weights.safetensors"
FILES = (RESULT, EPOCHS, PREDICTIONS, WEIGHTS)  # the result first: it has the SHA-256 of the others
_LOCK = ".lock"
_REMEDY = "free space or give another --results-dir, then rerun the command to resume"


class ResultsFolder:
    """A results folder: the files of every case, written atomically and checked when read."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def folder(self, case: Case) -> Path:
        """Return the case's folder; see `find_case_folder`."""
        return find_case_folder(self.root, case)

    @contextlib.contextmanager
    def locked(self, case: Case, on_wait: Callable[[], None] = lambda: None) -> Iterator[bool]:
        """Hold the case's lock inside the block; yield true if the process had to wait for it.

        The operating system releases the lock when the process ends, even if it is killed.

        Args:
            on_wait: called once if another process holds the lock.

        Raises:
            InputError: the folder cannot be written to.
        """
        release = self.lock(case)
        had_to_wait = release is None
        if release is None:
            on_wait()
            release = self.lock(case, wait=True)
        try:
            yield had_to_wait
        finally:
            if release is not None:
                release()

    def lock(self, case: Case, *, wait: bool = False) -> Callable[[], None] | None:
        """Acquire the case's lock and return its release function.

        Without ``wait``, return None if another process holds the lock.

        Raises:
            InputError: the folder cannot be written to, or is a link: the files behind it may be another's.
        """
        folder = self.folder(case)
        if folder.is_symlink():
            raise InputError(f"{folder} is a link, and no results are written through it: put the folder itself there")
        with os_error_as_input_error(f"write results to {folder}", "give another --results-dir"):
            folder.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(folder / _LOCK, thread_local=False)
            try:
                lock.acquire(blocking=wait)
            except filelock.Timeout:
                return None
        return lock.release

    def clear(self, case: Case) -> None:
        """Remove the files of earlier attempts at the case, except checkpoints.

        Raises:
            InputError: the folder cannot be written to.
        """
        folder = self.folder(case)
        with self.writing(case):
            for name in FILES:
                (folder / name).unlink(missing_ok=True)
            remove_temporary_files(folder)

    def is_finished(self, case: Case) -> bool:
        """Return whether the case's ``result.json`` says finished; the other files are not checked."""
        result = self.peek(case)
        return result is not None and result.is_finished

    def peek(self, case: Case) -> Result | None:
        """Return the case's ``result.json``, None if there is no valid one; the other files are not checked."""
        with contextlib.suppress(FileNotFoundError, InputError):
            return read_result(self.folder(case) / RESULT)
        return None

    def find(self, case: Case) -> Result | None:
        """Return the case's result, with all its files checked; None if it has none.

        Raises:
            DamagedError: a file is missing or damaged, or the result is another case's.
            InputError: a file cannot be read.
        """
        path = self.folder(case) / RESULT
        try:
            result = read_result(path)
        except FileNotFoundError:
            return None
        if result.case.identity != case.identity:
            raise DamagedError(f"{path} is of another case: {result.case.label}, {result.case.identity[:12]}")
        _require_all_unchanged(path.parent, result)
        return result

    def quarantine(self, case: Case) -> None:
        """Rename the case's files to ``*.refused``, because one of them failed its checks."""
        with self.writing(case):
            for name in FILES:
                if (self.folder(case) / name).exists():
                    quarantine(self.folder(case) / name)

    def read_epochs(self, case: Case) -> list[EpochRecord]:
        """Read the case's epoch records in order.

        Raises:
            InputError: the file is missing or damaged.
        """
        return read_epoch_records(self.folder(case) / EPOCHS)

    def read_curve(self, result: Result) -> LearningCurve:
        """Read the learning curve of a result.

        Raises:
            DamagedError: the epoch records are missing or damaged.
            InputError: the epoch records cannot be read.
        """
        records = read_epoch_records(self._checked_path(result, EPOCHS))
        accuracies = tuple(record.evaluation_accuracy_percent for record in records)
        return LearningCurve(accuracies, records[-1].train_loss if records else math.nan)

    def read_predictions(self, result: Result) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """Read test labels and predicted classes of a complete result, each (N,), in the dataset's order.

        Raises:
            DamagedError: the predictions are missing or damaged.
            InputError: the predictions cannot be read.
        """
        with np.load(self._checked_path(result, PREDICTIONS), allow_pickle=False) as arrays:
            return arrays["labels"], arrays["predictions"]

    def weights_path(self, result: Result) -> Path:
        """Return the path of a complete result's weights, after checking them.

        Raises:
            DamagedError: the weights are missing or damaged.
            InputError: the weights cannot be read.
        """
        return self._checked_path(result, WEIGHTS)

    def _checked_path(self, result: Result, name: str) -> Path:
        """Return the path of a file after comparing its SHA-256 with the result's."""
        folder = self.folder(result.case)
        if name not in result.files:
            raise DamagedError(f"{folder / RESULT} has no SHA-256 of {name}")
        _require_unchanged(folder / name, result.files[name])
        return folder / name

    def adopt(self, case: Case, files: Mapping[str, memoryview]) -> Result | None:
        """Write a case's files from another machine to its folder, the result last; return the result, if any.

        Raises:
            DamagedError: the result is invalid or another case's, or a file does not match its SHA-256.
            InputError: the files could not be written.
        """
        result = None
        if RESULT in files:
            result = _checked_result(case, files)
        with self.writing(case):
            for name in (name for name in reversed(FILES) if name in files):
                write_atomically(self.folder(case) / name, lambda file, name=name: file.write(files[name]))  # type: ignore[misc]
        return result

    def write_epochs(self, case: Case, records: Sequence[EpochRecord]) -> None:
        """Replace ``epochs.jsonl`` by the records of a checkpoint."""
        text = "".join(f"{_line(record)}\n" for record in records)
        with self.writing(case):
            write_text_atomically(self.folder(case) / EPOCHS, text)

    def append_epoch(self, case: Case, record: EpochRecord) -> None:
        """Append a line to ``epochs.jsonl``; a loss that is not finite becomes null."""
        with self.writing(case):
            append_line(self.folder(case) / EPOCHS, _line(record))

    def write_predictions(self, case: Case, labels: NDArray[np.integer], predictions: NDArray[np.integer]) -> None:
        """Write labels and predicted classes of every test image, each (N,), in the dataset's order."""
        with self.writing(case):
            write_atomically(
                self.folder(case) / PREDICTIONS,
                lambda file: np.savez_compressed(file, labels=labels, predictions=predictions),
            )

    def write_weights(self, case: Case, weights: bytes) -> None:
        """Write the final weights, in the safetensors format."""
        with self.writing(case):
            write_atomically(self.folder(case) / WEIGHTS, lambda file: file.write(weights))

    def hashes(self, case: Case) -> dict[str, str]:
        """Return the SHA-256 of each of the case's files except the result, by name."""
        paths = (self.folder(case) / name for name in (EPOCHS, PREDICTIONS, WEIGHTS))
        return {path.name: sha256_of(path) for path in paths if path.exists()}

    def write_result(self, case: Case, result: Result) -> None:
        """Write ``result.json`` after all other files: if it exists, they are complete."""
        with self.writing(case):
            write_text_atomically(self.folder(case) / RESULT, result.to_text())

    def read_all(self) -> tuple[list[Result], list[str]]:
        """Read every result in the folder; return them and a message for each that cannot be read."""
        return read_each(self.root.glob(f"*/{RESULT}"), read_result_in_its_folder)

    def unfinished(self) -> list[str]:
        """List resumable cases with their epoch counts, one line each."""
        folders = sorted({path.parent for path in self.root.glob("*/checkpoint-*.safetensors")})
        started = {folder.name: _line_count(folder / EPOCHS) for folder in folders if not (folder / RESULT).exists()}
        return [
            f"not finished: {name}, {count_noun(count, 'epoch')} so far; rerun the command to resume"
            for name, count in started.items()
        ]

    def writing(self, case: Case) -> contextlib.AbstractContextManager[None]:
        """Turn an OSError inside the block into an `InputError` that says what to do."""
        return os_error_as_input_error(f"write results to {self.folder(case)}", _REMEDY)


def _line_count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def _line(record: EpochRecord) -> str:
    return json.dumps(record.to_json(), allow_nan=False)


def _checked_result(case: Case, files: Mapping[str, memoryview]) -> Result:
    """Return the result among files from another machine, after checking the others against it."""
    try:
        result = parse_result(bytes(files[RESULT]))
        if result.case.identity != case.identity:
            raise ValueError(f"it is the result of {result.case.label}")
        for name, sha256 in result.files.items():
            if name not in files or hashlib.sha256(files[name]).hexdigest() != sha256:
                raise ValueError(f"{name} does not match its SHA-256")
    except ValueError as error:
        raise DamagedError(f"{case.label}: the {RESULT} received from the other machine is invalid: {error}") from error
    return result


def _require_all_unchanged(folder: Path, result: Result) -> None:
    """Check that every file of the result exists and has the SHA-256 in the result.

    Raises:
        DamagedError: a file is missing or damaged. The message names it.
        InputError: a file cannot be read. The message names it.
    """
    required = {EPOCHS} if result.epochs else set()
    if result.is_complete:
        required |= {PREDICTIONS, WEIGHTS}
    if missing := sorted(required - result.files.keys()):
        raise DamagedError(f"{folder / RESULT} has no SHA-256 of {missing[0]}")
    for name, sha256 in result.files.items():
        if (folder / name).parent != folder:
            raise DamagedError(f"{folder / RESULT} has the SHA-256 of a file in another folder: {name}")
        _require_unchanged(folder / name, sha256)


def _require_unchanged(path: Path, sha256: str) -> None:
    try:
        is_unchanged = sha256_of(path) == sha256
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not is_unchanged:
        raise DamagedError(f"{path} is damaged: its SHA-256 is not the one in {RESULT}")
