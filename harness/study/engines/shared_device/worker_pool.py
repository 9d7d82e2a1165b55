"""The worker processes of an engine: started when needed, kept for the next case, replaced when lost."""

import asyncio
import contextlib
import os
import pickle
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, BinaryIO

from harness.study.engines.shared_device.process import LENGTH_BYTES
from harness.text import one_line

_COMMAND = (sys.executable, "-P", "-m", "harness.study.engines.shared_device.process")
_MOST_PRINTED = 300
KILLED = f"killed by signal {signal.SIGKILL.name}"  # the system does it for lack of the machine's memory


class WorkerLostError(Exception):
    """The end of a worker process in the middle of a case. The message is the reason, in one line."""


class WorkerProcess:
    """A process that trains one case after the other."""

    def __init__(self, process: asyncio.subprocess.Process, printed: BinaryIO) -> None:
        self._process, self._printed = process, printed
        assert process.stdin is not None
        assert process.stdout is not None
        self._input, self._output = process.stdin, process.stdout

    @classmethod
    async def start(cls, threads: int) -> "WorkerProcess":
        """Start a process in a session of its own: Ctrl-C stops the engine, which ends its workers."""
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        pipe = asyncio.subprocess.PIPE
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": str(threads)}
        printed = tempfile.TemporaryFile()  # noqa: SIM115 - `end` closes it
        process = await asyncio.create_subprocess_exec(
            *_COMMAND, stdin=pipe, stdout=pipe, stderr=printed, env=environment, start_new_session=True
        )
        return cls(process, printed)

    @property
    def name(self) -> str:
        """The process's number."""
        return str(self._process.pid)

    async def messages(self, task: bytes) -> AsyncGenerator[Any, None]:
        """Send a pickled task; yield the messages, of which the caller knows the last.

        Raises:
            WorkerLostError: the process has ended.
        """
        try:
            self._input.write(len(task).to_bytes(LENGTH_BYTES, "big") + task)
            await self._input.drain()
            while True:
                length = int.from_bytes(await self._output.readexactly(LENGTH_BYTES), "big")
                yield pickle.loads(await self._output.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            reason = _reason(await self._process.wait())
            last = self._last_line()
            raise WorkerLostError(f"{reason}; the last that it printed: {last}" if last else reason) from error

    def _last_line(self) -> str:
        """Return the last line that the process printed: CUDA's or Python's words on its end, perhaps."""
        size = self._printed.seek(0, os.SEEK_END)
        self._printed.seek(max(0, size - _MOST_PRINTED))
        lines = self._printed.read().decode(errors="replace").strip().splitlines()
        return one_line(lines[-1], _MOST_PRINTED) if lines else ""

    async def end(self) -> None:
        """End the process by a kill, and wait for it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._input.close()
        await self._process.wait()
        self._printed.close()


def _reason(code: int) -> str:
    """Describe an exit status: ``killed by signal SIGKILL``."""
    return f"killed by signal {signal.Signals(-code).name}" if code < 0 else f"it ended with exit status {code}"


class WorkerPool:
    """At most ``size`` worker processes at the same time.

    Attributes:
        threads: the number of threads that each computes with.
    """

    def __init__(self, size: int, threads: int) -> None:
        self.size, self.threads = size, threads
        self._slots: asyncio.Queue[WorkerProcess | None] = asyncio.Queue()
        for _ in range(size):
            self._slots.put_nowait(None)
        self._alone = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def worker(self, *, alone: bool) -> AsyncIterator[WorkerProcess]:
        """Wait for a free worker; an error in the block ends it.

        Args:
            alone: also wait until no other worker trains, and end them.
        """
        async with self._all_others_ended() if alone else contextlib.nullcontext():
            worker = await self._slots.get()
            try:
                worker = worker or await WorkerProcess.start(self.threads)
                yield worker
            except BaseException:
                if worker is not None:
                    await worker.end()
                worker = None
                raise
            finally:
                self._slots.put_nowait(worker)

    @contextlib.asynccontextmanager
    async def _all_others_ended(self) -> AsyncIterator[None]:
        """Hold all places but one inside the block; the idle processes end, and their memory is free."""
        async with self._alone:
            held = 0
            try:
                while held < self.size - 1:
                    await self._end_one()
                    held += 1
                yield
            finally:
                for _ in range(held):
                    self._slots.put_nowait(None)

    async def _end_one(self) -> None:
        worker = await self._slots.get()
        try:
            if worker is not None:
                await worker.end()
        except BaseException:  # cancelled: the place must not be lost, or `end` would wait for it
            self._slots.put_nowait(None)
            raise

    async def end(self) -> None:
        """End all processes; cases in training are cancelled before."""
        for _ in range(self.size):
            await self._end_one()
