"""The results folder: a folder per case in it, which one process at a time writes to.

In a case's folder: ``result.json``, written last of all, ``epochs.jsonl`` (one line appended per epoch),
``predictions.npz`` (test labels and predicted classes), ``weights.safetensors``, and checkpoints while it trains.
"""

import contextlib
import hashlib
import json
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
from harness.results.result import EpochRecord, Result, read_epoch_records, read_result
from harness.text import several

RESULT, EPOCHS, PREDICTIONS, WEIGHTS = "result.json", "epochs.jsonl", "predictions.npz", "weights.safetensors"
FILES = (RESULT, EPOCHS, PREDICTIONS, WEIGHTS)  # the result first: it vouches for the others
_LOCK = ".lock"
_REMEDY = "free space or give another --results-dir; the same command goes on after the last finished epoch"


class ResultsFolder:
    """The results folder: where each case's files lie, and what is in them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, case: Case) -> Path:
        return self.root / case.folder_name

    @contextlib.contextmanager
    def locked(self, case: Case, on_wait: Callable[[], None] = lambda: None) -> Iterator[bool]:
        """Be the one process that writes to the case's folder; inside, whether that had to be waited for.

        The system lets go of the lock when a process ends, however it ends.

        Args:
            on_wait: called once, where another process has the case.

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
        """As `locked`, until the function returned is called; without waiting, None where another process has the case.

        Raises:
            InputError: the folder cannot be written to.
        """
        folder = self.folder(case)
        with os_error_as_input_error(f"write results to {folder}", "give another --results-dir"):
            folder.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(folder / _LOCK, thread_local=False)
            try:
                lock.acquire(blocking=wait)
            except filelock.Timeout:
                return None
        return lock.release

    def clear(self, case: Case) -> None:
        """Remove what an earlier attempt at the case left, but for its checkpoints.

        Raises:
            InputError: the folder cannot be written to.
        """
        folder = self.folder(case)
        with self.writing(case):
            for name in FILES:
                (folder / name).unlink(missing_ok=True)
            remove_temporary_files(folder)

    def is_finished(self, case: Case) -> bool:
        """Whether the case has a result that need not be trained again, as far as its ``result.json`` tells."""
        try:
            return read_result(self.folder(case) / RESULT).is_finished
        except (FileNotFoundError, InputError):
            return False

    def find(self, case: Case) -> Result | None:
        """The case's result, if it has one.

        Raises:
            InputError: a file of it cannot be read; where that is because of its content, a `DamagedError`.
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
        """Put the case's files out of the way, as ``*.refused``: one of them is not to be trusted."""
        with self.writing(case):
            for name in FILES:
                if (self.folder(case) / name).exists():
                    quarantine(self.folder(case) / name)

    def read_epochs(self, case: Case) -> list[EpochRecord]:
        """The case's epoch records in order.

        Raises:
            InputError: they are not there, or damaged.
        """
        return read_epoch_records(self.folder(case) / EPOCHS)

    def read_curve(self, result: Result) -> list[float]:
        """The evaluation accuracy in percent of each of a result's epochs.

        Raises:
            InputError: its epoch records cannot be read; where that is because of their content, a `DamagedError`.
        """
        path = self._vouched_for(result, EPOCHS)
        return [record.evaluation_accuracy_percent for record in read_epoch_records(path)]

    def read_predictions(self, result: Result) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """Test labels and predicted classes of a complete result, each (N,), in the dataset's order.

        Raises:
            InputError: they cannot be read; where that is because of their content, a `DamagedError`.
        """
        with np.load(self._vouched_for(result, PREDICTIONS), allow_pickle=False) as arrays:
            return arrays["labels"], arrays["predictions"]

    def weights_path(self, result: Result) -> Path:
        """Where a complete result's weights lie, unchanged.

        Raises:
            InputError: they cannot be read; where that is because of their content, a `DamagedError`.
        """
        return self._vouched_for(result, WEIGHTS)

    def _vouched_for(self, result: Result, name: str) -> Path:
        """A file beside a result that has the SHA-256 that the result says."""
        folder = self.folder(result.case)
        if name not in result.files:
            raise DamagedError(f"{folder / RESULT} does not vouch for {name}")
        _require_unchanged(folder / name, result.files[name])
        return folder / name

    def adopt(self, case: Case, files: Mapping[str, memoryview]) -> Result | None:
        """Put a case's files that were written on another machine into its folder, the result last: the result, if any.

        Raises:
            DamagedError: they are not what the result vouches for, or it is none or of another case.
            InputError: they could not be written.
        """
        result = None
        if RESULT in files:
            result = _adopted(case, files)
        with self.writing(case):
            for name in (name for name in reversed(FILES) if name in files):
                write_atomically(self.folder(case) / name, lambda file, name=name: file.write(files[name]))  # type: ignore[misc]
        return result

    def write_epochs(self, case: Case, records: Sequence[EpochRecord]) -> None:
        """``epochs.jsonl`` anew, as a checkpoint has its records."""
        text = "".join(f"{_line(record)}\n" for record in records)
        with self.writing(case):
            write_text_atomically(self.folder(case) / EPOCHS, text)

    def append_epoch(self, case: Case, record: EpochRecord) -> None:
        """Add a line to ``epochs.jsonl``; a loss that is no number becomes null."""
        with self.writing(case):
            append_line(self.folder(case) / EPOCHS, _line(record))

    def write_predictions(self, case: Case, labels: NDArray[np.integer], predictions: NDArray[np.integer]) -> None:
        """Labels and predicted classes of every test image, each (N,), in the dataset's order."""
        with self.writing(case):
            write_atomically(
                self.folder(case) / PREDICTIONS,
                lambda file: np.savez_compressed(file, labels=labels, predictions=predictions),
            )

    def write_weights(self, case: Case, weights: bytes) -> None:
        """The final weights, in the safetensors format."""
        with self.writing(case):
            write_atomically(self.folder(case) / WEIGHTS, lambda file: file.write(weights))

    def hashes(self, case: Case) -> dict[str, str]:
        """SHA-256 of each of the case's files that are there beside its result."""
        paths = (self.folder(case) / name for name in (EPOCHS, PREDICTIONS, WEIGHTS))
        return {path.name: sha256_of(path) for path in paths if path.exists()}

    def write_result(self, case: Case, result: Result) -> None:
        """``result.json``, last of all files: where it stands, the others are whole."""
        with self.writing(case):
            write_text_atomically(self.folder(case) / RESULT, result.to_text())

    def read_all(self) -> tuple[list[Result], list[str]]:
        """Every result in the folder, and for each that cannot be read a line that says which and why."""
        return read_each(self.root.glob(f"*/{RESULT}"), read_in_its_place)

    def unfinished(self) -> list[str]:
        """A line for each case that was begun, has no result and can be gone on with: its folder, and how far it is."""
        folders = sorted({path.parent for path in self.root.glob("*/checkpoint-*.safetensors")})
        begun = {folder.name: _line_count(folder / EPOCHS) for folder in folders if not (folder / RESULT).exists()}
        return [
            f"not finished: {name}, {several(count, 'epoch')} so far; training it again goes on there"
            for name, count in begun.items()
        ]

    def writing(self, case: Case) -> contextlib.AbstractContextManager[None]:
        """Inside, an OSError becomes an `InputError` that says what to do about it."""
        return os_error_as_input_error(f"write results to {self.folder(case)}", _REMEDY)


def _line_count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def _line(record: EpochRecord) -> str:
    return json.dumps(record.to_json(), allow_nan=False)


def read_in_its_place(path: Path) -> Result:
    """The result in a file, which has to lie in its case's folder: a copy beside it would count a case twice.

    Raises:
        FileNotFoundError: it is not there.
        InputError: it cannot be read, is damaged, or lies elsewhere.
    """
    result = read_result(path)
    if path.parent.name != result.case.folder_name:
        raise DamagedError(f"{path} is a copy: the folder of its case is {result.case.folder_name}")
    return result


def _adopted(case: Case, files: Mapping[str, memoryview]) -> Result:
    """The result among the files, of which the others are what it says."""
    try:
        result = Result.from_text(bytes(files[RESULT]))
        if result.case.identity != case.identity:
            raise ValueError(f"it is of {result.case.label}")
        for name, sha256 in result.files.items():
            if name not in files or hashlib.sha256(files[name]).hexdigest() != sha256:
                raise ValueError(f"{name} is not the file that it vouches for")
    except ValueError as error:
        raise DamagedError(f"{case.label}: the {RESULT} that was sent is not to be trusted: {error}") from error
    return result


def _require_all_unchanged(folder: Path, result: Result) -> None:
    """Every file beside the result is there, and has the SHA-256 that the result says.

    Raises:
        DamagedError: one is not. It names the file.
        InputError: one cannot be read.
    """
    wanted = {EPOCHS} if result.epochs else set()
    if result.is_complete:
        wanted |= {PREDICTIONS, WEIGHTS}
    if lacking := sorted(wanted - result.files.keys()):
        raise DamagedError(f"{folder / RESULT} does not vouch for {lacking[0]}")
    for name, sha256 in result.files.items():
        if (folder / name).parent != folder:
            raise DamagedError(f"{folder / RESULT} vouches for a file elsewhere: {name}")
        _require_unchanged(folder / name, sha256)


def _require_unchanged(path: Path, sha256: str) -> None:
    try:
        is_unchanged = sha256_of(path) == sha256
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is gone") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not is_unchanged:
        raise DamagedError(f"{path} is damaged: its SHA-256 is not the one in {RESULT}")
