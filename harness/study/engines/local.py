"""Training in this process, a case when it is asked for; together with other processes where torchrun started them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from harness.config.case import Case
from harness.config.experiment import Experiment
from harness.config.settings import Settings
from harness.errors import InputError
from harness.hardware.device import resolve_device
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.study.engines.engine import CaseRequest, Engine
from harness.study.machine import Machine
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.environment import describe_environment
from harness.training.process_group import SINGLE_PROCESS, ProcessGroup
from harness.training.torchrun import own_device
from harness.training.train import train
from harness.training.trainers.data_parallel import Follower


class LocalEngine(Engine):
    """Trains in this process, one case after the other."""

    def __init__(self, settings: Settings, results: ResultsFolder, processes: ProcessGroup = SINGLE_PROCESS) -> None:
        """
        Args:
            processes: the processes that train every case together.

        Raises:
            InputError: the device is not there or does not have the precision.
        """
        device = own_device(resolve_device(settings.device), processes)
        self._machine, self._results, self._processes = Machine(replace(settings, device=device)), results, processes

    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None]) -> None:
        self._machine.prepare(experiments, notify)

    def case(self, experiment: Experiment) -> Case:
        return self._machine.case(experiment)

    def weight_bytes(self, experiment: Experiment) -> int:
        return self._machine.weight_bytes(experiment)

    def submit(self, requests: Sequence[CaseRequest], on_over: Callable[[Case], None]) -> None:
        """As in `Engine`: nothing is trained yet, but all processes are ready to."""
        self._processes.use_device(self._machine.device)

    def follow(self, request: CaseRequest) -> Any:
        """As in `Engine`."""
        dataset, _ = self._machine.dataset(request.experiment)
        return self._processes.follow(Follower(request.case, dataset, self._machine.device, self._processes).execute)

    def result(self, request: CaseRequest, callback: TrainingCallback, on_over: Callable[[Case], None]) -> Result:
        dataset, verified = self._machine.dataset(request.experiment)
        is_over = True
        try:
            return train(
                request.case,
                dataset,
                self._results,
                self._machine.device,
                rerun=request.rerun,
                context=TrainingContext(callback, self._processes, verified),
            )
        except (InputError, KeyboardInterrupt):
            is_over = False
            raise
        finally:
            if is_over:
                on_over(request.case)

    def describe(self) -> str:
        processes, device = self._processes, self._machine.device
        on = f"{processes.world_size} processes, on {device.type}" if processes.is_distributed else str(device)
        return f"{on} at {self._machine.precision}"

    def environment(self) -> dict[str, Any]:
        return describe_environment(self._machine.device, self._machine.precision)
