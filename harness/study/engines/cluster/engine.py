"""The Ray engine: all cases of a study at once on a cluster.

It chooses the nodes and starts a `CaseRunner` for each case in a background loop; the main thread waits for one case
after the other and reports the progress of all.
"""

import concurrent.futures
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from harness.config.case import Case
from harness.config.experiment import Experiment
from harness.config.settings import Settings
from harness.errors import InputError
from harness.results.folder import ResultsFolder
from harness.results.result import EpochRecord, Result
from harness.study.engines.cluster.background import BackgroundLoop, wait_for
from harness.study.engines.cluster.binding import bind_experiments
from harness.study.engines.cluster.case_runner import CaseRunner
from harness.study.engines.cluster.connection import Cluster
from harness.study.engines.cluster.node_pool import NodePool
from harness.study.engines.cluster.worker import BoundExperiment
from harness.study.engines.engine import CaseRequest, Engine
from harness.text import count_noun
from harness.training.callback import TolerantCallback, TrainingCallback
from harness.training.sweep_progress import Phase, SweepProgress


class RayEngine(Engine):
    """An engine that trains all cases at once on a Ray cluster."""

    def __init__(self, settings: Settings, results: ResultsFolder) -> None:
        """Connect to the cluster.

        Raises:
            InputError: the cluster does not answer, or none of its nodes has what a case needs.
        """
        super().__init__(results)
        self._cluster = Cluster(settings.ray_address)
        try:
            self._nodes = NodePool(self._cluster, settings)
        except InputError:
            self._cluster.close()
            raise
        self._loop = BackgroundLoop("ray-engine")
        self._bound: dict[Experiment, BoundExperiment] = {}
        self._runners: dict[str, CaseRunner] = {}
        self._futures: dict[str, concurrent.futures.Future[Result]] = {}
        self._notices: list[tuple[Case | None, str]] = []
        self._is_closed = False

    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None]) -> None:
        """Prepare every running node; a node that is unfit is named and gets no cases."""
        unseeded = tuple(dict.fromkeys(map(_without_seed, experiments)))
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

    def submit(self, requests: Sequence[CaseRequest], on_end: Callable[[Case], None]) -> None:
        """Start all cases at once; the result of one that is finished is read."""
        for request in requests:
            identity = request.case.identity
            if identity not in self._futures or self._futures[identity].cancelled():
                weight_bytes = self.weight_bytes(request.experiment)
                runner = CaseRunner(request, self._nodes, self._results, weight_bytes, self._keep_notice)
                self._runners[identity] = runner
                self._futures[identity] = self._loop.start(runner.run(on_end))

    def _keep_notice(self, case: Case | None, text: str) -> None:
        self._notices.append((case, text))

    def train(
        self, request: CaseRequest, callback: TrainingCallback, on_end: Callable[[Case], None]
    ) -> tuple[Result, list[EpochRecord]]:
        """Wait for the case's result; report the progress of all cases meanwhile."""
        self.submit([request], on_end)
        callback = TolerantCallback(callback)
        try:
            result = wait_for(self._futures[request.case.identity], lambda: self._report(callback))
        finally:
            self._report_notices(callback)
        return self._with_epoch_records(request, result)

    def _report(self, callback: TrainingCallback) -> None:
        self._report_notices(callback)
        callback.on_sweep(self._progress)
        if callback.should_stop():
            raise KeyboardInterrupt

    def _report_notices(self, callback: TrainingCallback) -> None:
        while self._notices:
            case, text = self._notices.pop(0)
            callback.on_notice(case, text)

    def _progress(self) -> SweepProgress:
        progress = SweepProgress()
        for identity, runner in self._runners.items():
            if self._futures[identity].cancelled():
                continue
            state = runner.state
            progress.add(state.request.case, state.epochs, state.seconds, state.last_record, self._phase(identity))
        return progress

    def _phase(self, identity: str) -> Phase:
        if self._futures[identity].done():
            return "done"
        return "waiting" if self._runners[identity].state.node_id is None else "running"

    def results_so_far(self) -> list[Result]:
        done = [future for future in self._futures.values() if future.done() and not future.cancelled()]
        return [future.result() for future in done if future.exception() is None]

    def describe(self) -> str:
        return f"{self._cluster.describe()}, {self._nodes.share} per case"

    def environment(self) -> dict[str, Any]:
        return {"engine": "ray", "cluster": self._cluster.describe(), "per_case": str(self._nodes.share)}

    def summary(self) -> list[str]:
        """Return a line that says how many cases lost workers, and on which nodes."""
        lost_on = [runner.state.lost_on for runner in self._runners.values() if runner.state.lost_on]
        if not lost_on:
            return []
        lost_workers = Counter(name for names in lost_on for name in names)
        places = ", ".join(f"{count_noun(count, 'time')} on {name}" for name, count in lost_workers.items())
        return [f"workers of {count_noun(len(lost_on), 'case')} were lost: {places}"]

    def cancel(self, cases: Collection[Case]) -> None:
        """Cancel the cases that wait or are in training; training them again resumes from the last report."""
        for case in cases:
            self._futures[case.identity].cancel()

    def close(self) -> None:
        """Cancel outstanding cases and leave the cluster."""
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.close()
        self._cluster.close()


def _without_seed(experiment: Experiment) -> Experiment:
    """Return the experiment with seed 0: nothing about its case but the seed depends on the seed."""
    return replace(experiment, seed=0)
