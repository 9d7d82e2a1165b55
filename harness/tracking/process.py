"""A tracker's process: ``python -m harness.tracking.process NAME RESULTS_DIR``.

It reads JSON lines from standard input: the session's cases, perhaps further cases, then the end, with the report's
files if there is one. It writes JSON lines to standard output: that it is ready or why it is not, then notices.
"""

import contextlib
import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.tracking.followed import FollowedCase
from harness.tracking.follower import Follower
from harness.tracking.registry import DEFAULT_VARIABLES, load_tracker
from harness.tracking.tracker import ReportFiles

END_SECONDS = 60.0
_POLL_SECONDS = 1.0
_NICENESS = 10  # the CPUs are the training's
Message = dict[str, Any]


def main() -> None:
    """Follow the cases that the session names until the session ends or is killed."""
    name, results_dir = sys.argv[1], Path(sys.argv[2])
    if os.name != "nt":
        os.nice(_NICENESS)
    send = _own_output()
    for variable, value in DEFAULT_VARIABLES.items():
        os.environ.setdefault(variable, value)
    try:
        tracker = load_tracker(name)
    except InputError as error:
        send({"refused": str(error)})
        return
    send({"ready": True})
    inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
    threading.Thread(target=_read_messages, args=(inbox,), daemon=True).start()
    if (message := inbox.get()) is not None and "cases" in message:
        follower = Follower(name, lambda: tracker(results_dir), _cases(message), lambda line: send({"notice": line}))
        _serve(follower, inbox)


def _own_output() -> Callable[[Message], None]:
    """Return a function that writes a message to standard output; discard all other output."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)

    def send(message: Message) -> None:
        with contextlib.suppress(OSError):  # the session was killed
            print(json.dumps(message), file=output, flush=True)

    return send


def _read_messages(inbox: "queue.SimpleQueue[Message | None]") -> None:
    """Pass on the session's messages, then None: the session has ended or was killed."""
    for line in sys.stdin:
        inbox.put(json.loads(line))
    inbox.put(None)


def _serve(follower: Follower, inbox: "queue.SimpleQueue[Message | None]") -> None:
    """Keep the tracker up to date until the last message, which may have the report's files."""
    while True:
        follower.update()
        try:
            message = inbox.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
        if message is None or "cases" not in message:
            break
        follower.add(_cases(message))
    killer = threading.Timer(END_SECONDS, os._exit, (1,))
    killer.daemon = True
    killer.start()
    follower.end(_report_files(message))


def _cases(message: Message) -> list[FollowedCase]:
    return [FollowedCase(**case) for case in message["cases"]]


def _report_files(message: Message | None) -> ReportFiles | None:
    """Return the report's files that the last message names."""
    found = (message or {}).get("report")
    if found is None:
        return None
    return ReportFiles(Path(found["page"]), [*map(Path, found["tables"])], [*map(Path, found["figures"])])


if __name__ == "__main__":
    main()
