"""The process group of data-parallel training: one process per device, started by ``torchrun``.

Rank 0 alone decides, writes and prints; it sends commands to the other ranks, which follow. Between two commands no
rank waits in the middle of a computation, so work of rank 0 alone (waiting for a lock, saving a checkpoint) needs no
synchronisation. A single process is rank 0 of a group of one and needs no torch here.
"""

import atexit
import contextlib
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from harness.errors import InputError
from harness.training.process_failure import (
    abort,
    abort_on_failure,
    agree_on_failure,
    is_process_lost,
    raising_process_lost,
)

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")
_VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# Followers wait for their next command as long as rank 0 waits for a lock: a closed connection ends a wait, not the
# clock. Within a step on GPUs, minutes of silence are a fault.
_COMMAND_TIMEOUT = timedelta(days=30)
_STEP_TIMEOUT = timedelta(minutes=10)
_REPORT_SECONDS = 600.0  # the time that rank 0 may take to write its report
_POLL_SECONDS = 0.1
_DISCONNECTED = "disconnected"


@dataclass(frozen=True)
class RankZeroOutcome:
    """The outcome of a run on rank 0, as broadcast to the other ranks: its value, or its error.

    Attributes:
        value: the value that rank 0 returned; None after an error.
        error: the text of the error; None without one.
        is_input_error: whether the error was an `InputError`.
    """

    value: Any = None
    error: str | None = None
    is_input_error: bool = False


class ProcessGroup:
    """This process's rank among the processes that train together, and their collectives.

    Attributes:
        rank: this process's number in the group, from 0.
        world_size: the number of processes in the group.
        local_rank: this process's number on its machine, which is also its GPU's.
        local_world_size: the number of processes on this machine.
        machines: the number of machines; known after `connect`.
        is_sharded: True if each rank keeps only its part of every network, see `--fsdp`.
        failure: the reason why the group ended, in one line; None while it works.
    """

    def __init__(self, rank: int = 0, world_size: int = 1, local_rank: int = 0, local_world_size: int = 1) -> None:
        self.rank, self.world_size = rank, world_size
        self.local_rank, self.local_world_size = local_rank, local_world_size
        self.machines = 1
        self.is_sharded = False
        self.failure: str | None = None
        self._store: Any = None
        self._device_group: Any = None
        self._is_initialised = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "ProcessGroup":
        """Return the group that torchrun's variables describe, or a single process if they are not set.

        Raises:
            InputError: the variables are not numbers, or the rank is not below the world size.
        """
        if not all(environment.get(name) for name in _VARIABLES):
            return cls()
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        texts = [environment.get(name) or default for name, default in zip(names, ("", "", "0", "1"), strict=True)]
        if not all(text.isascii() and text.isdecimal() for text in texts) or int(texts[0]) >= int(texts[1]):
            given = ", ".join(f"{name}={text}" for name, text in zip(names, texts, strict=True))
            raise InputError(
                f"{given}: RANK must be a whole number below WORLD_SIZE; start pytest with torchrun, "
                "or unset these variables"
            )
        return cls(*map(int, texts))

    @property
    def is_rank_zero(self) -> bool:
        """The role of rank 0, which alone decides, writes and prints."""
        return self.rank == 0

    @property
    def is_distributed(self) -> bool:
        """A world size above one."""
        return self.world_size > 1

    @property
    def name(self) -> str:
        """The human-readable name of this process, counted from 0: ``process 1 of 2 on node7``."""
        return f"process {self.rank} of {self.world_size} on {platform.node()}"

    def to_json(self) -> dict[str, int | bool]:
        """Return the number of processes and of machines, and whether networks are sharded, for result.json."""
        sharded = {"sharded": True} if self.is_sharded else {}
        return {"processes": self.world_size, "machines": self.machines, **sharded}

    def connect(self) -> None:
        """Connect to the other ranks until this process exits. A second call does nothing."""
        if not self.is_distributed or self._store is not None:
            return
        from torch import distributed

        c10d: Any = distributed  # mypy does not know all of its names
        store, _, _ = next(c10d.rendezvous("env://"))
        self._store = c10d.PrefixStore("wider-or-deeper", store)
        distributed.init_process_group(
            "gloo", store=store, rank=self.rank, world_size=self.world_size, timeout=_COMMAND_TIMEOUT
        )
        self._is_initialised = True
        self.machines = len(set(self.all_gather(platform.node())))
        atexit.register(self.disconnect)

    def use_device(self, device: "torch.device") -> None:
        """Reduce GPU tensors on the GPU, by NCCL; do nothing for other devices. Call it on every rank."""
        if not self.is_distributed or device.type != "cuda" or self._device_group is not None:
            return
        import torch
        from torch import distributed

        torch.cuda.set_device(device)
        self._device_group = distributed.new_group(backend="nccl", timeout=_STEP_TIMEOUT)
        arguments = (self._device_group, self._store.clone())
        threading.Thread(target=abort_on_failure, args=arguments, daemon=True).start()

    def disconnect(self) -> None:
        """Disconnect after rank 0: if another rank exits first, torchrun may stop rank 0 in its report."""
        if self._store is None:
            return
        with contextlib.suppress(Exception, KeyboardInterrupt):  # rank 0 is gone if its store is
            if self.is_rank_zero:
                self._store.set(_DISCONNECTED, b"1")
            end = time.monotonic() + _REPORT_SECONDS
            while not self._store.check([_DISCONNECTED]) and time.monotonic() < end:
                time.sleep(_POLL_SECONDS)
        self._close_connections()
        self._store = None

    def _close_connections(self) -> None:
        """Close the connections: a rank that waits for this one then gets an error from the system."""
        if not self._is_initialised:
            return
        from torch import distributed

        self._is_initialised = False
        with contextlib.suppress(Exception):
            if self._device_group is not None and self.failure is not None:
                abort(self._device_group)
            distributed.destroy_process_group()

    @property
    def device_group(self) -> Any:
        """The torch group for tensors on the device; None for the default group."""
        return self._device_group

    def all_reduce(self, tensor: "torch.Tensor") -> "torch.Tensor":
        """Sum the tensor over all ranks in place, to the same bits on each, and return it."""
        if self.is_distributed:
            from torch import distributed

            with raising_process_lost():
                distributed.all_reduce(tensor, group=self._device_group)
        return tensor

    def broadcast(self, value: Any) -> Any:
        """Return rank 0's value on every rank."""
        if not self.is_distributed:
            return value
        from torch import distributed

        box = [value]
        with raising_process_lost():
            distributed.broadcast_object_list(box, src=0)
        return box[0]

    def all_gather(self, value: Value) -> list[Value]:
        """Return every rank's value on every rank, in the order of ranks."""
        if not self.is_distributed:
            return [value]
        from torch import distributed

        values: list[Any] = [None] * self.world_size
        with raising_process_lost():
            distributed.all_gather_object(values, value)
        return values

    @contextlib.contextmanager
    def raising_together(self) -> Iterator[None]:
        """Run the body on every rank; raise on all of them an `InputError` that one of them raises.

        Raises:
            InputError: this rank's own, or another rank's with the name of its process.
        """
        own: InputError | None = None
        try:
            yield
        except InputError as error:
            own = error
        errors = self.all_gather(None if own is None else (self.name, str(own)))
        if own is not None:
            raise own
        for name, text in filter(None, errors):
            raise InputError(f"{name}: {text}")

    def run_on_rank_zero(self, act: Callable[[], Value]) -> Value:
        """Run `act` on rank 0, then broadcast its outcome; in it, `running_together` sends the commands."""
        if not self.is_distributed:
            return act()
        try:
            value = act()
        except Exception as error:
            self._broadcast_outcome(RankZeroOutcome(error=str(error), is_input_error=isinstance(error, InputError)))
            raise
        except BaseException as stop:
            self._fail(stop)
            raise
        self._broadcast_outcome(RankZeroOutcome(value))
        return value

    def _broadcast_outcome(self, outcome: RankZeroOutcome) -> None:
        if self.failure is None:
            with self.running_together(outcome):
                pass

    def follow(self, execute: Callable[[Any], None]) -> Any:
        """Execute rank 0's commands until it broadcasts its outcome; return that outcome's value.

        Raises:
            InputError: the outcome is an `InputError`.
            RuntimeError: the outcome is any other error.
        """
        while True:
            with self.running_together():
                command = self.broadcast(None)
                if not isinstance(command, RankZeroOutcome):
                    execute(command)
            if isinstance(command, RankZeroOutcome):
                if command.error is not None:
                    raise (InputError if command.is_input_error else RuntimeError)(command.error)
                return command.value

    @contextlib.contextmanager
    def running_together(self, command: Any = None) -> Iterator[None]:
        """Broadcast rank 0's command, if any, and run the body, which all ranks run at the same time.

        An error in the body on one rank ends the group: every rank learns the cause, and none waits forever.

        Raises:
            MemoryError: another process ran out of memory.
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
        """End the group; return the error to raise: this rank's, or the one that caused it elsewhere."""
        if self.failure is not None:
            return error
        failure = agree_on_failure(error, self.name, self._store)
        self.failure = failure.text
        self._close_connections()
        return failure.to_error() if is_process_lost(error) else error


SINGLE_PROCESS = ProcessGroup()
