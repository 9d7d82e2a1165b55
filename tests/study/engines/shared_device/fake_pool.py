"""Worker processes that train nothing: each sends the messages of a script."""

import asyncio
import contextlib
import pickle
from dataclasses import replace

from harness.training.callback import TrainingCallback
from tests.helpers.records import RECORD
from tests.helpers.synthetic import synthetic_result


class FakePool:
    """A pool whose workers read their messages from a script.

    Attributes:
        scripts: for the next tries, in order: messages, or an error to raise.
        tries: the tasks so far, each with whether it trains alone.
    """

    def __init__(self, size, threads):
        self.size, self.threads = size, threads
        self.scripts, self.tries, self.is_ended = [], [], False

    @contextlib.asynccontextmanager
    async def worker(self, *, alone):
        yield FakeWorker(self, alone)

    async def end(self):
        self.is_ended = True


class FakeWorker:
    name = "17"

    def __init__(self, pool, alone):
        self._pool, self._alone = pool, alone

    async def messages(self, task):
        task = pickle.loads(task)
        self._pool.tries.append((task, self._alone))
        for message in self._pool.scripts.pop(0):
            await asyncio.sleep(0)
            if isinstance(message, Exception):
                raise message
            yield message


class Recorder(TrainingCallback):
    def __init__(self):
        self.notices, self.progress = [], None

    def on_notice(self, case, text):
        self.notices.append(text)

    def on_sweep(self, state):
        self.progress = state()


def epoch(number):
    return replace(RECORD, epoch=number)


def result(status="complete"):
    return replace(synthetic_result(status=status), epochs=0)
