"""The local engine: one case after the other in this process, or data-parallel under torchrun."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from harness.config.case import Case
from harness.config.experiment import Experiment
from harness.config.settings import Settings
from harness.errors import DeviceLostError, InputError
from harness.hardware.device import resolve_device
from harness.results.folder import ResultsFolder
from harness.results.result import EpochRecord, Result
from harness.study.engines.engine import CaseRequest, Engine
from harness.study.machine import Machine
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.environment import describe_environment
from harness.training.process_group import SINGLE_PROCESS, ProcessGroup
from harness.training.torchrun import own_device
from harness.training.train import train
from harness.training.trainers.data_parallel import Follower, require_divisible


class LocalEngine(Engine):
    """An engine that trains each case in this process, on request, together with all ranks."""

    def __init__(self, settings: Settings, results: ResultsFolder, processes: ProcessGroup = SINGLE_PROCESS) -> None:
        """Resolve the device of this process.

        Args:
            processes: the process group that trains every case together.

        Raises:
            InputError: the device is not available or does not support the precision.
        """
        super().__init__(results)
        device = own_device(resolve_device(settings.device), processes)
        self._machine, self._processes = Machine(replace(settings, device=device)), processes
        processes.is_sharded = settings.fsdp

    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None]) -> None:
        self._machine.prepare(experiments, notify)
        for experiment in experiments:
            require_divisible(self.case(experiment), self._machine.dataset(experiment)[0], self._processes)

    def case(self, experiment: Experiment) -> Case:
        return self._machine.case(experiment)

    def weight_bytes(self, experiment: Experiment) -> int:
        return self._machine.weight_bytes(experiment)

    def epoch_operations(self, experiment: Experiment) -> float:
        return self._machine.epoch_operations(experiment)

    def submit(self, requests: Sequence[CaseRequest], on_end: Callable[[Case], None]) -> None:
        """Bind the process group to its devices; a case is trained when `train` is called."""
        self._processes.use_device(self._machine.device)

    def train(
        self, request: CaseRequest, callback: TrainingCallback, on_end: Callable[[Case], None]
    ) -> tuple[Result, list[EpochRecord]]:
        """Train the case now; ranks other than 0 run rank 0's commands and return its result and records."""
        if self._processes.is_rank_zero:
            return self._processes.run_on_rank_zero(lambda: self._train(request, callback, on_end))
        dataset, _ = self._machine.dataset(request.experiment)
        follower = Follower(request.case, dataset, self._machine.device, self._processes)
        followed: tuple[Result, list[EpochRecord]] = self._processes.follow(follower.execute)
        return followed

    def _train(
        self, request: CaseRequest, callback: TrainingCallback, on_end: Callable[[Case], None]
    ) -> tuple[Result, list[EpochRecord]]:
        dataset, verified = self._machine.dataset(request.experiment)
        context = TrainingContext(callback, self._processes, verified)
        try:
            result = train(
                request.case,
                dataset,
                self._results,
                self._machine.device,
                rerun=request.rerun,
                accept_other_code=request.accept_other_code,
                context=context,
            )
        # Not KeyboardInterrupt, pytest's Failed and others that stop a training from outside.
        except Exception as error:
            if not isinstance(error, InputError | DeviceLostError) and not callback.is_stop(error):
                on_end(request.case)
            raise
        on_end(request.case)
        return self._with_epoch_records(request, result)

    def describe(self) -> str:
        processes, device = self._processes, self._machine.device
        sharded = ", sharded" if processes.is_sharded else ""
        on = f"{processes.world_size} processes{sharded}, on {device.type}" if processes.is_distributed else str(device)
        return f"{on} at {self._machine.precision}"

    def environment(self) -> dict[str, Any]:
        return describe_environment(self._machine.device, self._machine.precision)
