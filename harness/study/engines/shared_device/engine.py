"""The engine of ``--cases-per-device``: cases share a device, each in a process of its own."""

import contextlib
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import torch

from harness.config.case import Case
from harness.config.experiment import Experiment
from harness.config.settings import Settings
from harness.errors import InputError, TrainingError
from harness.hardware.device import resolve_device
from harness.results.folder import ResultsFolder
from harness.results.result import EpochRecord, Result
from harness.study.engines.background import wait_for
from harness.study.engines.case_runner import CaseRunner, Notify
from harness.study.engines.concurrent_engine import ConcurrentEngine
from harness.study.engines.engine import CaseRequest
from harness.study.engines.shared_device.capacity import cases_that_fit, mps_notice
from harness.study.engines.shared_device.task import CaseTask, Failure, Message, Notice, Resumed
from harness.study.engines.shared_device.worker_pool import KILLED, WorkerLostError, WorkerPool
from harness.study.engines.task_pickle import pickled
from harness.study.machine import Machine
from harness.text import count_noun
from harness.training.command import this_command
from harness.training.environment import describe_environment


class SharedDeviceEngine(ConcurrentEngine):
    """An engine that trains several cases at once on one device, in processes of this machine.

    Every process trains as the local engine does, in the results folder itself: it holds the case's lock, and what it
    leaves when it is killed is resumed.
    """

    def __init__(self, settings: Settings, results: ResultsFolder) -> None:
        """Resolve the device.

        Raises:
            InputError: the device is not available or does not support the precision.
        """
        device = str(resolve_device(settings.device))
        self._settings = replace(settings, device=device, cases_per_device=None)
        self._machine = Machine(self._settings)
        self._asked = settings.cases_per_device
        self._prepared: dict[str, Experiment] = {}
        self._pool: WorkerPool | None = None
        super().__init__(results)

    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None]) -> None:
        self._machine.prepare(experiments, notify)
        self._prepared |= {self.case(one).identity: one for one in experiments}

    def case(self, experiment: Experiment) -> Case:
        return self._machine.case(experiment)

    def weight_bytes(self, experiment: Experiment) -> int:
        return self._machine.weight_bytes(experiment)

    def cases_at_once(self) -> int:
        return self._sized_pool().size

    def _sized_pool(self) -> WorkerPool:
        """Return the pool; size it now, for all cases prepared so far, if it is asked for the first time.

        Finished cases count too: a resumed session trains with as many threads as the one before.
        """
        if self._pool is None:
            cases = self._prepared.values()
            size = self._asked if isinstance(self._asked, int) else cases_that_fit(self._machine, cases)
            size = max(1, min(size, len(cases)))
            self._pool = WorkerPool(size, max(1, torch.get_num_threads() // size))
            if (notice := mps_notice(self._machine.device)) is not None and size > 1:
                self._keep_notice(None, notice)
        return self._pool

    def _runner(self, request: CaseRequest) -> CaseRunner:
        return _SharingCaseRunner(request, self._settings, self._sized_pool(), self._results, self._keep_notice)

    def describe(self) -> str:
        pool, machine = self._sized_pool(), self._machine
        threads = count_noun(pool.threads, "thread")
        return f"{machine.device} at {machine.precision}, {count_noun(pool.size, 'case')} at once, {threads} each"

    def environment(self) -> dict[str, Any]:
        own = describe_environment(self._machine.device, self._machine.precision)
        pool = self._pool
        return own if pool is None else own | {"cases_per_device": pool.size, "threads": pool.threads}

    def _end(self) -> None:
        for future in self._futures.values():
            future.cancel()
        if self._pool is not None:
            wait_for(self._loop.start(self._pool.end()))
        self._loop.close()


class _SharingCaseRunner(CaseRunner):
    """A runner of one case by a worker process, which writes to the results folder itself."""

    def __init__(
        self, request: CaseRequest, settings: Settings, pool: WorkerPool, results: ResultsFolder, notify: Notify
    ) -> None:
        super().__init__(request, results, notify)
        self._settings, self._pool = settings, pool
        self._is_alone = pool.size == 1

    async def _try(self) -> Result | None:
        """Train the case by one process; retry if that is lost, or if memory ran out beside other processes."""
        task = pickled(self._task(), "--cases-per-device")
        try:
            async with self._pool.worker(alone=self._is_alone) as worker:
                self.state.node_id = worker.name
                async with contextlib.aclosing(worker.messages(task)) as messages:
                    return self._judged(await self._last(messages))
        except WorkerLostError as error:
            device, why = self._settings.device, str(error)
            self._count_lost_worker(device, device, why, error)
            if self.state.lost_workers > 1 and KILLED in why:
                self._is_alone = True  # the machine's memory may have run out beside the other processes
            alone = ", alone" if self._is_alone and self._pool.size > 1 else ""
            self._notify(self._case, f"its process was lost ({why}): resuming in a new one{alone}")
        finally:
            self.state.node_id = None
        return None

    def _task(self) -> CaseTask:
        request, settings = self.state.request, self._settings
        # A retry resumes: the first try has discarded the earlier result.
        rerun = request.rerun and not self.state.epochs
        return CaseTask(
            replace(settings, results_dir=self._results.root),
            request.experiment,
            self._case,
            rerun,
            request.accept_other_code,
            self._pool.threads,
            this_command(),
            shares_memory=not self._is_alone,
        )

    async def _last(self, messages: Any) -> Result | Failure:
        """Take over the messages of a training; return the last one."""
        async for message in messages:
            if isinstance(message, Result | Failure):
                return message
            self._take_over(message)
        raise WorkerLostError("it sent no result")

    def _take_over(self, message: Message) -> None:
        if isinstance(message, Notice):
            self._notify(message.case, message.text)
        elif isinstance(message, Resumed):
            self.state.last_record = message.record
        elif isinstance(message, EpochRecord):
            self.state.add_epochs([message])

    def _judged(self, end: Result | Failure) -> Result | None:
        """Return a result to keep, or None to retry; raise what else ended the training.

        Raises:
            WorkerLostError: the process has lost its device.
            InputError: the case cannot be trained.
            TrainingError: its training failed.
        """
        if isinstance(end, Failure):
            if end.kind == "device lost":
                raise WorkerLostError(end.error)
            if end.kind == "input":
                raise InputError(end.error)
            raise TrainingError(f"{self._case.label} failed in a process of its own\n{end.error}")
        if end.status == "out_of_memory" and not self._is_alone:
            self._is_alone = True
            self._notify(self._case, "out of memory beside other processes: it is trained again alone, after them")
            return None
        return end
