"""The training of one case in a worker process, and the messages that it sends."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch

from harness.config.case import Case
from harness.config.experiment import Experiment
from harness.config.settings import Settings
from harness.errors import DeviceLostError, InputError
from harness.hardware import cpu_affinity
from harness.hardware.memory import release_freed_memory
from harness.results.folder import ResultsFolder
from harness.results.result import EpochRecord, Result
from harness.study.machine import Machine
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.train import train


@dataclass(frozen=True)
class Notice:
    """A line for the user."""

    case: Case | None
    text: str


@dataclass(frozen=True)
class Resumed:
    """The last epoch of an earlier process that the case is resumed after."""

    record: EpochRecord


@dataclass(frozen=True)
class Failure:
    """The end of a case without a result to keep.

    Attributes:
        error: the message of an error of the input, the cause of a lost device, or the traceback of any other error.
        kind: ``device lost``: the worker process ends; another one may train the case.
    """

    error: str
    kind: str


Message = Notice | Resumed | EpochRecord | Result | Failure
Send = Callable[[Message], None]


@dataclass(frozen=True)
class CaseTask:
    """A case to train in a worker process.

    Attributes:
        settings: those of the engine's machine, with its device by name.
        threads: the number of threads to compute with.
        command: the command line to record.
        shares_memory: true unless the case trains alone.
    """

    settings: Settings
    experiment: Experiment
    case: Case
    rerun: bool
    accept_other_code: bool
    threads: int
    command: str
    shares_memory: bool

    def run(self, send: Send) -> Result | Failure:
        """Train the case; send messages meanwhile, and return the last one.

        The process keeps no memory that it has freed: the cases beside it, and the next ones, need it.
        """
        end = self._end(send)
        if not (isinstance(end, Failure) and end.kind == "device lost"):
            release_freed_memory(torch.device(self.settings.device))
        return end

    def _end(self, send: Send) -> Result | Failure:
        try:
            return self._train(send)
        except DeviceLostError as error:
            return Failure(f"{self.settings.device} lost: {error.cause}", "device lost")
        except InputError as error:
            return Failure(str(error), "input")
        except BaseException:  # a network may call sys.exit
            return Failure(traceback.format_exc(), "training")

    def _train(self, send: Send) -> Result:
        torch.set_num_threads(self.threads)
        machine = _machine(self.settings)
        machine.case(self.experiment)  # makes a network of the user's known to this process
        dataset, verified = machine.dataset(self.experiment)
        context = TrainingContext(
            _Sender(send), dataset_verified=verified, command=self.command, shares_memory=self.shares_memory
        )
        cores = self.threads if machine.device.type == "cpu" else 0
        with cpu_affinity.claimed(cores):
            return train(
                self.case,
                dataset,
                ResultsFolder(self.settings.results_dir),
                machine.device,
                rerun=self.rerun,
                accept_other_code=self.accept_other_code,
                context=context,
            )


@lru_cache(maxsize=1)
def _machine(settings: Settings) -> Machine:
    """Return this machine; its datasets stay in memory for the next case of this process."""
    return Machine(settings)


class _Sender(TrainingCallback):
    """A callback that sends what happens to the engine."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def on_notice(self, case: Case | None, text: str) -> None:
        self._send(Notice(case, text))

    def on_resume(self, case: Case, records: Sequence[EpochRecord]) -> None:
        if records:
            self._send(Resumed(records[-1]))

    def on_epoch(self, case: Case, record: EpochRecord) -> None:
        self._send(record)
