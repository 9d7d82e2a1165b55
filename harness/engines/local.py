"""Training in this process, a case when it is asked for."""

from collections.abc import Callable, Collection
from typing import Any

from harness.case import Case
from harness.engines.engine import Engine, Order
from harness.environment import describe_environment
from harness.errors import InputError
from harness.experiment import Experiment
from harness.node import Node
from harness.results import Result
from harness.results_folder import ResultsFolder
from harness.settings import Settings
from harness.train import Listener, train


class LocalEngine(Engine):
    """Trains in this process, one case after the other."""

    def __init__(self, settings: Settings, results: ResultsFolder) -> None:
        """
        Raises:
            InputError: the device is not there or does not have the precision.
        """
        self._node, self._results = Node(settings), results

    def prepare(self, experiments: Collection[Experiment], tell: Callable[[str], None]) -> None:
        self._node.prepare(experiments, tell)

    def case(self, experiment: Experiment) -> Case:
        return self._node.case(experiment)

    def weight_bytes(self, experiment: Experiment) -> int:
        return self._node.weight_bytes(experiment)

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
            )
        except (InputError, KeyboardInterrupt):
            is_over = False
            raise
        finally:
            if is_over:
                on_over(order.case)

    def describe(self) -> str:
        return f"{self._node.device} at {self._node.precision}"

    def environment(self) -> dict[str, Any]:
        return describe_environment(self._node.device, self._node.precision)
