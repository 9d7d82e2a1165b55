import errno
import io
import os
import pty

import pytest

from harness.lost_output import TolerantOutput, is_output_error, tolerating_lost_output


@pytest.fixture
def lost(request):
    """A buffered text stream whose reader has gone, or whose disk is full."""
    if request.param == "disk":
        stream = open("/dev/full", "w")  # noqa: SIM115 - closed below
    else:
        ours, theirs = os.pipe() if request.param == "pipe" else pty.openpty()
        stream = open(theirs, "w")  # noqa: SIM115 - closed below
        os.close(ours)
    with stream:
        yield stream


@pytest.mark.parametrize(
    ("lost", "number"),
    [("pipe", errno.EPIPE), ("terminal", errno.EIO), ("disk", errno.ENOSPC)],
    indirect=["lost"],
    ids=["pipe", "terminal", "disk"],
)
def test_text_that_cannot_be_written_is_dropped(lost, number):
    output = TolerantOutput(lost)
    for _ in range(3):
        output.write("epoch 1\n" * 5000)
        output.flush()
    assert output.error.errno == number
    lost.flush()  # nothing is left that would fail at the process's exit


@pytest.mark.parametrize("lost", ["disk"], indirect=True)
def test_output_to_a_disk_is_tried_again_with_each_text(lost, tmp_path):
    output = TolerantOutput(lost)
    output.write("lost")
    output.flush()
    with open(tmp_path / "log", "w") as free:
        os.dup2(free.fileno(), lost.fileno())  # as if another process had freed the disk
    output.write("kept")
    output.flush()
    assert (tmp_path / "log").read_text() == "kept"


def test_closed_descriptor_and_closed_stream_lose_text(tmp_path):
    with open(tmp_path / "log", "w") as stream:
        os.close(stream.fileno())
        output = TolerantOutput(stream)
        output.write("lost")
        output.flush()
        assert output.error.errno == errno.EBADF
    closed = TolerantOutput(stream)
    closed.write("lost")
    closed.flush()
    assert "closed file" in str(closed.error)


def test_unknown_characters_become_question_marks():
    raw = io.BytesIO()
    output = TolerantOutput(io.TextIOWrapper(raw, encoding="ascii"))
    assert output.write("ω = 2 · epoch\n") == 14
    output.flush()
    assert raw.getvalue() == b"? = 2 ? epoch\n"
    assert output.error is None


@pytest.mark.parametrize("error", [TimeoutError(), KeyboardInterrupt(), ValueError("no number"), OSError(2, "absent")])
def test_other_errors_while_writing_are_raised(error):
    class Stopping(io.StringIO):
        def write(self, text):
            raise error

    with pytest.raises(type(error)):
        TolerantOutput(Stopping()).write("text")
    assert not is_output_error(error)


def test_everyone_who_writes_to_a_guarded_stream_is_tolerated():
    with open("/dev/full", "w") as full:
        with tolerating_lost_output(full):
            print("lost", file=full, flush=True)
            with tolerating_lost_output(full):
                pass
            print("lost", file=full, flush=True)
        assert not {"write", "flush"} & vars(full).keys()
        with pytest.raises(OSError, match="No space"):
            print("lost", file=full, flush=True)
        TolerantOutput(full).flush()
