"""The processes that train a case together, one on each device, as ``torchrun`` starts them.

The first of them leads: it alone decides, writes and prints, and tells the others what to do next; they follow. So
between two commands nobody waits in the middle of a computation, and whatever the first does alone (wait for a lock,
save a checkpoint) needs no care. A process on its own is the first of one: nothing here imports torch for it.
"""

import atexit
import contextlib
import json
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from harness.config.recipes import Recipe
from harness.config.settings import Settings
from harness.errors import InputError

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")
_VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# Followers wait for their next command as long as the first process waits for another's lock: what ends a wait is a
# connection that closes, not the clock. Within a step on GPUs a minute's silence is a fault.
_PATIENCE = timedelta(days=30)
_STEP_PATIENCE = timedelta(minutes=10)
_CAUSE_SECONDS = 5.0  # torchrun tells the others of a dead process within a second
_REPORT_SECONDS = 600.0  # how long the first may take to write its report
_POLL_SECONDS = 0.1
_FAILURE, _LEFT = "failure", "left"


class ProcessLostError(RuntimeError):
    """Another of the processes that train together is gone, or has failed."""


@dataclass(frozen=True)
class Outcome:
    """What the first process tells at the end of what was done together: the value, or why there is none."""

    value: Any = None
    error: str | None = None
    is_input: bool = False


class ProcessGroup:
    """This process's place among those that train together, and what they say to each other.

    Attributes:
        rank: this process's number, from 0. world_size: how many they are.
        local_rank: its number on this machine: that of its GPU. local_world_size: how many are on this machine.
        machines: on how many machines they are; known once they have joined.
        failure: why they no longer train together, in a line; None as long as they do.
    """

    def __init__(self, rank: int = 0, world_size: int = 1, local_rank: int = 0, local_world_size: int = 1) -> None:
        self.rank, self.world_size, self.local_rank, self.local_world_size = (
            rank,
            world_size,
            local_rank,
            local_world_size,
        )
        self.machines = 1
        self.failure: str | None = None
        self._store: Any = None
        self._device_group: Any = None
        self._is_initialised = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "ProcessGroup":
        """As torchrun's variables say; a process on its own where they are not set.

        Raises:
            InputError: they are no numbers, or do not go together.
        """
        if not all(environment.get(name) for name in _VARIABLES):
            return cls()
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        texts = [environment.get(name) or default for name, default in zip(names, ("", "", "0", "1"), strict=True)]
        if not all(text.isascii() and text.isdecimal() for text in texts) or int(texts[0]) >= int(texts[1]):
            said = ", ".join(f"{name}={text}" for name, text in zip(names, texts, strict=True))
            raise InputError(f"{said}: start several processes with torchrun, or unset these variables")
        return cls(*map(int, texts))

    @property
    def is_rank_zero(self) -> bool:
        """Whether this is the process that leads, writes and prints."""
        return self.rank == 0

    @property
    def is_distributed(self) -> bool:
        """Whether there is anybody else."""
        return self.world_size > 1

    @property
    def name(self) -> str:
        """How a person finds it: ``process 1 of 2 on node7``, from 0."""
        return f"process {self.rank} of {self.world_size} on {platform.node()}"

    def to_json(self) -> dict[str, int]:
        """How many processes train on how many machines, for result.json."""
        return {"processes": self.world_size, "machines": self.machines}

    def connect(self) -> None:
        """Meet the others; they are left when this process ends. To do it again does nothing."""
        if not self.is_distributed or self._store is not None:
            return
        from torch import distributed

        c10d: Any = distributed  # whose names mypy does not all know
        store, _, _ = next(c10d.rendezvous("env://"))
        self._store = c10d.PrefixStore("wider-or-deeper", store)
        distributed.init_process_group(
            "gloo", store=store, rank=self.rank, world_size=self.world_size, timeout=_PATIENCE
        )
        self._is_initialised = True
        self.machines = len(set(self.all_gather(platform.node())))
        atexit.register(self.disconnect)

    def use_device(self, device: "torch.device") -> None:
        """Have tensors on that device summed where they are: by NCCL on GPUs. All processes call it, or none."""
        if not self.is_distributed or device.type != "cuda" or self._device_group is not None:
            return
        import torch
        from torch import distributed

        torch.cuda.set_device(device)
        self._device_group = distributed.new_group(backend="nccl", timeout=_STEP_PATIENCE)
        # Whoever waits for a GPU does not see a connection close. Once a failure is told, the wait is cut short.
        threading.Thread(target=self._abort_on_failure, args=(self._store.clone(),), daemon=True).start()

    def _abort_on_failure(self, store: Any) -> None:
        from torch.distributed import distributed_c10d

        with contextlib.suppress(Exception):  # the store goes with the run
            while not store.check([_FAILURE]):
                time.sleep(_POLL_SECONDS)
            distributed_c10d._abort_process_group(self._device_group)

    def disconnect(self) -> None:
        """Let go of the others. They wait here for the first, so that none ends the run while it writes its report."""
        if self._store is None:
            return
        with contextlib.suppress(Exception, KeyboardInterrupt):  # a store that is gone is one more way to its end
            if self.is_rank_zero:
                self._store.set(_LEFT, b"1")
            end = time.monotonic() + _REPORT_SECONDS
            while not self._store.check([_LEFT]) and time.monotonic() < end:
                time.sleep(_POLL_SECONDS)
        self._close_connections()
        self._store = None

    def _close_connections(self) -> None:
        """Close the connections: whoever waits in an exchange with this process is told so by the system."""
        if not self._is_initialised:
            return
        from torch import distributed
        from torch.distributed import distributed_c10d

        self._is_initialised = False
        with contextlib.suppress(Exception):
            if self._device_group is not None and self.failure is not None:
                distributed_c10d._abort_process_group(self._device_group)
            distributed.destroy_process_group()

    @property
    def device_group(self) -> Any:
        """The group in which tensors on the device are exchanged; None for the one that all tensors may use."""
        return self._device_group

    def all_reduce(self, tensor: "torch.Tensor") -> "torch.Tensor":
        """The tensor, which then holds the sum over all processes; the same bits in each."""
        if self.is_distributed:
            from torch import distributed

            with _exchange():
                distributed.all_reduce(tensor, group=self._device_group)
        return tensor

    def broadcast(self, value: Any) -> Any:
        """The first process's value, in every process."""
        if not self.is_distributed:
            return value
        from torch import distributed

        box = [value]
        with _exchange():
            distributed.broadcast_object_list(box, src=0)
        return box[0]

    def all_gather(self, value: Value) -> list[Value]:
        """Every process's value, in every process, by rank."""
        if not self.is_distributed:
            return [value]
        from torch import distributed

        values: list[Any] = [None] * self.world_size
        with _exchange():
            distributed.all_gather_object(values, value)
        return values

    @contextlib.contextmanager
    def raising_together(self) -> Iterator[None]:
        """Inside, what one process refuses all refuse.

        Raises:
            InputError: as raised inside by this process, or by another, whose name it then bears.
        """
        refusal: InputError | None = None
        try:
            yield
        except InputError as error:
            refusal = error
        told = self.all_gather(None if refusal is None else (self.name, str(refusal)))
        if refusal is not None:
            raise refusal
        for name, text in filter(None, told):
            raise InputError(f"{name}: {text}")

    def require_same_values(self, values: Mapping[str, str]) -> None:
        """Make sure that all processes have the same values in the same order.

        Raises:
            InputError: one has others. It names the process and the first that differs.
        """
        told = self.all_gather((self.name, list(values.items())))
        first = dict(told[0][1])
        for name, items in told[1:]:
            if items != told[0][1]:
                theirs = dict(items)
                differing = [key for key in {**first, **theirs} if theirs.get(key) != first.get(key)]
                raise InputError(
                    f"{name} does not have what process 0 has: {(differing or ['the order of the cases'])[0]}\n"
                    "give all the same images, code, options and kind of device"
                )

    def run_on_rank_zero(self, act: Callable[[], Value]) -> Value:
        """Run `act` on rank 0, then broadcast its outcome; `running_together` tells the other ranks what to do."""
        if not self.is_distributed:
            return act()
        try:
            value = act()
        except Exception as error:
            if self.failure is None:
                with self.running_together(Outcome(error=str(error), is_input=isinstance(error, InputError))):
                    pass
            raise
        except KeyboardInterrupt as stop:
            self._fail(stop)
            raise
        if self.failure is None:
            with self.running_together(Outcome(value)):
                pass
        return value

    def follow(self, obey: Callable[[Any], None]) -> Any:
        """Do what the first process says until it says what it came to: its value.

        Raises:
            InputError: it came to one. RuntimeError: it came to another error.
        """
        while True:
            with self.running_together():
                command = self.broadcast(None)
                if not isinstance(command, Outcome):
                    obey(command)
            if isinstance(command, Outcome):
                if command.error is not None:
                    raise (InputError if command.is_input else RuntimeError)(command.error)
                return command.value

    @contextlib.contextmanager
    def running_together(self, command: Any = None) -> Iterator[None]:
        """What all processes do at once, after the first has told the command to the others.

        Where it fails in one of them, all are told why and train together no more: nobody waits for ever.

        Raises:
            MemoryError: another process had no memory left.
            KeyboardInterrupt: another process was asked to stop.
            ProcessLostError: another process failed, or is gone.
        """
        if not self.is_distributed:
            yield
            return
        try:
            if command is not None:
                self.broadcast(command)
            yield
        except BaseException as error:
            cause = self._fail(error)
            if cause is error:
                raise
            raise cause from error

    def _fail(self, error: BaseException) -> BaseException:
        """End the training together; the error, or the one that another process told before."""
        if self.failure is not None:
            return error
        kind, text = self._cause(error)
        self.failure = text
        self._close_connections()
        if not _is_lost(error):
            return error
        return {"memory": MemoryError, "stop": KeyboardInterrupt}.get(kind, ProcessLostError)(text)

    def _cause(self, error: BaseException) -> tuple[str, str]:
        """Whose failure it was: another process's, which it told, or this one's, which is told now."""
        from harness.hardware.memory import is_out_of_memory

        if _is_lost(error):  # someone else's: it will have been told, or torchrun is about to stop this process too
            end = time.monotonic() + _CAUSE_SECONDS
            while not self._store.check([_FAILURE]) and time.monotonic() < end:
                time.sleep(_POLL_SECONDS)
            kind, text = "lost", "a process that it was trained with is gone"
        elif isinstance(error, KeyboardInterrupt):
            kind, text = "stop", f"{self.name} was asked to stop"
        else:
            is_memory = isinstance(error, Exception) and is_out_of_memory(error)
            kind = "memory" if is_memory else "error"
            line = str(error).strip().partition("\n")[0]
            text = f"{self.name}: {line or type(error).__name__}"
        first = [kind, text]
        with contextlib.suppress(Exception):  # without a store nobody can be told, and this process knows but its own
            first = json.loads(self._store.compare_set(_FAILURE, "", json.dumps(first)))
        return first[0], first[1]


@contextlib.contextmanager
def _exchange() -> Iterator[None]:
    """Inside, what goes wrong is another process's doing."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessLostError(str(error)) from error


def _is_lost(error: BaseException) -> bool:
    from torch import distributed

    return isinstance(error, ProcessLostError | distributed.DistBackendError)


SINGLE_PROCESS = ProcessGroup()


def distributed_settings(settings: Settings, processes: ProcessGroup) -> Settings:
    """The settings as several processes have them: each its own device, nothing compiled.

    Raises:
        InputError: the settings ask for what one process alone can do.
    """
    if not processes.is_distributed:
        return settings
    refused = {
        f"--engine {settings.engine}": settings.engine != "local",
        "--pipeline reference": settings.pipeline == "reference",
        "--compile on": settings.compile == "on",
        f"--device {settings.device}": settings.device == "mps" or ":" in settings.device,
    }
    for option, is_given in refused.items():
        if is_given:
            raise InputError(f"{option} is for one process: leave it out, or start pytest without torchrun")
    return replace(settings, compile="off")


def own_device(device: "torch.device", processes: ProcessGroup) -> str:
    """The name of this process's own device, of the kind of the given one."""
    return f"cuda:{processes.local_rank}" if processes.is_distributed and device.type == "cuda" else str(device)


def require_image_per_process(recipe: Recipe, label: str, processes: ProcessGroup) -> None:
    """A batch has to have an image for each process.

    Raises:
        InputError: it has not.
    """
    if recipe.batch_size < processes.world_size:
        raise InputError(
            f"{label}: a batch of {recipe.batch_size} cannot be divided over {processes.world_size} processes: "
            "start fewer"
        )
