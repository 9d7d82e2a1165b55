"""Failures in a process group: every rank learns why it ended, so none waits forever.

The first rank to fail writes the cause into the group's key-value store; the other ranks read it from there. It
imports torch only in use.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.causes import cause_of, message_of

_KEY = "failure"
_GLOO = "/gloo/transport/"  # the place in the source that gloo's errors name: torch's FSDP raises them as they are
_CAUSE_SECONDS = 5.0  # torchrun reports a dead process to the others within a second
_POLL_SECONDS = 0.1


class ProcessLostError(RuntimeError):
    """The failure or the end of another process of the group."""


@dataclass(frozen=True)
class Failure:
    """The reason why a process group ended.

    Attributes:
        kind: ``memory``, ``stop`` (the process was asked to stop), ``lost`` (it is gone) or ``error``.
        text: the process and its error, in one line.
    """

    kind: str
    text: str

    def to_error(self) -> BaseException:
        """Return the exception that a rank raises for another rank's failure."""
        errors: dict[str, type[BaseException]] = {"memory": MemoryError, "stop": KeyboardInterrupt}
        return errors.get(self.kind, ProcessLostError)(self.text)


@contextlib.contextmanager
def raising_process_lost() -> Iterator[None]:
    """Raise torch's RuntimeErrors in a collective as `ProcessLostError`: another process caused them."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessLostError(str(error)) from error


def is_process_lost(error: BaseException) -> bool:
    """Return whether another process caused the error."""
    from torch import distributed

    return isinstance(error, ProcessLostError | distributed.DistBackendError) or _GLOO in str(error)


def agree_on_failure(error: BaseException, process_name: str, store: Any) -> Failure:
    """Return the failure that all ranks report: the first in the store, after writing this one if none.

    Args:
        error: the error of this process.
        process_name: this process's name, for the other ranks.
        store: the group's key-value store.
    """
    if is_process_lost(error):
        _wait_for_failure(store)  # another rank is about to write its cause, or torchrun to stop this process too
    failure = _failure_of(error, process_name)
    with contextlib.suppress(Exception):  # without a store, this process knows only its own cause
        found = store.compare_set(_KEY, "", json.dumps([failure.kind, failure.text]))
        failure = Failure(*json.loads(found))
    return failure


def _failure_of(error: BaseException, process_name: str) -> Failure:
    from harness.hardware.memory import is_out_of_memory

    if is_process_lost(error):
        return Failure("lost", "another process of the group is gone")
    if isinstance(error, KeyboardInterrupt):
        return Failure("stop", f"{process_name} was asked to stop")
    is_memory = isinstance(error, Exception) and is_out_of_memory(error)
    cause = message_of(error) or cause_of(error)
    return Failure("memory" if is_memory else "error", f"{process_name}: {cause}")


def _wait_for_failure(store: Any) -> None:
    end = time.monotonic() + _CAUSE_SECONDS
    while not store.check([_KEY]) and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


def abort_on_failure(device_group: Any, store: Any) -> None:
    """Wait until the store holds a failure, then abort the exchanges on the GPU; run it in a thread.

    A process that waits for its GPU does not see another's connection close.

    Args:
        device_group: the NCCL group to abort.
        store: a clone of the group's key-value store.
    """
    with contextlib.suppress(Exception):  # the store ends with the run
        while not store.check([_KEY]):
            time.sleep(_POLL_SECONDS)
        abort(device_group)


def abort(device_group: Any) -> None:
    """Abort a group's exchanges without waiting for the other ranks."""
    from torch.distributed import distributed_c10d

    distributed_c10d._abort_process_group(device_group)
