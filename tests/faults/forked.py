"""An action in a forked process: its exit code, output, time and memory, with limits that protect the machine."""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

CRASHED = 70  # an exit code that no command uses
_GUARD_BYTES = 2 * 2**30  # of address space beyond this process's own: a bomb must not take the machine
_LARGEST_FILE_BYTES = 256 * 2**20
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True)
class Ended:
    """The end of an action.

    Attributes:
        code: the exit code; None if the action was killed because it took too long.
        output, errors: what it wrote to standard output and standard error.
        seconds, cpu_seconds: by the clock, and of the processor, which other processes do not lengthen.
        memory_bytes: the most that it used beyond this process's own.
    """

    code: int | None
    output: str
    errors: str
    seconds: float
    cpu_seconds: float
    memory_bytes: int

    @property
    def text(self) -> str:
        return self.output + self.errors


def run_forked(action, folder: Path, *, heeds_modes=False, seconds=20.0) -> Ended:
    """Run an action in a fork of this process, in the folder; return its end.

    Args:
        heeds_modes: whether it may only do what the files' modes allow, as any user; root may do everything.
    """
    outputs = [folder / "stdout.txt", folder / "stderr.txt"]
    descriptors = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666) for path in outputs]
    own_bytes, started = _private_bytes(), time.perf_counter()
    process = os.fork()
    if process == 0:
        _run_in_child(action, folder, descriptors, heeds_modes, int(seconds / 2))
    for descriptor in descriptors:
        os.close(descriptor)
    if not _wait(process, seconds):
        os.killpg(process, signal.SIGKILL)
    _, status, usage = os.wait4(process, 0)
    took = time.perf_counter() - started
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)  # processes that it left
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGKILL, -signal.SIGXCPU):
        code = None
    written = [path.read_text("utf-8", "surrogateescape") for path in outputs]
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Ended(code, *written, took, cpu_seconds, max(0, usage.ru_maxrss * 1024 - own_bytes))


def _wait(process, seconds):
    """Return whether the process ends in that time."""
    descriptor = os.pidfd_open(process)
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def _run_in_child(action, folder, descriptors, heeds_modes, cpu_seconds):
    """Run the action and end this process; nothing of the test's own is run after it."""
    code = CRASHED
    try:
        os.setsid()
        _limit_resources(cpu_seconds)
        _redirect(descriptors)
        os.chdir(folder)
        if heeds_modes:
            _give_up_capabilities()
        warnings.resetwarnings()
        warnings.simplefilter("error")
        code = action()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(CRASHED if code is None else int(code))


def _give_up_capabilities():
    """Give up root's exceptions from all permissions; the user stays, so that its own files stay its own."""
    header, none = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _limit_resources(cpu_seconds):
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _GUARD_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _redirect(descriptors):
    for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), *descriptors)):
        os.dup2(descriptor, number)
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)


def _private_bytes():
    """Return the memory of this process that a fork has too, without the files mapped into it."""
    with open("/proc/self/status", encoding="ascii") as file:
        return 1024 * next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))
