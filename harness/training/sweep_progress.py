"""How far a sweep is: cases that are trained at the same time. Needs no torch."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from harness.config.case import Case
from harness.results.result import EpochRecord

Phase = Literal["waiting", "running", "done"]


@dataclass
class _Trained:
    """What was trained of one model on one dataset."""

    epochs: int = 0
    seconds: float = 0.0


class SweepProgress:
    """How far each case of a sweep is.

    Attributes:
        running: cases in training, with their last epoch's record, None before the first.
    """

    def __init__(self) -> None:
        self.running: list[tuple[Case, EpochRecord | None]] = []
        self._phases: dict[Phase, int] = {"waiting": 0, "running": 0, "done": 0}
        self._epochs_left: dict[tuple[str, str], int] = defaultdict(int)
        self._trained: dict[tuple[str, str], _Trained] = defaultdict(_Trained)

    def add(self, case: Case, epochs: int, seconds: float, last: EpochRecord | None, phase: Phase) -> None:
        """Take a case into account.

        Args:
            epochs, seconds: that were trained in this sweep.
            last: the last one's record.
        """
        self._phases[phase] += 1
        kind = (case.dataset, case.model)
        self._trained[kind].epochs += epochs
        self._trained[kind].seconds += seconds
        if phase != "done":
            self._epochs_left[kind] += case.recipe.epochs - (last.epoch if last else 0)
        if phase == "running":
            self.running.append((case, last))

    @property
    def done(self) -> int:
        """Cases that have come to their end."""
        return self._phases["done"]

    @property
    def cases(self) -> int:
        """All cases."""
        return sum(self._phases.values())

    @property
    def seconds_left(self) -> float | None:
        """About how long it will still take; None before the first epoch is finished.

        Epochs that are left take what the same model's took, or, where it has had none, what all took in the mean; as
        many cases are trained at once as now.
        """
        epochs = sum(one.epochs for one in self._trained.values())
        if not epochs or not self.running:
            return None
        mean = sum(one.seconds for one in self._trained.values()) / epochs
        left = 0.0
        for kind, count in self._epochs_left.items():
            same = self._trained[kind]
            left += count * (same.seconds / same.epochs if same.epochs else mean)
        return left / len(self.running)
