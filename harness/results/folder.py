"""The results folder, with one subfolder per case; a lock admits one writing process per case.

A case's folder holds ``epochs.jsonl`` (one line appended per epoch), ``predictions.npz`` (test labels and predicted
classes), ``logits.npy``, ``weights.safetensors``, checkpoints while it trains, and last ``result.json``.
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
    remove_temporary_files,
    write_atomically,
    write_text_atomically,
)
from harness.foreign_files import sha256_of
from harness.results.case_folder import RESULT, find_case_folder
from harness.results.checked_files import (
    EPOCHS,
    LOGITS,
    PREDICTIONS,
    WEIGHTS,
    ContradictedError,
    checked_path,
    read_curve,
    read_predictions,
    require_unchanged,
)
from harness.results.listing import list_unfinished, read_all_results
from harness.results.reading import parse_result, read_epoch_records, read_result
from harness.results.result import EpochRecord, LearningCurve, Result
from harness.results.training_now import LOCK, is_in_training

FILES = (RESULT, EPOCHS, PREDICTIONS, LOGITS, WEIGHTS)  # the result first: it has the SHA-256 of the others
_PROBE_SECONDS = 0.05  # a report that looks who trains a case holds its lock for microseconds: it is tried twice
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
            lock = filelock.FileLock(folder / LOCK, thread_local=False)
            try:
                lock.acquire(timeout=-1 if wait else _PROBE_SECONDS)
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
        """Return the case's ``result.json``, None if there is no valid one; the other files are not checked.

        Raises:
            InputError: the file, or the case's folder, cannot be read.
        """
        with contextlib.suppress(FileNotFoundError, DamagedError):
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
        require_unchanged(path.parent, result)
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
        return read_epoch_records(self.folder(case) / EPOCHS, case.recipe.epochs)

    def read_curve(self, result: Result) -> LearningCurve:
        """Read the learning curve of a result.

        Raises:
            DamagedError: the epoch records are missing or damaged, or contradict the result.
            InputError: the epoch records cannot be read.
        """
        return read_curve(self.folder(result.case), result)

    def read_predictions(self, result: Result) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """Read test labels and predicted classes of a complete result, each (N,), in the dataset's order.

        Raises:
            DamagedError: the predictions are missing or damaged, or contradict the result.
            InputError: the predictions cannot be read.
        """
        return read_predictions(self.folder(result.case), result)

    def contradiction(self, result: Result) -> str | None:
        """Return the contradiction between a result and its predictions or epochs, or None."""
        # No number of a result rests on its logits: they are checked when they are read.
        reads: list[Callable[[Path, Result], object]] = [read_predictions] if result.is_complete else []
        for read in (*reads, read_curve) if result.epochs else reads:
            try:
                read(self.folder(result.case), result)
            except ContradictedError as error:
                return str(error)
            except InputError:
                continue
        return None

    def weights_path(self, result: Result) -> Path:
        """Return the path of a complete result's weights, after checking them.

        Raises:
            DamagedError: the weights are missing or damaged.
            InputError: the weights cannot be read.
        """
        return checked_path(self.folder(result.case), result, WEIGHTS)

    def is_in_training(self, result: Result) -> bool:
        """Return whether a process trains the result's case again, or has done so since the result was read."""
        if is_in_training(self.folder(result.case)):
            return True
        with contextlib.suppress(FileNotFoundError, InputError):
            return read_result(self.folder(result.case) / RESULT).finished_at != result.finished_at
        return False

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

    def write_logits(self, case: Case, logits: NDArray[np.float16]) -> None:
        """Write the logits of every test image, (N, classes), in the dataset's order."""
        with self.writing(case):
            write_atomically(self.folder(case) / LOGITS, lambda file: np.save(file, logits))

    def write_weights(self, case: Case, weights: bytes) -> None:
        """Write the final weights, in the safetensors format."""
        with self.writing(case):
            write_atomically(self.folder(case) / WEIGHTS, lambda file: file.write(weights))

    def hashes(self, case: Case) -> dict[str, str]:
        """Return the SHA-256 of each of the case's files except the result, by name."""
        paths = (self.folder(case) / name for name in FILES[1:])
        return {path.name: sha256_of(path, path.stat().st_size) for path in paths if path.exists()}

    def write_result(self, case: Case, result: Result) -> None:
        """Write ``result.json`` after all other files: if it exists, they are complete."""
        with self.writing(case):
            write_text_atomically(self.folder(case) / RESULT, result.to_text())

    def read_all(self) -> tuple[list[Result], list[str]]:
        """Read every result in the folder; return them and a message for each that cannot be read.

        Raises:
            InputError: the results folder itself cannot be read.
        """
        return read_all_results(self.root)

    def unfinished(self) -> tuple[list[str], list[str]]:
        """List started cases with their epoch counts; return them, and a message for each unreadable folder.

        Raises:
            InputError: the results folder itself cannot be read.
        """
        return list_unfinished(self.root)

    def writing(self, case: Case) -> contextlib.AbstractContextManager[None]:
        """Turn an OSError inside the block into an `InputError` that says what to do."""
        return os_error_as_input_error(f"write results to {self.folder(case)}", _REMEDY)


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
