"""The part that engines share which train several cases at the same time.

Each case has a `CaseRunner` in a background loop; the main thread waits for one case after the other and reports the
progress of all.
"""

import abc
import concurrent.futures
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from harness.config.case import Case
from harness.results.folder import ResultsFolder
from harness.results.result import EpochRecord, Result
from harness.study.engines.background import BackgroundLoop, wait_for
from harness.study.engines.case_runner import CaseRunner
from harness.study.engines.engine import CaseRequest, Engine
from harness.text import count_noun
from harness.training.callback import TolerantCallback, TrainingCallback
from harness.training.sweep_progress import Phase, SweepProgress


class ConcurrentEngine(Engine):
    """An engine that trains several cases at the same time."""

    def __init__(self, results: ResultsFolder) -> None:
        """Start the background loop."""
        super().__init__(results)
        self._loop = BackgroundLoop("engine")
        self._runners: dict[str, CaseRunner] = {}
        self._futures: dict[str, concurrent.futures.Future[Result]] = {}
        self._notices: list[tuple[Case | None, str]] = []
        self._is_closed = False

    @abc.abstractmethod
    def _runner(self, request: CaseRequest) -> CaseRunner:
        """Return a runner of the case."""

    @abc.abstractmethod
    def _end(self) -> None:
        """End the background loop and what trains the cases."""

    def submit(self, requests: Sequence[CaseRequest], on_end: Callable[[Case], None]) -> None:
        """Start all cases, or let them wait for a worker; the result of one that is finished is read."""
        for request in requests:
            identity = request.case.identity
            if identity not in self._futures or self._futures[identity].cancelled():
                runner = self._runners[identity] = self._runner(request)
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

    def summary(self) -> list[str]:
        """Return a line that says how many cases lost workers, and where."""
        lost_on = [runner.state.lost_on for runner in self._runners.values() if runner.state.lost_on]
        if not lost_on:
            return []
        lost_workers = Counter(name for names in lost_on for name in names)
        places = ", ".join(f"{count_noun(count, 'time')} on {name}" for name, count in lost_workers.items())
        return [f"workers of {count_noun(len(lost_on), 'case')} were lost: {places}"]

    def cancel(self, cases: Collection[Case]) -> None:
        """Cancel the cases that wait or are in training; training them again resumes from what is recorded."""
        for case in cases:
            self._futures[case.identity].cancel()

    def close(self) -> None:
        """Cancel outstanding cases, and end what trains them."""
        if not self._is_closed:
            self._is_closed = True
            self._end()
