"""The cause of a failure in one line, out of chains and wrappers of errors, and its remedy."""

import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from harness.credentials import message_without_credentials
from harness.text import one_line

_RAISED_FROM = "The above exception was the direct cause of the following exception:"
_FRAME = re.compile(r'\s+File "')
_COLOURS = re.compile(r"\x1b\[[\d;]*m")
# Messages of wrappers that say nothing of the cause: torch's loader, Ray and subprocess.
_SAYS_NOTHING = re.compile(r"Caught \w+ in |DataLoader worker \(pid\(s\) |ray::|Command .* returned non-zero")
MEMORY_REMEDY = (
    "lower the recipe's batch_size or image_size, or the model's width or depth, or give the machine or container more "
    "memory"
)
SHARED_MEMORY_REMEDY = "run the container with a larger one (`docker run --shm-size 2g`, or `--ipc host`)"
HOME_REMEDY = "set HOME to a folder that can be written to, e.g. HOME=/tmp"
_REMEDIES = (
    (r"Too many open files|[Rr]eceived 0 items of ancdata", "raise the limit of open files, e.g. `ulimit -n 65536`"),
    (  # "</torch_…>" is torch's name of a batch in shared memory
        r"insufficient shared memory|out of shared memory|</torch_|/dev/shm|"
        r"unable to (open|write|mmap|allocate|resize)\b.*shared memory",
        f"the shared memory is full: {SHARED_MEMORY_REMEDY}, or use --pipeline fast",
    ),
    (r"No space left on device|Disk quota exceeded", "free disk space, or give another --results-dir or TMPDIR"),
    (r"killed by signal: Killed|SIGKILL", f"lack of memory, most likely: {MEMORY_REMEDY}"),
    (r"Cannot allocate memory", MEMORY_REMEDY),
    (
        r"can't start new thread|Resource temporarily unavailable",
        "raise the limit of processes (`ulimit -u`; of a container: `--pids-limit`)",
    ),
    (r"[Cc]ould not determine (the )?home directory", HOME_REMEDY),
    (r"No working C\+\+ compiler|Failed to find C compiler", "install a C++ compiler, or give --compile off"),
    (r"DataLoader worker .*exited unexpectedly", f"the system ended it; if for lack of memory: {MEMORY_REMEDY}"),
)


def cause_of(error: BaseException) -> str:
    """Return the error's type and cause in one printable line, e.g. ``OSError: no route to host``.

    The cause is the last link of the chain: the error that this one was raised from, or the one in a traceback in the
    message. An error in between is named too, unless it says nothing or repeats the cause.
    """
    error = _only_one(error)
    own = _line_of(error)
    root = _root(error)
    if root is error:
        return own
    cause = _line_of(root)
    text = cause.partition(": ")[2] or cause
    if _says_nothing(error):
        return cause
    return own if text in own else f"{own}, caused by {cause}"


def message_of(error: BaseException) -> str:
    """Return the message of `cause_of` without the error's type; empty if the error has none."""
    return cause_of(error).partition(": ")[2]


def cause_and_remedy(error: BaseException) -> str:
    """Return `cause_of` the error, with the remedy if there is a known one."""
    cause, remedy = cause_of(error), remedy_for(error)
    return f"{cause.removesuffix('.')}; {remedy}" if remedy else cause


def every_link(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that led to it, each once: its causes, errors being handled, and groups."""
    left, seen = [error], set[int]()
    while left:
        one = left.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            grouped = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
            left += [link for link in (one.__context__, one.__cause__, *grouped) if link is not None]


def remedy_for(error: BaseException) -> str | None:
    """Return what the user can do about an error of the machine's limits; None if that is unknown."""
    return _remedy_in(*_chain(error))


def _remedy_in(*links: BaseException) -> str | None:
    texts = "\n".join(f"{type(one).__name__}: {one}\n{_line_of(one)}" for one in links)
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, texts)), None)


def _chain(error: BaseException) -> list[BaseException]:
    """Return the error, then those that it was raised from, or that it groups.

    An error that was only being handled is often unrelated: it counts if it, or one that it leads to, has a remedy.
    """
    links, following = [error], _following(error)
    while following is not None and not any(following is one for one in links):
        links.append(following)
        following = _following(following)
    explicit = next((k for k, one in enumerate(links, 1) if _explicit_cause(one) is None), len(links))
    return links[: max([explicit, *(k for k, one in enumerate(links, 1) if _remedy_in(one))])]


def _explicit_cause(error: BaseException) -> BaseException | None:
    return error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__


def _following(error: BaseException) -> BaseException | None:
    """Return the error's cause, else the one that was being handled when it was raised."""
    handled = error.__context__ if isinstance(error.__context__, Exception) else None  # not KeyboardInterrupt
    return _explicit_cause(error) or (None if error.__suppress_context__ else handled)


def _root(error: BaseException) -> BaseException:
    """Return the last error of the chain that has a message."""
    return [error, *(one for one in _chain(error) if str(one).strip())][-1]


def _only_one(error: BaseException) -> BaseException:
    """Return the first error of a group, in groups of groups too."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _says_nothing(error: BaseException) -> bool:
    first = _COLOURS.sub("", str(error)).strip().partition("\n")[0]
    return not first or _SAYS_NOTHING.match(first) is not None


def _line_of(error: BaseException) -> str:
    """Return the type and message of one error, or those of the error in its message's traceback."""
    text = _COLOURS.sub("", str(error)).strip()
    raised = _raised_in(text) or _last_line(getattr(error, "stderr", None))
    name, message = type(error).__name__, _first_line(text)
    line = one_line(raised or (f"{name}: {message}" if message else f"{name}{_place(error)}"))
    return message_without_credentials(line)


def _raised_in(text: str) -> str | None:
    """Return the line of the error in a traceback; of a chain, that of the first error raised."""
    *earlier, last = text.split(f"\n{_RAISED_FROM}\n")
    lines = (earlier or [last])[0].splitlines()
    raised, in_frames = None, False
    for line in lines:
        if _FRAME.match(line):
            in_frames = True
        elif in_frames and line and not line[0].isspace():
            raised, in_frames = line, False
    return raised


def _first_line(text: str) -> str:
    """Return the first line that is not a ruler; with the next one if it only introduces it."""
    lines = [line.strip() for line in text.split("\n") if line.strip(" =-")] or [""]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


def _last_line(output: object) -> str | None:
    """Return the last line of a process's output, which Python gives as text or bytes."""
    text = output.decode(errors="replace") if isinstance(output, bytes) else output
    lines = text.strip().splitlines() if isinstance(text, str) else []
    return lines[-1] if lines else None


def _place(error: BaseException) -> str:
    """Return the place of an error without a message, as `` in train.py, line 12``."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
