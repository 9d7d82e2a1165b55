"""Output that may be lost: text for a closed terminal or pipe, or for a full disk, is dropped.

No case fails because its progress could not be shown.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Any, TextIO

_CLOSED = {errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO, errno.ECONNRESET}  # by `| head`, a terminal, `2>&-`
_REFUSED = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EAGAIN}  # by a full disk, a full pipe that does not wait


def is_output_error(error: BaseException) -> bool:
    """Return whether an error is one of writing text; a signal handler's TimeoutError is none."""
    if isinstance(error, ValueError):
        return isinstance(error, UnicodeEncodeError) or "closed file" in str(error)
    return isinstance(error, OSError) and error.errno in _CLOSED | _REFUSED


@contextlib.contextmanager
def tolerating_lost_output(stream: TextIO) -> Iterator["TolerantOutput"]:
    """Yield the tolerant output of the stream: in the body, writing to the stream fails nothing."""
    output = TolerantOutput(stream)
    output.install()
    try:
        yield output
    finally:
        output.remove()


class TolerantOutput:
    """The output of a text stream; it drops text that the stream cannot take.

    Attributes:
        error: the first error; None without one.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream: Any = stream
        self._write, self._flush = stream.write, stream.flush
        self._own: dict[str, Any] = {}  # the attributes of an outer one, if there is one
        self.error: Exception | None = None

    def write(self, text: str) -> int:
        """Write text, with a question mark for each character that the stream does not know."""
        try:
            self._write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self.write(text.encode(encoding, "replace").decode(encoding))
        except (OSError, ValueError) as error:
            self._drop(error)
        return len(text)

    def flush(self) -> None:
        """Write what the stream has buffered."""
        try:
            self._flush()
        except (OSError, ValueError) as error:
            self._drop(error)

    def install(self) -> None:
        """Make all writing to the stream tolerant, also that of others who hold it."""
        self._own = {name: one for name, one in vars(self._stream).items() if name in ("write", "flush")}
        self._stream.write, self._stream.flush = self.write, self.flush

    def remove(self) -> None:
        """Remove what `install` added, with nothing left to be written at the process's exit."""
        self.flush()
        del self._stream.write, self._stream.flush
        vars(self._stream).update(self._own)

    def _drop(self, error: Exception) -> None:
        if not is_output_error(error):
            raise error
        self.error = self.error or error
        with contextlib.suppress(OSError, ValueError):
            self._drop_pending(self._stream.fileno(), is_closed=getattr(error, "errno", None) in _CLOSED)

    def _drop_pending(self, number: int, *, is_closed: bool) -> None:
        """Write the stream's buffer to nowhere, else it fails again; leave a closed stream there."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        kept = None if is_closed else os.dup(number)
        try:
            os.dup2(nowhere, number)
            self._flush()
        finally:
            if nowhere != number:  # a number that was closed is given again
                os.close(nowhere)
            if kept is not None:
                os.dup2(kept, number)
                os.close(kept)
