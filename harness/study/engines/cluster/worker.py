"""What runs on a node of a cluster: one case, that reports as its epochs finish. No disk is shared with anybody.

A case is trained in a folder of its own on the node, from the checkpoints that the driver sent. Every report brings
what the driver's results folder needs to go on elsewhere, should this node be lost.
"""

import contextlib
import functools
import pickle
import shutil
import time
import uuid
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import filelock
import numpy as np
import ray
import torch
from numpy.typing import NDArray

from harness.config.case import Case
from harness.config.experiment import Experiment
from harness.config.settings import Settings, default_data_dir
from harness.errors import InputError
from harness.files import os_error_as_input_error
from harness.hardware import cpu_affinity as cores
from harness.hardware.co_scheduling import machine_folder
from harness.results.folder import EPOCHS, FILES, ResultsFolder
from harness.results.result import EpochRecord
from harness.study.machine import Machine
from harness.training import checkpoint
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.train import record_out_of_memory, train_by_epochs

Contents = Mapping[str, NDArray[np.uint8]]
# Reports take no more than this share of a case's time: of a large network's epochs, not every one brings its weights.
_REPORTING_SHARE = 0.05


@dataclass(frozen=True)
class EpochReport:
    """What a node tells the driver.

    Attributes:
        node_id: Ray's.
        notices: what a person should read.
        records: of the epochs since the last report.
        files: of the case's folder, contents by name; the result among them where training has ended.
    """

    node_id: str
    notices: tuple[str, ...] = ()
    records: tuple[EpochRecord, ...] = ()
    files: Contents = field(default_factory=dict)


@dataclass(frozen=True)
class BoundExperiment:
    """What a node makes of an experiment: the case, and what the weights of its network take."""

    case: Case
    weight_bytes: int


@dataclass(frozen=True)
class NodeBinding:
    """Experiments bound on a node, in their order, and what was told meanwhile."""

    node_id: str
    bound: tuple[BoundExperiment, ...]
    told: tuple[str, ...]


@dataclass(frozen=True)
class Preparation:
    """The errand to make ready for experiments, and to bind them.

    Attributes:
        data_dir: where the datasets lie on the node; None for the folder that is the default there.
    """

    settings: Settings
    data_dir: Path | None
    experiments: tuple[Experiment, ...]

    def run(self, node_id: str) -> Iterator[NodeBinding]:
        """
        Raises:
            InputError: the node is not fit for them.
        """
        node, told = _node(self.settings, self.data_dir), list[str]()
        node.prepare(self.experiments, told.append)
        bound = (BoundExperiment(node.case(one), node.weight_bytes(one)) for one in self.experiments)
        yield NodeBinding(node_id, tuple(bound), tuple(told))


@dataclass(frozen=True)
class Training:
    """The errand to train a case.

    Attributes:
        data_dir: as in `Preparation`.
        cpus: threads, and cores to run on.
        checkpoints: files to go on from, contents by name; the epochs' records among them.
        command: what a person typed.
        lack_of_memory: why the case was killed, of one that is not to be trained but to be recorded as out of memory.
    """

    settings: Settings
    data_dir: Path | None
    experiment: Experiment
    case: Case
    rerun: bool
    cpus: int
    checkpoints: Contents
    command: str
    lack_of_memory: str | None = None

    def run(self, node_id: str) -> Iterator[EpochReport]:
        """
        Raises:
            InputError: the node is not fit for the case.
        """
        torch.set_num_threads(self.cpus)
        with cores.claimed(self.cpus):
            node = _node(self.settings, self.data_dir)
            node.prepare([self.experiment])
            if (other := node.case(self.experiment)).identity != self.case.identity:
                raise InputError(f"{self.case.label} would be another case there: {difference(self.case, other)}")
            yield EpochReport(node_id)
            with scratch_folder() as scratch:
                yield from _CaseInTraining(self, node, node_id, scratch).reports()


@contextlib.contextmanager
def scratch_folder(place: Path | None = None) -> Iterator[Path]:
    """A folder for a case while it trains. Those that killed workers left behind are removed: nobody has their lock."""
    place = place or machine_folder() / "scratch"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in place.glob("*.lock"):
        with contextlib.suppress(filelock.Timeout, OSError), filelock.FileLock(left, blocking=False):
            shutil.rmtree(left.with_suffix(""), ignore_errors=True)
            left.unlink(missing_ok=True)
    folder = place / uuid.uuid4().hex
    lock = folder.with_suffix(".lock")
    with filelock.FileLock(lock):
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


class _Notices(TrainingCallback):
    """Keeps what a person should read for the next report."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def on_notice(self, case: Case | None, text: str) -> None:
        self._texts.append(text)

    def take(self) -> tuple[str, ...]:
        texts, self._texts = tuple(self._texts), []
        return texts


class _CaseInTraining:
    """A case in training in a folder of its own, and what of it has been reported."""

    def __init__(self, task: Training, node: Machine, node_id: str, scratch: Path) -> None:
        self._task, self._node, self._node_id = task, node, node_id
        self._results = ResultsFolder(scratch)
        self._folder = self._results.folder(task.case)
        self._notices = _Notices()
        self._unreported: list[EpochRecord] = []
        self._next_files = 0.0

    def reports(self) -> Iterator[EpochReport]:
        """Train the case, a report for every epoch; the last has all its files, also where training fails."""
        self._folder.mkdir()
        for name, content in self._task.checkpoints.items():
            content.tofile(self._folder / name)
        try:
            for record in self._train():
                self._unreported.append(record)
                yield from self._report_epoch()
        except InputError as error:
            if isinstance(error.__cause__, OSError):  # this node's disk
                raise
            raise CaseError(str(error)) from error
        except Exception:
            yield self._last_report()
            raise
        yield self._last_report()

    def _train(self) -> Generator[EpochRecord, None, object]:
        task = self._task
        dataset, verified = self._node.dataset(task.experiment)
        context = TrainingContext(
            callback=self._notices,
            dataset_verified=verified,
            machine_name=node_name(self._node_id),
            command=self._task.command,
        )
        where = (task.case, dataset, self._results, self._node.device)
        if task.lack_of_memory is not None:
            return record_out_of_memory(*where, task.lack_of_memory, context=context)
        return (yield from train_by_epochs(*where, rerun=task.rerun, context=context))

    def _report_epoch(self) -> Iterator[EpochReport]:
        began = time.monotonic()
        if began < self._next_files:
            yield self._report({})
            return
        saved = self._checkpoint()
        yield self._report(self._contents([*saved, EPOCHS] if saved else []))
        now = time.monotonic()
        self._next_files = now + (now - began) / _REPORTING_SHARE

    def _last_report(self) -> EpochReport:
        there = [name for name in FILES if (self._folder / name).exists()]
        return self._report(self._contents([*self._checkpoint(), *there]))

    def _checkpoint(self) -> list[str]:
        """The names of the latest checkpoint and its hash, if there is one."""
        newest = checkpoint.newest_first(self._folder)[:1]
        return [name for path in newest for name in (path.name, checkpoint.hash_path(path).name)]

    def _report(self, files: Contents) -> EpochReport:
        records, self._unreported = tuple(self._unreported), []
        return EpochReport(self._node_id, self._notices.take(), records, files)

    def _contents(self, names: list[str]) -> Contents:
        return {name: np.fromfile(self._folder / name, np.uint8) for name in names}


class CaseError(InputError):
    """A case that no node can train as it is: the fault is not the node's."""


def run(task: bytes) -> Iterator[NodeBinding | EpochReport | tuple[str, str]]:
    """Run an errand. Where this node is not fit for it, its id and the reason are all that comes of it."""
    node_id = ray.get_runtime_context().get_node_id()
    try:
        yield from pickle.loads(task).run(node_id)
    except CaseError:
        raise
    except InputError as error:
        yield node_id, str(error)


def difference(case: Case, other: Case) -> str:
    """In what two cases differ, in a person's words: ``precision bf16, not fp32``."""
    fields = ((name, getattr(case, name), getattr(other, name)) for name in ("device_kind", "precision", "compiled"))
    found = [f"{name} {theirs}, not {ours}" for name, ours, theirs in fields if ours != theirs]
    if case.data_fingerprint != other.data_fingerprint:
        found.append(f"other images ({other.data_fingerprint[:12]}, not {case.data_fingerprint[:12]})")
    return ", ".join(found) or "another recipe"


@functools.lru_cache(maxsize=1)
def _node(settings: Settings, data_dir: Path | None) -> Machine:
    """This node by the settings; datasets stay in memory for the next case that this process trains."""
    folder = data_dir or default_data_dir()
    with os_error_as_input_error(f"make --data-dir {folder}", "give a folder that this node can have"):
        folder.mkdir(parents=True, exist_ok=True)
    return Machine(replace(settings, data_dir=folder))


def node_name(node_id: str) -> str:
    """A node as a person knows it, dead or alive: its name and, since several may have one, the beginning of its id."""
    names = {node["NodeID"]: node["NodeName"] for node in ray.nodes()}
    return f"{names.get(node_id, '')} {node_id[:6]}".strip()
