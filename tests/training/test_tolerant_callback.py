import errno

import pytest

from harness.training.callback import TolerantCallback, TrainingCallback
from harness.training.context import TrainingContext
from harness.training.show_progress import ShowProgress
from harness.training.train import train
from tests.helpers.tiny import CPU, make_case
from tests.helpers.training import interrupt


class Raising(TrainingCallback):
    """A callback each of whose outputs raises an error."""

    def __init__(self, error):
        self._error = error
        self.calls = set()

    def _raise(self, name):
        self.calls.add(name)
        raise self._error

    def on_notice(self, case, text):
        self._raise("notice")

    def on_resume(self, case, records):
        self._raise("resume")

    def on_reuse(self, case, result):
        self._raise("reuse")

    def on_warm_up(self, case):
        self._raise("warm_up")

    def on_progress(self, case, epoch, share):
        self._raise("progress")

    def on_epoch(self, case, record):
        self._raise("epoch")

    def on_sweep(self, state):
        self._raise("sweep")


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EIO, "Input/output error"), UnicodeEncodeError("ascii", "ω", 0, 1, "unknown"),
     ValueError("I/O operation on closed file.")],
    ids=["terminal", "character", "closed"],
)  # fmt: skip
def test_case_completes_although_its_callback_cannot_write(tiny_dataset, results, error, caplog):
    case, callback = make_case(tiny_dataset), Raising(error)
    interrupt(case, tiny_dataset, results, 2)
    for _ in range(2):
        result = train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=callback))
        assert (result.status, result.cause) == ("complete", None)
    TolerantCallback(callback).on_sweep(lambda: None)
    TolerantCallback(callback).on_notice(None, "a line")
    assert caplog.text.count("Raising lost its output, and training continues: ") == 4  # a callback each
    assert callback.calls == {"notice", "resume", "reuse", "warm_up", "progress", "epoch", "sweep"}


@pytest.mark.parametrize("error", [RuntimeError("a bug"), TimeoutError(), OSError(errno.ENOENT, "no such file")])
def test_other_errors_of_a_callback_fail_the_case(tiny_dataset, results, error):
    case = make_case(tiny_dataset)
    with pytest.raises(type(error)):
        train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=Raising(error)))
    assert results.find(case).status == "failed"


def test_every_method_of_a_callback_is_passed_on():
    methods = {name for name in vars(TrainingCallback) if not name.startswith("_")}
    assert methods <= vars(TolerantCallback).keys()


def test_questions_are_passed_on():
    class Stopping(TrainingCallback):
        def should_stop(self):
            return True

        def is_stop(self, error):
            return isinstance(error, TimeoutError)

    callback = TolerantCallback(Stopping())
    assert callback.should_stop()
    assert (callback.is_stop(TimeoutError()), callback.is_stop(OSError())) == (True, False)


def test_error_of_training_itself_is_a_failure_even_if_it_is_eio(tiny_dataset, results, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("harness.training.trainers.fast.FastTrainer.train_epoch", broken)
    with pytest.raises(OSError, match="Input/output"):
        train(make_case(tiny_dataset), tiny_dataset, results, CPU)
    assert results.find(make_case(tiny_dataset)).status == "failed"


def test_progress_on_a_full_disk_is_lost(tiny_dataset, results):
    with open("/dev/full", "w") as full:
        context = TrainingContext(callback=ShowProgress(full))
        assert train(make_case(tiny_dataset), tiny_dataset, results, CPU, context=context).is_complete
