"""One case on a cluster: dispatched to a node, followed by its reports, retried if its worker is lost."""

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from ray import exceptions

from harness.config.case import Case
from harness.errors import InputError, TrainingError
from harness.files import os_error_as_input_error
from harness.foreign_files import read_regular
from harness.results.checked_files import EPOCHS
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.study.engines.background import complete_in_thread
from harness.study.engines.case_runner import CaseRunner, Notify
from harness.study.engines.cluster.connection import reports_of
from harness.study.engines.cluster.node_pool import NodePool
from harness.study.engines.cluster.worker import CaseError, Contents, EpochReport, Training
from harness.study.engines.engine import CaseRequest
from harness.training import checkpoint
from harness.training.command import this_command
from harness.training.reuse import find_finished
from harness.training.train import remove_checkpoints

_LOST = (
    exceptions.WorkerCrashedError,
    exceptions.NodeDiedError,
    exceptions.ObjectLostError,
    exceptions.ObjectFetchTimedOutError,
)
_LOCK_SECONDS = 1.0
# The limit of a checkpoint's file: some times the weights, and BatchNorm statistics, records and attempts.
_WEIGHTS_PER_FILE, _OTHER_BYTES = 8, 2**30


class NodeCaseRunner(CaseRunner):
    """A runner of one case on a cluster: it retries the case until its result is in the results folder.

    Only this process writes to the results folder, so a case has one result however often it was tried, and a retry
    resumes from the last report.

    Attributes:
        state: the case's state.
    """

    def __init__(
        self,
        request: CaseRequest,
        nodes: NodePool,
        results: ResultsFolder,
        weight_bytes: int,
        notify: Notify,
    ) -> None:
        """Set up the state of the case; `run` trains it.

        Args:
            weight_bytes: the size of the weights of the case's network.
        """
        super().__init__(request, results, notify)
        self._nodes = nodes
        self._most_file_bytes = _OTHER_BYTES + _WEIGHTS_PER_FILE * weight_bytes
        self._case_lock = contextlib.ExitStack()
        self._is_locked = False
        self._has_new_files = False

    async def run(self, on_end: Callable[[Case], None]) -> Result:
        with self._case_lock:
            return await super().run(on_end)

    async def _try(self) -> Result | None:
        """Dispatch the case to a node and follow it; return its result, or None to retry."""
        state = self.state
        state.node_id = None
        task = self._nodes.run(self._training_task(), avoid=state.avoided)
        try:
            return await self._follow(task)
        except exceptions.OutOfMemoryError as error:
            if state.memory_error is not None:  # even recording it takes too much memory
                raise self._failure(error) from error
            state.memory_error = str(error).strip().partition("\n")[0]
        except _LOST as error:
            self._handle_lost_worker(error)
        except exceptions.RayError as error:
            raise self._failure(error) from error
        except BaseException:  # else the worker would train on and keep its share of the node
            self._nodes.cluster.cancel(task)
            raise
        return None

    def _training_task(self) -> Training:
        """Return the task for a node, with the checkpoints that it resumes from."""
        nodes, request = self._nodes, self.state.request
        return Training(
            settings=nodes.settings,
            data_dir=nodes.data_dir,
            experiment=request.experiment,
            case=self._case,
            rerun=request.rerun,
            accept_other_code=request.accept_other_code,
            cpus=nodes.share.cpus,
            checkpoints=self._read_checkpoints(),
            command=this_command(),
            memory_error=self.state.memory_error,
        )

    def _read_checkpoints(self) -> Contents:
        """Read the files that a node resumes the case from, by name; none if the case is finished.

        Raises:
            InputError: the folder or a file in it cannot be read.
        """
        if self._results.is_finished(self._case):  # a kill at the very end left its checkpoints
            return {}
        folder, contents = self._results.folder(self._case), {}
        paths = [path for one in checkpoint.newest_first(folder) for path in (one, checkpoint.hash_path(one))]
        with os_error_as_input_error(f"read the checkpoints in {folder}", "make them readable"):
            for path in [*paths, folder / EPOCHS]:
                try:
                    contents[path.name] = np.frombuffer(read_regular(path, self._most_file_bytes), np.uint8)
                except FileNotFoundError:  # another process holds the case; the lock will show it
                    continue
                except OSError as error:
                    if not checkpoint.shows_damage(error):
                        raise
                    self._notify(self._case, f"{path} is damaged: {error.strerror}; it is not sent to the node")
        return contents

    async def _follow(self, task: Any) -> Result | None:
        """Store the worker's reports until its result arrives; return the result, or None to retry."""
        async with contextlib.aclosing(reports_of(task)) as reports:
            async for report in reports:
                if isinstance(report, tuple):
                    node_id, why = report
                    self._nodes.exclude(node_id, why, lambda line: self._notify(None, line))
                    return None
                if not self._is_locked and not await self._acquire_case_lock(task):
                    return self._kept(find_finished(self._case, self._results))
                result = await self._take_over(report)
                if result is not None and result.status != "failed":  # a failed case's error itself comes next
                    return result
        raise TrainingError(f"{self._case.label}: its worker ended without a result")

    async def _acquire_case_lock(self, task: Any) -> bool:
        """Become the one process that writes to the case's folder; return whether the task is still needed.

        The task is cancelled if another process holds the case, or has finished it meanwhile.
        """
        has_waited = False
        while (release := self._results.lock(self._case)) is None:
            if not has_waited:
                self._nodes.cluster.cancel(task)
                self._notify(self._case, "another process holds this case: waiting for it")
            has_waited = True
            await asyncio.sleep(_LOCK_SECONDS)
        self._case_lock.callback(release)
        self._is_locked = True
        if has_waited:
            return False
        finished = find_finished(self._case, self._results, lambda line: self._notify(self._case, line))
        if self.state.request.rerun or self._kept(finished) is None:
            return True
        self._nodes.cluster.cancel(task)
        return False

    async def _take_over(self, report: EpochReport) -> Result | None:
        """Store a node's report in the results folder; return the case's result if the report has it."""
        self.state.node_id = report.node_id
        for notice in report.notices:
            self._notify(self._case, notice)
        self.state.add_epochs(report.records)
        if not report.files:
            return None
        result = await complete_in_thread(store_report, self._results, self._case, report, not self._has_new_files)
        self._has_new_files = True
        return result

    def _handle_lost_worker(self, error: Exception) -> None:
        """Count a lost worker and report it; return if a retry makes sense.

        Raises:
            TrainingError: the case has lost too many workers without a further epoch.
        """
        state, why = self.state, type(error).__name__
        name = self._nodes.cluster.name(state.node_id) if state.node_id else "an unknown node"
        place = f"node {name}" if state.node_id else name
        self._count_lost_worker(name, place, why, error)
        self._notify(self._case, f"its worker on {place} was lost ({why}): resuming from its last report")

    def _failure(self, error: exceptions.RayError) -> Exception:
        """Return the error to raise for one that a worker raised; its message names the node."""
        name, cause = self._nodes.cluster.name(self.state.node_id or ""), getattr(error, "cause", None)
        if isinstance(cause, CaseError):
            return InputError(f"{cause}\n(on node {name})")
        text = re.sub(r"\x1b\[\d*m", "", str(error))  # the node's traceback, without Ray's colours
        return TrainingError(f"{self._case.label} failed on node {name}\n{text}")


def store_report(results: ResultsFolder, case: Case, report: EpochReport, is_first: bool) -> Result | None:
    """Store a report's files in the results folder; return the case's result if it is among them.

    Args:
        is_first: whether it is this run's first report with files: then an earlier run's files are removed, after the
            new checkpoint is on the disk.
    """
    files = {name: content.data for name, content in report.files.items()}
    checkpoints = {name: content for name, content in files.items() if checkpoint.is_part(name)}
    with results.writing(case):
        if checkpoints:
            checkpoint.adopt(results.folder(case), checkpoints)
    if is_first:
        results.clear(case)
    result = results.adopt(case, {name: files[name] for name in files.keys() - checkpoints.keys()})
    if result is not None and result.is_finished:
        remove_checkpoints(case, results)
    return result
