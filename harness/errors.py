"""Exceptions for faults of the input, of stored files and of other machines."""

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from harness.credentials import message_without_credentials
from harness.text import printable_lines

_Result = TypeVar("_Result")
_NAMED_FAULTS = 5


class InputError(ValueError):
    """An error in the user's input: an option, a name or a file.

    The message is one or two lines: it names the wrong value and the right one. Several faults have a line each, see
    `FaultList`. The plugin turns it into a pytest usage error, the command line into ``error: …`` and exit code 2.

    Attributes:
        faults: one message per fault if the error was raised for several, else empty.
    """

    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the message for printing: invisible characters of names escaped, credentials masked."""
        return message_without_credentials(printable_lines(super().__str__()))


class FaultList:
    """The input errors of one pass over many files, to raise them together instead of one per run.

    ``with faults:`` keeps an `InputError` of its block, and the pass continues.
    """

    def __init__(self) -> None:
        self._faults: list[str] = []
        self._only: InputError | None = None  # never all: their tracebacks hold images

    def __enter__(self) -> None:
        """Do nothing: the exit keeps the errors."""

    def __exit__(self, _: object, error: BaseException | None, traceback: TracebackType | None) -> bool:
        """Keep an `InputError`; let any other exception pass."""
        if not isinstance(error, InputError):
            return False
        self._only = None if self._faults else error
        self._faults += error.faults or (str(error),)
        return True

    def results_of(self, calls: Iterable[Callable[[], _Result]]) -> Iterator[_Result]:
        """Yield the results of the calls that succeed; keep the input errors of the others."""
        for call in calls:
            with self:
                yield call()

    def raise_any(self) -> None:
        """Raise one `InputError` that names the first faults and their number, if there are any."""
        if self._only is not None:
            raise self._only
        if self._faults:
            more = len(self._faults) - _NAMED_FAULTS
            named = [*self._faults[:_NAMED_FAULTS], *([f"and {more} more"] if more > 0 else [])]
            error = InputError("\n  ".join([f"{len(self._faults)} faults:", *named]))
            error.faults = tuple(self._faults)
            raise error


def results_of_both(first: Callable[[], _Result], second: Callable[[], _Result]) -> tuple[_Result, _Result]:
    """Return the results of both calls, or raise the input errors of both together."""
    faults = FaultList()
    results = [*faults.results_of([first, second])]
    faults.raise_any()
    return results[0], results[1]


class DamagedError(InputError):
    """A file that is damaged, foreign, or of another version. The message names the file."""


class TrainingError(RuntimeError):
    """A failed or lost training in another process or machine. The message has its traceback."""


class DeviceLostError(TrainingError):
    """The loss of a GPU for the rest of the process; the next process trains the remaining cases.

    The message is one line: what was lost, and that the same command trains the rest.

    Attributes:
        cause: the line of CUDA, or of the driver, that says so.
    """

    def __init__(self, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause
