"""A worker process: ``python -m harness.study.engines.shared_device.process``.

It reads pickled `CaseTask`s from standard input and writes pickled messages to standard output, each after its length.
It ends when its input ends, since its session has ended then, and after the loss of its device.
"""

import os
import pickle
import queue
import threading
from typing import BinaryIO

from harness.study.engines.shared_device.task import Failure, Message

LENGTH_BYTES = 8


def main() -> None:
    """Train cases until the session ends or is killed."""
    # Copies, so that nothing else reads the tasks, a loader process included, or prints between the messages.
    given, output = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)

    def send(message: Message) -> None:
        content = pickle.dumps(message)
        output.write(len(content).to_bytes(LENGTH_BYTES, "big") + content)
        output.flush()

    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read_tasks, args=(given, tasks), daemon=True).start()
    while True:
        end = pickle.loads(tasks.get()).run(send)
        send(end)
        if isinstance(end, Failure) and end.kind == "device lost":
            os._exit(1)  # an orderly end would use the device


def _read_tasks(given: BinaryIO, tasks: "queue.SimpleQueue[bytes]") -> None:
    """Pass on the session's tasks; end the process when they end.

    A case in training needs no orderly end: what it has recorded is enough to resume from.
    """
    while length := given.read(LENGTH_BYTES):
        tasks.put(given.read(int.from_bytes(length, "big")))
    os._exit(0)


if __name__ == "__main__":
    main()
