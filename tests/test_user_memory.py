from concurrent.futures import ThreadPoolExecutor

import filelock
import pytest

from harness import user_memory
from harness.user_memory import UserMemory, user_state_dir


@pytest.fixture
def memory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return UserMemory("tests")


def test_processes_that_add_at_the_same_time_lose_nothing(memory):
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: memory.add(str(number), "added"), range(24)))
    assert sorted(map(int, memory.remembered())) == [*range(24)]


def test_nothing_is_remembered_while_another_holds_the_lock(memory, monkeypatch):
    monkeypatch.setattr(user_memory, "_MOST_LOCK_SECONDS", 0.01)
    memory.add("first", "")
    with filelock.FileLock(user_state_dir() / "tests.lock"):
        memory.add("second", "")
    assert [*memory.remembered()] == ["first"]
