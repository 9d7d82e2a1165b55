"""The Ray engine: all cases of a study at once on a cluster.

It chooses the nodes, and each case has a `NodeCaseRunner`.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from harness.config.case import Case
from harness.config.experiment import Experiment
from harness.config.settings import Settings
from harness.errors import InputError
from harness.results.folder import ResultsFolder
from harness.study.engines.cluster.binding import bind_experiments
from harness.study.engines.cluster.case_runner import NodeCaseRunner
from harness.study.engines.cluster.connection import Cluster
from harness.study.engines.cluster.node_pool import NodePool
from harness.study.engines.cluster.worker import BoundExperiment
from harness.study.engines.concurrent_engine import ConcurrentEngine
from harness.study.engines.engine import CaseRequest


class RayEngine(ConcurrentEngine):
    """An engine that trains all cases at once on a Ray cluster."""

    def __init__(self, settings: Settings, results: ResultsFolder) -> None:
        """Connect to the cluster.

        Raises:
            InputError: the cluster does not answer, or none of its nodes has what a case needs.
        """
        self._cluster = Cluster(settings.ray_address)
        try:
            self._nodes = NodePool(self._cluster, settings)
        except InputError:
            self._cluster.close()
            raise
        super().__init__(results)
        self._bound: dict[Experiment, BoundExperiment] = {}

    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None]) -> None:
        """Prepare every running node; a node that is unfit is named and gets no cases."""
        unseeded = tuple(dict.fromkeys(map(_without_seed, experiments)))
        self._nodes.report_compiling(notify)
        bound = bind_experiments(unseeded, self._nodes, self._loop, notify)
        for experiment, one in zip(unseeded, bound, strict=True):
            resolved = replace(experiment, recipe=one.case.recipe, mode=one.case.mode)
            self._bound |= {experiment: one, resolved: one}

    def case(self, experiment: Experiment) -> Case:
        return replace(self._bound[_without_seed(experiment)].case, seed=experiment.seed)

    def weight_bytes(self, experiment: Experiment) -> int:
        return self._bound[_without_seed(experiment)].weight_bytes

    def cases_at_once(self) -> int:
        return self._nodes.cases_at_once()

    def _runner(self, request: CaseRequest) -> NodeCaseRunner:
        weight_bytes = self.weight_bytes(request.experiment)
        return NodeCaseRunner(request, self._nodes, self._results, weight_bytes, self._keep_notice)

    def describe(self) -> str:
        return f"{self._cluster.describe()}, {self._nodes.share} per case"

    def environment(self) -> dict[str, Any]:
        return {"engine": "ray", "cluster": self._cluster.describe(), "per_case": str(self._nodes.share)}

    def _end(self) -> None:
        """Cancel outstanding cases and leave the cluster."""
        self._loop.close()
        self._cluster.close()


def _without_seed(experiment: Experiment) -> Experiment:
    """Return the experiment with seed 0: nothing about its case but the seed depends on the seed."""
    return replace(experiment, seed=0)
