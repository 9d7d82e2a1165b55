"""The progress of training in Python: in a terminal, in a notebook, or as lines in a log."""

import shutil
import sys
from typing import TextIO

from harness.config.case import Case
from harness.lost_output import TolerantOutput
from harness.results.result import EpochRecord, Result
from harness.training.progress import Progress


class ShowProgress(Progress):
    """A callback that prints a case's progress with its time left.

    A terminal and a notebook redraw one line; elsewhere a line is printed every 30 seconds.

        context = harness.TrainingContext(callback=harness.ShowProgress())
        harness.train(case, dataset, results, device, context=context)

    Args:
        stream: Receives the text; standard output if None.
    """

    shows_last_epoch = True

    def __init__(self, stream: TextIO | None = None) -> None:
        out = sys.stdout if stream is None else stream
        self._output = TolerantOutput(out)
        super().__init__(
            self._print, redraws=out.isatty() or is_notebook(out), width=shutil.get_terminal_size().columns
        )

    def on_reuse(self, case: Case, result: Result) -> None:
        self.on_notice(case, f"reused, finished at {result.finished_at}; rerun=True trains it again")

    def on_epoch(self, case: Case, record: EpochRecord) -> None:
        super().on_epoch(case, record)
        if self._is_drawn and record.epoch == case.recipe.epochs:
            self._print("\n")
            self._is_drawn = False

    def _print(self, text: str) -> None:
        self._output.write(text if self._redraws else text.strip("\n") + "\n")
        self._output.flush()


def is_notebook(stream: object) -> bool:
    """Return whether a text stream is the output of a notebook's cell."""
    return type(stream).__module__.partition(".")[0] == "ipykernel"
