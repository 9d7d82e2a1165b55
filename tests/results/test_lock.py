import fcntl
import subprocess
import sys
import threading

import pytest

from tests.helpers.tiny import make_case

HOLD = """
import filelock, sys
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tiny_dataset, results):
    """A second process that holds the lock of a case."""
    folder = results.folder(make_case(tiny_dataset))
    folder.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder / ".lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


@pytest.mark.parametrize("end", ["it ends", "it is killed"])
def test_lock_waits_for_another_process(end, holder, tiny_dataset, results):
    waiting, released = threading.Event(), []

    def release():
        released.append(waiting.wait(60))
        holder.kill() if end == "it is killed" else holder.stdin.close()

    threading.Thread(target=release).start()
    with results.locked(make_case(tiny_dataset), waiting.set) as had_to_wait:
        assert had_to_wait
        assert released == [True]


def test_probe_by_a_report_is_not_taken_for_a_training(tiny_dataset, results):
    case = make_case(tiny_dataset)
    folder = results.folder(case)
    folder.mkdir(parents=True)
    with open(folder / ".lock", "wb") as probe:
        fcntl.flock(probe, fcntl.LOCK_SH)
        threading.Timer(0.02, fcntl.flock, (probe, fcntl.LOCK_UN)).start()
        release = results.lock(case)
    assert release is not None
    release()


def test_lock_does_not_wait_for_another_case(holder, tiny_dataset, results):
    with results.locked(make_case(tiny_dataset, seed=1), lambda: pytest.fail("waited")) as had_to_wait:
        assert not had_to_wait


def test_lock_is_released_after_an_exception(tiny_dataset, results):
    case = make_case(tiny_dataset)
    with pytest.raises(KeyboardInterrupt), results.locked(case):
        raise KeyboardInterrupt
    with results.locked(case) as had_to_wait:
        assert not had_to_wait
