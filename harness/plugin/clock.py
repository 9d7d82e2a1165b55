"""A clock that replays recorded epochs to pytest-benchmark."""

from collections.abc import Iterator


class RecordedClock:
    """A timer that advances by recorded epoch times only: pytest-benchmark's rounds equal them.

    Rewind it to 0 before every round: only from 0 is the difference of two readings exact.

    Attributes:
        __name__: the name in pytest-benchmark's JSON, stable unlike the object's address.
    """

    __name__ = "RecordedClock"

    def __init__(self) -> None:
        self._now_seconds = 0.0
        self._epoch_seconds: Iterator[float] = iter(())

    def load(self, epoch_seconds: tuple[float, ...]) -> None:
        """Set the epochs to play next."""
        self._epoch_seconds = iter(epoch_seconds)

    def rewind(self) -> None:
        """Return to 0, the start of every round."""
        self._now_seconds = 0.0

    def play_epoch(self) -> None:
        """Advance by the next epoch; stand still after the last one (a profiler calls one more time)."""
        self._now_seconds += next(self._epoch_seconds, 0.0)

    def __call__(self) -> float:
        return self._now_seconds
