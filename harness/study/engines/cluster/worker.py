"""The tasks that run on a node of a cluster, and what they report. No disk is shared with the driver.

A case is trained in a scratch folder on the node, from the checkpoints that the driver sent. Reports bring what the
driver needs to resume the case on another node if this one is lost.
"""

import functools
import os
import pickle
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import ray
import torch
from numpy.typing import NDArray

from harness.config.case import Case
from harness.config.data_folder import default_data_dir
from harness.config.experiment import Experiment
from harness.config.settings import Settings
from harness.errors import DeviceLostError, InputError
from harness.files import os_error_as_input_error
from harness.hardware import cpu_affinity
from harness.results.checked_files import EPOCHS
from harness.results.folder import FILES, ResultsFolder
from harness.results.result import EpochRecord
from harness.study.engines.cluster.scratch import scratch_folder
from harness.study.machine import Machine
from harness.text import ProgressLine
from harness.training import checkpoint
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.train import record_out_of_memory, train_by_epochs

Contents = Mapping[str, NDArray[np.uint8]]
# Reports take at most this share of a case's time, so not every epoch of a large network brings its weights.
_REPORTING_SHARE = 0.05


@dataclass(frozen=True)
class EpochReport:
    """A node's report to the driver.

    Attributes:
        node_id: Ray's id of the node.
        notices: lines to show.
        records: of the epochs since the last report.
        files: contents of files of the case's folder by name; the result is among them once training has ended.
    """

    node_id: str
    notices: tuple[str, ...] = ()
    records: tuple[EpochRecord, ...] = ()
    files: Contents = field(default_factory=dict)


@dataclass(frozen=True)
class BoundExperiment:
    """An experiment's case on a node, and the size of its network's weights in bytes."""

    case: Case
    weight_bytes: int


@dataclass(frozen=True)
class NodeBinding:
    """Experiments bound on a node.

    Attributes:
        bound: in the experiments' order.
        notices: lines that the node reported meanwhile.
    """

    node_id: str
    bound: tuple[BoundExperiment, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Preparation:
    """The task to prepare a node for experiments and to bind them there.

    Attributes:
        data_dir: the folder of the datasets on the node; None for the node's default.
    """

    settings: Settings
    data_dir: Path | None
    experiments: tuple[Experiment, ...]

    def run(self, node_id: str) -> Iterator[NodeBinding]:
        """Yield the binding.

        Raises:
            InputError: the node is unfit for the experiments.
        """
        machine, notices = _machine(self.settings, self.data_dir), list[str]()
        machine.prepare(self.experiments, lambda line: None if isinstance(line, ProgressLine) else notices.append(line))
        bound = (BoundExperiment(machine.case(one), machine.weight_bytes(one)) for one in self.experiments)
        yield NodeBinding(node_id, tuple(bound), tuple(notices))


@dataclass(frozen=True)
class Training:
    """The task to train a case.

    Attributes:
        data_dir: as in `Preparation`.
        cpus: the number of threads, and of cores to run on.
        checkpoints: contents by name of the files to resume from, the epochs' records among them.
        command: the driver's command line.
        memory_error: if set, the case is not trained but recorded as out of memory, for this reason.
    """

    settings: Settings
    data_dir: Path | None
    experiment: Experiment
    case: Case
    rerun: bool
    accept_other_code: bool
    cpus: int
    checkpoints: Contents
    command: str
    memory_error: str | None = None

    def run(self, node_id: str) -> Iterator[EpochReport]:
        """Yield an empty report once the node is ready, then the training's reports.

        Raises:
            InputError: the node is unfit for the case.
        """
        torch.set_num_threads(self.cpus)
        with cpu_affinity.claimed(self.cpus):
            machine = _machine(self.settings, self.data_dir)
            machine.prepare([self.experiment])
            if (other := machine.case(self.experiment)).identity != self.case.identity:
                raise InputError(f"{self.case.label} would be another case there: {difference(self.case, other)}")
            yield EpochReport(node_id)
            with scratch_folder() as scratch:
                yield from _ReportedTraining(self, machine, node_id, scratch).reports()


class _Notices(TrainingCallback):
    """A callback that keeps notices for the next report."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def on_notice(self, case: Case | None, text: str) -> None:
        self._texts.append(text)

    def take(self) -> tuple[str, ...]:
        texts, self._texts = tuple(self._texts), []
        return texts


class _ReportedTraining:
    """The training of one case in a scratch folder, and its records that are not yet reported."""

    def __init__(self, task: Training, machine: Machine, node_id: str, scratch: Path) -> None:
        self._task, self._machine, self._node_id = task, machine, node_id
        self._results = ResultsFolder(scratch)
        self._folder = self._results.folder(task.case)
        self._notices = _Notices()
        self._unreported: list[EpochRecord] = []
        self._next_files = 0.0

    def reports(self) -> Iterator[EpochReport]:
        """Train the case; yield a report per epoch, and a last one with all files, also if training fails."""
        self._folder.mkdir()
        for name, content in self._task.checkpoints.items():
            content.tofile(self._folder / name)
        try:
            for record in self._train():
                self._unreported.append(record)
                yield from self._report_epoch()
        except InputError as error:
            if isinstance(error.__cause__, OSError):  # of this node's disk: another node may have room
                raise
            raise CaseError(str(error)) from error
        except Exception as error:
            if isinstance(error, DeviceLostError):
                self._notices.on_notice(self._task.case, f"its worker has lost its GPU: {error.cause}")
            yield self._last_report()
            raise
        yield self._last_report()

    def _train(self) -> Generator[EpochRecord, None, object]:
        task = self._task
        dataset, verified = self._machine.dataset(task.experiment)
        context = TrainingContext(
            callback=self._notices,
            dataset_verified=verified,
            machine_name=node_name(self._node_id),
            command=task.command,
        )
        arguments = (task.case, dataset, self._results, self._machine.device)
        if task.memory_error is not None:
            return record_out_of_memory(*arguments, task.memory_error, context=context)
        return (
            yield from train_by_epochs(
                *arguments, rerun=task.rerun, accept_other_code=task.accept_other_code, context=context
            )
        )

    def _report_epoch(self) -> Iterator[EpochReport]:
        """Yield one report; it brings the checkpoint unless the last such report is too recent."""
        began = time.monotonic()
        if began < self._next_files:
            yield self._report({})
            return
        saved = self._checkpoint()
        yield self._report(self._contents([*saved, EPOCHS] if saved else []))
        now = time.monotonic()  # after the driver has taken it
        self._next_files = now + (now - began) / _REPORTING_SHARE

    def _last_report(self) -> EpochReport:
        present = [name for name in FILES if (self._folder / name).exists()]
        return self._report(self._contents([*self._checkpoint(), *present]))

    def _checkpoint(self) -> list[str]:
        """List the files of the latest checkpoint; none if there is no checkpoint."""
        newest = checkpoint.newest_first(self._folder)[:1]
        return [name for path in newest for name in (path.name, checkpoint.hash_path(path).name)]

    def _report(self, files: Contents) -> EpochReport:
        records, self._unreported = tuple(self._unreported), []
        return EpochReport(self._node_id, self._notices.take(), records, files)

    def _contents(self, names: list[str]) -> Contents:
        return {name: np.fromfile(self._folder / name, np.uint8) for name in names}


class CaseError(InputError):
    """An error of the case itself: no node can train it as it is."""


def run(task: bytes) -> Iterator[NodeBinding | EpochReport | tuple[str, str]]:
    """Run a pickled task; yield its reports, or (node id, reason) if the node is unfit."""
    node_id = ray.get_runtime_context().get_node_id()
    try:
        yield from pickle.loads(task).run(node_id)
    except CaseError:
        raise
    except InputError as error:
        yield node_id, str(error)
    except DeviceLostError:
        os._exit(1)  # Ray would give this process the next case; the driver retries this one in another
    except ModuleNotFoundError as error:  # the user's own code travels, installed packages do not
        yield node_id, f"it lacks the package {error.name!r}, which your own network uses: install it there"


def difference(case: Case, other: Case) -> str:
    """Return how another node's case differs from this one, human-readable: ``compiled True, not False``.

    Of two devices of one kind, `--precision auto` may choose bf16 on only one: the option that both follow is named.
    """
    fields = (
        (name, getattr(case, name), getattr(other, name))
        for name in ("device_kind", "precision", "compiled", "deterministic", "network")
    )
    found = [f"{name} {theirs}, not {ours}" for name, ours, theirs in fields if ours != theirs]
    if case.data_fingerprint != other.data_fingerprint:
        found.append(f"other images ({other.data_fingerprint[:12]}, not {case.data_fingerprint[:12]})")
    is_auto = case.precision != other.precision and case.device_kind == other.device_kind
    remedy = "; give --precision fp32 to train on both" if is_auto else ""
    return (", ".join(found) or "another recipe") + remedy


@functools.lru_cache(maxsize=1)
def _machine(settings: Settings, data_dir: Path | None) -> Machine:
    """Return this machine by the settings; its datasets stay in memory for the next case of this process."""
    folder = data_dir or default_data_dir()
    with os_error_as_input_error(f"make --data-dir {folder}", "give a folder that this node can make"):
        folder.mkdir(parents=True, exist_ok=True)
    return Machine(replace(settings, data_dir=folder))


def node_name(node_id: str) -> str:
    """Return a node's name and the start of its id, since names may repeat; also of a dead node."""
    names = {node["NodeID"]: node["NodeName"] for node in ray.nodes()}
    return f"{names.get(node_id, '')} {node_id[:6]}".strip()
