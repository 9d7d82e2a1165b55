"""A case's history: the epochs and attempts recorded so far, by this process and earlier ones."""

import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from harness.hardware.co_scheduling import CoSchedulingMonitor
from harness.hardware.memory import PeakMemory
from harness.results.result import Attempt, EpochRecord
from harness.results.timing import timing_changes
from harness.timestamps import utc_now
from harness.training.checkpoint_file import Checkpoint
from harness.training.command import this_command
from harness.training.environment import describe_environment
from harness.training.job import TrainingJob


class History:
    """The epochs and attempts recorded of a case so far. This process's attempt is the last.

    Attributes:
        records: one per epoch, in order.
        attempts: one per process that has trained the case.
    """

    def __init__(self, job: TrainingJob, co_scheduling: CoSchedulingMonitor) -> None:
        self.records: list[EpochRecord] = []
        self._job, self._co_scheduling = job, co_scheduling
        self._started = time.perf_counter()
        self._memory = PeakMemory(job.device)
        context = job.context
        environment = describe_environment(job.device, job.case.precision, context.machine_name)
        environment |= context.processes.to_json() | {"co_scheduled": co_scheduling.saw_other_case}
        self.attempts = [Attempt(1, utc_now(), environment, command=context.command or this_command())]

    def resume(self, kept: Checkpoint) -> None:
        """Take over a checkpoint's epochs and attempts; this process's attempt follows them."""
        self.records = list(kept.records)
        self.attempts = [*kept.attempts, replace(self.attempts[-1], first_epoch=len(self.records) + 1)]

    def take_over(self, kept: Checkpoint) -> None:
        """Take over a checkpoint's epochs and attempts, without an attempt of this process."""
        self.records, self.attempts = list(kept.records), list(kept.attempts)

    @property
    def best(self) -> EpochRecord:
        """The epoch of the highest evaluation accuracy, the first of several that have it."""
        return max(self.records, key=lambda record: record.evaluation_accuracy_percent)

    @property
    def total_seconds(self) -> float:
        """The sum of all epochs' seconds, the paper's total training time."""
        return sum(record.epoch_seconds for record in self.records)

    def library_notes(self) -> tuple[str, ...]:
        """Return a note on each change, between attempts, of the library that the case's network is from."""
        library, colon, _ = self._job.case.model.partition(":")
        versions = [(one.environment.get("versions") or {}).get(library) for one in self.attempts] if colon else []
        changes = ((old, new) for old, new in pairwise(versions) if old != new)
        return tuple(f"resumed with {library} {new} after {old}: its network may differ" for old, new in changes)

    def measure_memory_from_here(self) -> None:
        """Start measuring the attempt's peak memory again."""
        self._memory = PeakMemory(self._job.device)

    def record_warm_up(self, seconds: float, switched_off: Mapping[str, str]) -> list[str]:
        """Record the seconds of the attempt's warm-up and what is switched off.

        Returns:
            the changes of what is switched off since the attempt before, if that has trained an epoch.
        """
        last = self.attempts[-1]
        environment = dict(last.environment)
        if switched_off:
            environment["switched_off"] = dict(switched_off)
        self.attempts[-1] = replace(last, environment=environment, compile_seconds=seconds)
        if not self.records:
            return []
        before = self.attempts[-2].environment.get("switched_off", {})
        return timing_changes({**environment, "switched_off": before}, environment)

    def update_attempt(self) -> None:
        """Record the attempt's time and peak memory so far, and whether another case trained on the machine."""
        last = self.attempts[-1]
        environment = {**last.environment, "co_scheduled": self._co_scheduling.saw_other_case}
        peak, reserved = self._memory.bytes(), self._memory.reserved_bytes()
        self.attempts[-1] = replace(last, environment=environment, peak_memory_bytes=peak, peak_reserved_bytes=reserved)
        self.update_wall_seconds()

    def update_wall_seconds(self) -> None:
        """Record the attempt's time so far."""
        self.attempts[-1] = replace(self.attempts[-1], wall_seconds=time.perf_counter() - self._started)
