"""A real SIGSTOP in an epoch: the epoch is recorded as disturbed, with the cause and its time."""

import os
import signal
import threading
import time

from harness.results.folder import ResultsFolder
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.train import train
from tests.faults.processes import Process
from tests.helpers.tiny import CPU, make_case, make_dataset

STOPPED_SECONDS = 1.2


class Stopped(TrainingCallback):
    """A callback that has the process stopped once, in epoch 2, by the process that waits at the pipe."""

    def __init__(self, pipe):
        self._pipe = pipe

    def on_progress(self, case, epoch, share):
        if epoch == 2 and self._pipe is not None:
            os.write(self._pipe, b"now")
            self._pipe = None
            os.kill(os.getpid(), signal.SIGSTOP)


def train_stopped(root, fifo):
    """Train the tiny case, stopped in epoch 2 until another process continues it."""
    dataset = make_dataset()
    with open(fifo, "wb", buffering=0) as pipe:
        context = TrainingContext(callback=Stopped(pipe.fileno()))
        result = train(make_case(dataset), dataset, ResultsFolder(root), CPU, context=context)
    return result.disturbed_epochs, result.disturbance_causes, result.epoch_seconds


def test_epoch_in_which_the_process_was_stopped_is_disturbed(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = Process(train_stopped, tmp_path / "results", fifo)

    def let_it_continue():
        with open(fifo, "rb", buffering=0) as pipe:
            assert pipe.read(3) == b"now"
        time.sleep(STOPPED_SECONDS)
        process.send(signal.SIGCONT)

    thread = threading.Thread(target=let_it_continue)
    thread.start()
    epochs, causes, seconds = process.wait()
    thread.join()
    assert 2 in epochs
    (cause,) = [one for one in causes if one.startswith("the process was stopped for 1.")]
    assert cause
    assert seconds[1] > STOPPED_SECONDS
