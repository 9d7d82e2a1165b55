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
from harness.study.engines.engine import Engine, Order
from harness.study.machine import Node
from harness.training.environment import describe_environment
from harness.training.process_group import ALONE, Ranks, own_device
from harness.training.train import Listener, train
from harness.training.trainers.data_parallel import Follower


class LocalEngine(Engine):
    """Trains in this process, one case after the other."""

    def __init__(self, settings: Settings, results: ResultsFolder, ranks: Ranks = ALONE) -> None:
        """
        Args:
            ranks: the processes that train every case together.

        Raises:
            InputError: the device is not there or does not have the precision.
        """
        device = own_device(resolve_device(settings.device), ranks)
        self._node, self._results, self._ranks = Node(replace(settings, device=device)), results, ranks

    def prepare(self, experiments: Collection[Experiment], tell: Callable[[str], None]) -> None:
        self._node.prepare(experiments, tell)

    def case(self, experiment: Experiment) -> Case:
        return self._node.case(experiment)

    def weight_bytes(self, experiment: Experiment) -> int:
        return self._node.weight_bytes(experiment)

    def submit(self, orders: Sequence[Order], on_over: Callable[[Case], None]) -> None:
        """As in `Engine`: nothing is trained yet, but all processes are ready to."""
        self._ranks.use(self._node.device)

    def follow(self, order: Order) -> Any:
        """As in `Engine`."""
        dataset, _ = self._node.dataset(order.experiment)
        return self._ranks.follow(Follower(order.case, dataset, self._node.device, self._ranks).obey)

    def result(self, order: Order, listener: Listener, on_over: Callable[[Case], None]) -> Result:
        dataset, verified = self._node.dataset(order.experiment)
        is_over = True
        try:
            return train(
                order.case,
                dataset,
                self._results,
                self._node.device,
                rerun=order.rerun,
                dataset_verified=verified,
                listener=listener,
                ranks=self._ranks,
            )
        except (InputError, KeyboardInterrupt):
            is_over = False
            raise
        finally:
            if is_over:
                on_over(order.case)

    def describe(self) -> str:
        ranks, device = self._ranks, self._node.device
        on = f"{ranks.size} processes, on {device.type}" if ranks.are_several else str(device)
        return f"{on} at {self._node.precision}"

    def environment(self) -> dict[str, Any]:
        return describe_environment(self._node.device, self._node.precision)
