"""A sweep: all cases of a study at once on a Ray cluster, each followed until its result lies in the results folder.

This process alone writes to the results folder. So a case has one result however often it was tried, and what a node
has reported is what a lost case goes on from.
"""

import asyncio
import concurrent.futures
import contextlib
import re
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from ray import exceptions

from harness.config.case import Case
from harness.config.experiment import Experiment
from harness.config.settings import Settings, default_data_dir
from harness.errors import InputError, TrainingError
from harness.results.folder import EPOCHS, ResultsFolder
from harness.results.result import EpochRecord, Result
from harness.study.engines.cluster.connection import Cluster
from harness.study.engines.cluster.worker import (
    BoundExperiment,
    CaseError,
    EpochReport,
    NodeBinding,
    Preparation,
    Training,
    difference,
)
from harness.study.engines.engine import CaseRequest, Engine
from harness.text import several
from harness.training import checkpoint
from harness.training.callback import TrainingCallback
from harness.training.command import this_command
from harness.training.sweep_progress import Phase, SweepProgress
from harness.training.train import find_finished, remove_checkpoints

# A case is given up when it has been lost this often in a row without getting further.
MOST_LOSSES = 3
_LOST = (
    exceptions.WorkerCrashedError,
    exceptions.NodeDiedError,
    exceptions.ObjectLostError,
    exceptions.ObjectFetchTimedOutError,
)
_POLL_SECONDS = 0.2
_LOCK_SECONDS = 1.0
_NODE_SECONDS = 5.0


@dataclass
class _CaseState:
    """What became of a case so far.

    Attributes:
        node_id: where it is being trained now.
        epochs, seconds, last: epochs that nodes reported, the seconds of them, and the last one's record.
        furthest: the last epoch that it ever finished.
        losses: in a row, without getting further: what is lost once it is there again would be tried for ever.
        lost_on: nodes that it was lost on, each time.
        avoided: ids of those that it was lost on since it last got further.
        lack_of_memory: why Ray killed it, if it did for that.
        is_locked: whether this process is the one that writes to the case's folder.
        are_files_new: whether the folder has the case's files from this run.
    """

    request: CaseRequest
    node_id: str | None = None
    epochs: int = 0
    seconds: float = 0.0
    last: EpochRecord | None = None
    furthest: int = 0
    losses: int = 0
    lost_on: list[str] = field(default_factory=list)
    avoided: set[str] = field(default_factory=set)
    lack_of_memory: str | None = None
    is_locked: bool = False
    are_files_new: bool = False


class RayEngine(Engine):
    """Trains all cases at once on a Ray cluster."""

    def __init__(self, settings: Settings, results: ResultsFolder) -> None:
        """
        Raises:
            InputError: the cluster is not there, or no node of it has what a case asks for.
        """
        self._settings, self._results = settings, results
        self._data_dir: Path | None = None if settings.data_dir == default_data_dir() else settings.data_dir
        self._cluster = Cluster(settings.ray_address)
        try:
            self._share = self._cluster.share(settings)
        except InputError:
            self._cluster.close()
            raise
        # The nodes need not know where results and reports lie, and have one device each: the one that they are given.
        self._node_settings = replace(settings, device="cuda" if self._share.gpus else "cpu")
        self._unfit: dict[str, str] = {}
        self._templates: dict[Experiment, BoundExperiment] = {}
        self._states: dict[str, _CaseState] = {}
        self._futures: dict[str, concurrent.futures.Future[Result]] = {}
        self._notices: list[tuple[Case | None, str]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sweep", daemon=True)
        self._thread.start()
        self._is_closed = False

    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None]) -> None:
        """As in `Engine`, on every node that is up. One that is not fit is told by its name, and given nothing."""
        templates = tuple(dict.fromkeys(_template(one) for one in experiments))
        task = Preparation(self._node_settings, self._data_dir, templates)
        bindings = self._bind(task, self._nodes_with_room(notify), notify)
        if not bindings:
            reasons = "\n".join(f"node {self._cluster.name(one)}: {why}" for one, why in self._unfit.items())
            raise InputError(f"no node of the cluster is fit for these cases\n{reasons}")
        chosen = self._agreed(bindings)
        for line in chosen.told:
            notify(line)
        for node_id, why in self._unfit.items():
            notify(f"node {self._cluster.name(node_id)} is given no case: {why}")
        self._templates = dict(zip(templates, chosen.bound, strict=True))

    def _nodes_with_room(self, notify: Callable[[str], None]) -> list[str]:
        """The nodes that have what a case asks for; waited for where there is none yet."""
        demand = None
        while True:
            found = [one for one, resources in self._cluster.nodes.items() if self._share.fits(resources)]
            if found:
                if demand is not None:
                    self._cluster.cancel(demand)
                return found
            if demand is None:
                notify(f"waiting for a node with {self._share}: {self._cluster.describe()} has none such")
                # An autoscaler looks at what is waiting.
                demand = self._cluster.run(Preparation(self._node_settings, self._data_dir, ()), self._share)
            time.sleep(_NODE_SECONDS)

    def _bind(self, task: Preparation, nodes: Sequence[str], notify: Callable[[str], None]) -> list[NodeBinding]:
        """What every node makes of the experiments; the reasons of those that are not fit are kept."""
        if not self._cluster.is_own:
            notify(f"{several(len(nodes), 'node')} of the cluster: finding, fetching and verifying the data there")
        coroutines = [self._binding(node_id, self._cluster.run(task, self._share, on=node_id)) for node_id in nodes]
        bound = self._wait(asyncio.run_coroutine_threadsafe(_gather(coroutines), self._loop))
        return [one for one in bound if one is not None]

    async def _binding(self, node_id: str, task: Any) -> NodeBinding | None:
        try:
            async with contextlib.aclosing(_said(task)) as reports:
                async for said in reports:
                    if isinstance(said, NodeBinding):
                        return said
                    self._unfit[node_id] = said[1]
        except exceptions.RayTaskError as error:
            self._unfit[node_id] = _reason(error)
        except exceptions.RayError as error:
            self._unfit[node_id] = f"it was lost ({type(error).__name__})"
        return None

    def _agreed(self, bindings: Sequence[NodeBinding]) -> NodeBinding:
        """What most nodes make of the experiments; the others would train other cases, and are not fit."""
        identities = [tuple(bound.case.identity for bound in binding.bound) for binding in bindings]
        most, _ = Counter(identities).most_common(1)[0]
        chosen = bindings[identities.index(most)]
        for binding in bindings:
            for ours, theirs in zip(chosen.bound, binding.bound, strict=True):
                if ours.case.identity != theirs.case.identity:
                    why = difference(ours.case, theirs.case)
                    self._unfit[binding.node_id] = f"{ours.case.label} would be another case there: {why}"
        return chosen

    def case(self, experiment: Experiment) -> Case:
        return replace(self._templates[_template(experiment)].case, seed=experiment.seed)

    def weight_bytes(self, experiment: Experiment) -> int:
        return self._templates[_template(experiment)].weight_bytes

    def cases_at_once(self) -> int:
        return max(1, sum(map(self._share.times_in, self._cluster.nodes.values())))

    def submit(self, requests: Sequence[CaseRequest], on_over: Callable[[Case], None]) -> None:
        """As in `Engine`: all at once. Of a case that is finished already, the result is read."""
        for request in requests:
            identity = request.case.identity
            if identity not in self._futures:
                state = self._states[identity] = _CaseState(request)
                self._futures[identity] = asyncio.run_coroutine_threadsafe(self._case(state, on_over), self._loop)

    def result(self, request: CaseRequest, callback: TrainingCallback, on_over: Callable[[Case], None]) -> Result:
        if request.case.identity not in self._futures:
            self.submit([request], on_over)
        future = self._futures[request.case.identity]
        try:
            result: Result = self._wait(future, callback)
            return result
        finally:
            self._notify(callback)

    def _wait(self, future: "concurrent.futures.Future[Any]", callback: TrainingCallback | None = None) -> Any:
        """What the future comes to; Ctrl-C is heeded, and the listener kept up to date."""
        while not future.done():
            concurrent.futures.wait([future], timeout=_POLL_SECONDS)
            if callback is not None:
                self._notify(callback)
                callback.on_sweep(self._state)
                if callback.should_stop():
                    raise KeyboardInterrupt
        return future.result()

    def _notify(self, callback: TrainingCallback) -> None:
        while self._notices:
            case, text = self._notices.pop(0)
            callback.on_notice(case, text)

    def _state(self) -> SweepProgress:
        state = SweepProgress()
        for identity, one in list(self._states.items()):
            state.add(one.request.case, one.epochs, one.seconds, one.last, self._phase(identity))
        return state

    def _phase(self, identity: str) -> Phase:
        if self._futures[identity].done():
            return "done"
        return "waiting" if self._states[identity].node_id is None else "running"

    def results_so_far(self) -> list[Result]:
        done = [future for future in self._futures.values() if future.done() and not future.cancelled()]
        return [future.result() for future in done if future.exception() is None]

    def describe(self) -> str:
        return f"{self._cluster.describe()}, {self._share} a case"

    def environment(self) -> dict[str, Any]:
        return {"engine": "ray", "cluster": self._cluster.describe(), "per_case": str(self._share)}

    def summary(self) -> list[str]:
        lost = [(one.request.case.label, node) for one in self._states.values() for node in one.lost_on]
        if not lost:
            return []
        where = ", ".join(f"{several(count, 'time')} on {node}" for node, count in Counter(n for _, n in lost).items())
        return [f"workers of {several(len({label for label, _ in lost}), 'case')} were lost: {where}"]

    def close(self) -> None:
        """As in `Engine`: what is outstanding is cancelled."""
        if self._is_closed:
            return
        self._is_closed = True
        done = asyncio.run_coroutine_threadsafe(_stop_all_others(), self._loop)
        with contextlib.suppress(TimeoutError):
            done.result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._cluster.close()

    async def _case(self, state: _CaseState, on_over: Callable[[Case], None]) -> Result:
        """The case's result: read where it is finished, else trained, as often as it takes."""
        request, is_over = state.request, True
        try:
            finished = await self._off_loop(_finished, request.case, self._results)
            with contextlib.ExitStack() as lock:
                result: Result | None = None if request.rerun else finished
                while result is None:
                    result = await self._try(state, lock)
                return result
        except (InputError, asyncio.CancelledError):
            is_over = False
            raise
        finally:
            state.node_id = None
            if is_over:
                on_over(request.case)

    async def _try(self, state: _CaseState, lock: contextlib.ExitStack) -> Result | None:
        """Have the case trained once: its result, or None where it has to be tried again."""
        state.node_id = None
        task = self._cluster.run(self._task(state), self._share, not_on=self._avoided(state))
        try:
            return await self._follow(state, task, lock)
        except exceptions.OutOfMemoryError as error:
            if state.lack_of_memory is not None:  # even to record it takes too much
                raise self._failure(state, error) from error
            state.lack_of_memory = str(error).strip().partition("\n")[0]
        except _LOST as error:
            self._handle_lost_worker(state, error)
        except exceptions.RayError as error:
            raise self._failure(state, error) from error
        except BaseException:  # nobody listens any more: the worker would train on, and keep its share of the node
            self._cluster.cancel(task)
            raise
        return None

    def _avoided(self, state: _CaseState) -> frozenset[str]:
        """Nodes that are not to have the case: the unfit, and, where there are others, those that have just lost it."""
        unfit = frozenset(self._unfit)
        return unfit | state.avoided if state.avoided and self._is_any_fit(unfit | state.avoided) else unfit

    def _is_any_fit(self, but: Collection[str]) -> bool:
        return any(self._share.fits(has) for one, has in self._cluster.nodes.items() if one not in but)

    def _failure(self, state: _CaseState, error: exceptions.RayError) -> Exception:
        """What a case's test is told of an error that its worker came to."""
        node, cause = self._cluster.name(state.node_id or ""), getattr(error, "cause", None)
        if isinstance(cause, CaseError):
            return InputError(f"{cause}\n(on node {node})")
        return TrainingError(f"{state.request.case.label} failed on node {node}\n{_plain(error)}")

    async def _follow(self, state: _CaseState, task: Any, lock: contextlib.ExitStack) -> Result | None:
        """Take over what the worker reports, to its last report: the result."""
        case = state.request.case
        async with contextlib.aclosing(_said(task)) as reports:
            async for said in reports:
                if isinstance(said, tuple):
                    self._exclude(*said)
                    return None
                if state.node_id is None and await self._acquire_case_lock(state, lock, task):
                    return find_finished(case, self._results)
                result = await self._take_over(state, said)
                if result is not None and result.status != "failed":  # then the error itself comes next
                    return result
        raise TrainingError(f"{case.label}: its worker ended without a result")

    async def _take_over(self, state: _CaseState, report: EpochReport) -> Result | None:
        """Put what a node reported into the results folder: the case's result, where training has ended."""
        case = state.request.case
        state.node_id = report.node_id
        self._notices += [(case, text) for text in report.notices]
        if report.records:
            state.epochs += len(report.records)
            state.seconds += sum(record.epoch_seconds for record in report.records)
            state.last = report.records[-1]
            if state.last.epoch > state.furthest:
                state.furthest, state.losses = state.last.epoch, 0
                state.avoided.clear()
        if not report.files:
            return None
        result: Result | None = await self._to_its_end(_keep, self._results, case, report, not state.are_files_new)
        state.are_files_new = True
        return result

    async def _acquire_case_lock(self, state: _CaseState, lock: contextlib.ExitStack, task: Any) -> bool:
        """Be the one process that writes to the case's folder. Where another one was at it, the errand is stopped, and
        this is whether the case is to be looked at anew."""
        if state.is_locked:
            return False
        case = state.request.case
        has_waited = False
        while (release := self._results.lock(case)) is None:
            if not has_waited:
                self._cluster.cancel(task)
                self._notices.append((case, "another process is at this case: waiting for it"))
            has_waited = True
            await asyncio.sleep(_LOCK_SECONDS)
        lock.callback(release)
        state.is_locked = True
        if has_waited:
            return True
        finished = find_finished(case, self._results, lambda text: self._notices.append((case, text)))
        if finished is not None and not state.request.rerun:
            self._cluster.cancel(task)
            return True
        return False

    def _task(self, state: _CaseState) -> Training:
        """What a node is sent for the case: also what it goes on from."""
        request, folder = state.request, self._results.folder(state.request.case)
        kept: dict[str, Any] = {}
        if not self._results.is_finished(request.case):  # of one that is, they were left by a kill at its very end
            paths = [path for one in checkpoint.newest_first(folder) for path in (one, checkpoint.hash_path(one))]
            for path in [*paths, folder / EPOCHS]:
                with contextlib.suppress(FileNotFoundError):  # another process is at it, which this one will find out
                    kept[path.name] = np.fromfile(path, np.uint8)
        return Training(
            settings=self._node_settings,
            data_dir=self._data_dir,
            experiment=request.experiment,
            case=request.case,
            rerun=request.rerun,
            cpus=self._share.cpus,
            checkpoints=kept,
            command=this_command(),
            lack_of_memory=state.lack_of_memory,
        )

    def _exclude(self, node_id: str, why: str) -> None:
        """Give a node no more cases: it cannot train them.

        Raises:
            InputError: no other is left.
        """
        name = self._cluster.name(node_id)
        if node_id not in self._unfit:
            self._unfit[node_id] = why
            self._notices.append((None, f"node {name} is given no case: {why}"))
        if not self._is_any_fit(self._unfit):
            raise InputError(f"no node of the cluster is left that is fit; {name}: {why}")

    def _handle_lost_worker(self, state: _CaseState, error: Exception) -> None:
        """A case's worker was lost: it is tried again, unless that is of no use.

        Raises:
            TrainingError: it is of none.
        """
        case, why = state.request.case, type(error).__name__
        node = self._cluster.name(state.node_id) if state.node_id else "an unknown node"
        state.losses += 1
        state.lost_on.append(node)
        state.avoided |= {state.node_id} if state.node_id else set()
        if state.losses >= MOST_LOSSES:
            raise TrainingError(
                f"{case.label}: its worker was lost {state.losses} times in a row without getting further, "
                f"the last time on node {node} ({why}): was it killed for the memory that it took?"
            ) from error
        self._notices.append((case, f"its worker on node {node} was lost ({why}): going on from its last report"))

    async def _off_loop(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """What the work comes to, while other cases are followed."""
        return await self._loop.run_in_executor(None, work, *arguments)

    async def _to_its_end(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """As `_off_loop`; one who is cancelled meanwhile waits for its end, and holds the case's lock so long."""
        working = self._loop.run_in_executor(None, work, *arguments)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise


def _template(experiment: Experiment) -> Experiment:
    """The experiment with the seed that stands for all seeds: nothing about its case but the seed depends on it."""
    return replace(experiment, seed=0)


async def _said(task: Any) -> AsyncGenerator[Any, None]:
    """What a node says of an errand, one after the other; each is freed in the cluster once it is here."""
    async for reference in task:
        yield await reference


async def _gather(coroutines: Sequence[Coroutine[Any, Any, NodeBinding | None]]) -> list[NodeBinding | None]:
    return await asyncio.gather(*coroutines)


async def _stop_all_others() -> None:
    """Cancel whatever else runs in this loop, and wait until it has stopped."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _plain(error: Exception) -> str:
    """What Ray says of an error, the node's traceback, without the colours."""
    return re.sub(r"\x1b\[\d*m", "", str(error))


def _reason(error: exceptions.RayTaskError) -> str:
    """What a task failed with, in a line."""
    cause = error.cause or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[-1]  # a MemoryError has no words


def _finished(case: Case, results: ResultsFolder) -> Result | None:
    """The case's result, if it need not be trained again; what a kill at its very end left beside it is removed."""
    finished = find_finished(case, results)
    if finished is not None and checkpoint.is_any_left(results.folder(case)) and (release := results.lock(case)):
        remove_checkpoints(case, results)
        release()
    return finished


def _keep(results: ResultsFolder, case: Case, report: EpochReport, is_first: bool) -> Result | None:
    """Put what a node reported into the results folder: the case's result, where training has ended.

    Args:
        is_first: whether it is the first of a run: what an earlier run left goes, once the disk has the new state.
    """
    files = {name: content.data for name, content in report.files.items()}
    saved = {name: content for name, content in files.items() if checkpoint.is_part(name)}
    with results.writing(case):
        if saved:
            checkpoint.adopt(results.folder(case), saved)
    if is_first:
        results.clear(case)
    result = results.adopt(case, {name: files[name] for name in files.keys() - saved.keys()})
    if result is not None and result.is_finished:
        remove_checkpoints(case, results)
    return result
