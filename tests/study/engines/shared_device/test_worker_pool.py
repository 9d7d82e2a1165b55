"""Worker processes: their messages, their loss, their reuse and their end. They train nothing here."""

import asyncio
import os
import signal
import sys

import pytest

from harness.study.engines.shared_device import worker_pool
from harness.study.engines.shared_device.worker_pool import WorkerLostError, WorkerPool

# A process that answers each task with its own number, or obeys a task that says otherwise.
CHILD = """
import os, pickle, sys
while length := sys.stdin.buffer.read(8):
    task = sys.stdin.buffer.read(int.from_bytes(length, "big"))
    if task == b"die": os.kill(os.getpid(), 9)
    if task == b"exit": os._exit(3)
    content = pickle.dumps((os.getpid(), os.environ["OMP_NUM_THREADS"]))
    sys.stdout.buffer.write(len(content).to_bytes(8, "big") + content)
    sys.stdout.buffer.flush()
"""


@pytest.fixture(autouse=True)
def a_light_process(monkeypatch):
    monkeypatch.setattr(worker_pool, "_COMMAND", (sys.executable, "-S", "-c", CHILD))


@pytest.fixture
def run():
    """Runs a function of a pool of two in an event loop, and ends the pool."""

    def run(act):
        async def main():
            pool = WorkerPool(2, threads=3)
            try:
                return await asyncio.wait_for(act(pool), timeout=30)
            finally:
                await pool.end()

        return asyncio.run(main())

    return run


async def ask(pool, task=b"", *, alone=False):
    async with pool.worker(alone=alone) as worker:
        return await anext(aiter(worker.messages(task)))


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_is_kept_for_the_next_case_and_ended_with_the_pool(run):
    async def act(pool):
        return [await ask(pool) for _ in range(3)]

    answers = run(act)
    assert len({pid for pid, _ in answers}) == 2  # the pool has two places, taken in turn
    assert {threads for _, threads in answers} == {"3"}
    assert not any(is_running(pid) for pid, _ in answers)


@pytest.mark.parametrize(
    ("task", "why"), [(b"die", f"killed by signal {signal.SIGKILL.name}"), (b"exit", "it ended with exit status 3")]
)
def test_a_lost_process_is_named_and_replaced(task, why, run):
    async def act(pool):
        for _ in range(2):
            with pytest.raises(WorkerLostError, match=f"^{why}$"):
                await ask(pool, task)
        return await ask(pool)

    assert run(act)[1] == "3"


def test_a_case_alone_waits_for_others_and_ends_idle_processes(run):
    async def act(pool):
        first, _ = await ask(pool)
        order = []
        async with pool.worker(alone=False) as other:
            alone = asyncio.create_task(ask(pool, alone=True))
            await asyncio.sleep(0.1)
            order.append(alone.done())
            running = int(other.name)
        await alone
        return order, first, running, await ask(pool)

    order, first, running, after = run(act)
    assert order == [False]
    assert not is_running(first)
    assert not is_running(running)
    assert after


def test_a_cancelled_case_ends_its_process_and_frees_its_place(run):
    async def act(pool):
        async def train():
            async with pool.worker(alone=False) as worker:
                pids.append(int(worker.name))
                await asyncio.sleep(60)

        pids = []
        tasks = [asyncio.create_task(train()) for _ in range(2)]
        while len(pids) < 2:
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return pids, await ask(pool)

    pids, after = run(act)
    assert not any(map(is_running, pids))
    assert after[0] not in pids
