import errno
import itertools
import subprocess
import sys

import pytest
from torch._utils import ExceptionWrapper

from harness.causes import cause_and_remedy, cause_of, message_of, remedy_for

NO_ROOM = "unable to write to file </torch_381_2840_0>: No space left on device (28)"


def fail_with(error):
    raise error


def read_from_a_full_memory():
    fail_with(RuntimeError(NO_ROOM))


def read_from_a_lost_disk():
    try:
        fail_with(OSError(errno.EIO, "Input/output error", "0001.png"))
    except OSError as error:
        raise KeyError("image 1") from error


def raised(act):
    try:
        act()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def raised_from(error, cause):
    def act():
        raise error from cause

    return raised(act)


def reraised_by_loader(read):
    """Return the error that torch's loader raises for one of a loader process."""
    try:
        read()
    except Exception:
        wrapper = ExceptionWrapper(where="in DataLoader worker process 1")
    return raised(wrapper.reraise)


@pytest.mark.parametrize(
    ("read", "cause"),
    [
        (read_from_a_full_memory, f"RuntimeError: {NO_ROOM}"),
        (read_from_a_lost_disk, "OSError: [Errno 5] Input/output error: '0001.png'"),
    ],
)
def test_cause_in_a_loader_process_is_its_own_error(read, cause):
    error = reraised_by_loader(read)
    assert str(error).strip("'\"").startswith("Caught")
    assert cause_of(error) == cause


def test_cause_of_an_error_without_a_chain_is_its_first_line():
    assert cause_of(ValueError("fell out\nand more")) == "ValueError: fell out"
    assert message_of(ValueError("fell out: far\nand more")) == "fell out: far"


def test_cause_of_an_error_without_a_message_is_its_place():
    error = raised(lambda: fail_with(AssertionError()))
    assert cause_of(error).startswith("AssertionError in test_causes.py, line ")
    assert message_of(error) == ""


def test_cause_names_the_error_that_another_was_raised_from():
    cause = OSError(errno.ENOSPC, "No space left on device")
    assert cause_of(raised_from(ValueError("no epoch 3"), cause)) == (
        "ValueError: no epoch 3, caused by OSError: [Errno 28] No space left on device"
    )
    assert cause_of(raised_from(ValueError(f"no epoch 3: {cause}"), cause)) == f"ValueError: no epoch 3: {cause}"
    assert cause_of(raised_from(RuntimeError(), cause)) == "OSError: [Errno 28] No space left on device"


def test_a_cause_without_a_message_is_left_out():
    lost = RuntimeError("DataLoader worker (pid(s) 8) exited unexpectedly")
    assert cause_of(raised_from(lost, EOFError())) == f"RuntimeError: {lost}"
    assert "lack of memory" in remedy_for(lost)


def raised_while_handling(*errors):
    """Return the last error, each raised while the one before it was being handled."""
    for handled, error in itertools.pairwise(errors):
        error.__context__ = handled
    return errors[-1]


@pytest.mark.parametrize("handled", [KeyError("cache"), FileNotFoundError(errno.ENOENT, "No such file", "cache")])
def test_an_error_that_was_being_handled_is_not_the_cause(handled):
    assert cause_of(raised_while_handling(handled, ValueError("fell out"))) == "ValueError: fell out"


FULL_DISK = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("handled", [(FULL_DISK,), (FULL_DISK, KeyError("path"))])
def test_a_limit_that_was_being_handled_is_the_cause_and_has_its_remedy(handled):
    error = raised_while_handling(*handled, RuntimeError("cannot save"))
    assert cause_of(error) == f"RuntimeError: cannot save, caused by OSError: {FULL_DISK}"
    assert "--results-dir" in remedy_for(error)


def test_a_limit_that_is_hidden_or_behind_an_interrupt_is_not_the_cause():
    def save():
        try:
            raise FULL_DISK
        except OSError:
            raise RuntimeError("cannot save") from None

    interrupted = raised_while_handling(FULL_DISK, KeyboardInterrupt(), RuntimeError("cannot save"))
    for error in (raised(save), interrupted):
        assert cause_and_remedy(error) == "RuntimeError: cannot save"


def test_cause_of_a_group_is_its_first_error():
    group = ExceptionGroup("two", [ExceptionGroup("one", [OSError(NO_ROOM)]), ValueError("then this")])
    assert cause_of(group) == f"OSError: {NO_ROOM}"
    assert "--shm-size" in remedy_for(group)


def test_cause_of_a_failed_command_is_its_last_line():
    code = "import sys; sys.exit('ld: cannot find -lcuda')"
    error = raised(lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True))
    assert cause_of(error) == "ld: cannot find -lcuda"
    assert "exit status 1" in cause_of(raised(lambda: subprocess.run(["false"], check=True)))


def test_cause_on_another_node_is_the_error_in_rays_text():
    class RayTaskError(Exception):
        pass

    text = (
        '\x1b[36mray::run_task()\x1b[39m (pid=7, ip=10.0.0.1)\n  File "a.py", line 1, in f\n    g()\nOSError: no disk'
    )
    assert cause_of(RayTaskError(text)) == "OSError: no disk"


def test_a_first_line_that_introduces_the_next_has_it_behind():
    text = "backend='inductor' raised:\nInvalidCxxCompiler: No working C++ compiler found\n\nSet TORCHDYNAMO_VERBOSE=1"
    error = RuntimeError(text)
    assert cause_of(error) == (
        "RuntimeError: backend='inductor' raised: InvalidCxxCompiler: No working C++ compiler found"
    )
    assert "--compile off" in cause_and_remedy(error)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (NO_ROOM, "--shm-size"),
        ("DataLoader worker (pid 8) is killed by signal: Bus error. It might be out of shared memory.", "--shm-size"),
        ("unable to mmap 4096 bytes from file </torch_8_1_0>: Cannot allocate memory (12)", "--shm-size"),
        ("unable to resize shared memory file </x> to the right size: No memory", "--shm-size"),
        ("Error while creating shared memory segment /dev/shm/nccl-Ab3 (size 9637888)", "--shm-size"),
        ("unable to open shared memory object </torch_8_1_0> in read-write mode: Too many open files", "ulimit -n"),
        ("[Errno 24] Too many open files: '0001.png'", "ulimit -n"),
        ("received 0 items of ancdata", "ulimit -n"),
        ("[Errno 28] No space left on device: 'results/a'", "--results-dir"),
        ("[Errno 122] Disk quota exceeded", "--results-dir"),
        ("DataLoader worker (pid 8) is killed by signal: Killed. ", "lack of memory"),
        ("[Errno 12] Cannot allocate memory", "batch_size"),
        ("can't start new thread", "ulimit -u"),
        ("Could not determine home directory.", "HOME"),
    ],
)
def test_remedy_of_the_machines_limits(text, remedy):
    assert remedy in cause_and_remedy(RuntimeError(text))


@pytest.mark.parametrize("text", ["fell out", "the shared memory object is described in the docs"])
def test_an_error_of_the_program_has_no_remedy(text):
    assert cause_and_remedy(ValueError(text)) == f"ValueError: {text}"


def test_cause_is_one_printable_line():
    assert cause_of(ValueError("a\tb\x00c\rd\n")) == "ValueError: a b c d"


def test_cause_has_no_password():
    assert cause_of(OSError("http://me:pw@host/a?token=x is down")) == "OSError: http://me:***@host/a?token=*** is down"
