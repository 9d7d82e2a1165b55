import io
import types
from dataclasses import replace

import pytest

import harness
from harness.training.show_progress import is_notebook
from tests.helpers.records import RECORD
from tests.helpers.tiny import CPU, make_case


class Terminal(io.StringIO):
    def isatty(self):
        return True


def notebook_stream():
    """A stream of the class that a notebook has as standard output, without a notebook."""
    return types.new_class("OutStream", (io.StringIO,), exec_body=lambda body: body.update(__module__="ipykernel.io"))()


@pytest.mark.parametrize("make_stream", [Terminal, notebook_stream])
def test_terminal_and_notebook_redraw_one_line_and_keep_the_last(make_stream, tiny_dataset):
    stream, case = make_stream(), make_case(tiny_dataset)
    shown = harness.ShowProgress(stream)
    for epoch in (1, 2, 3):
        shown.on_epoch(case, replace(RECORD, epoch=epoch))
    lines = stream.getvalue().split("\r")
    assert lines[1].startswith("digits resnet8 seed 0 · epoch 1/3 · 33.0 % · ")
    assert lines[-1].startswith("digits resnet8 seed 0 · epoch 3/3 · ")
    assert stream.getvalue().count("\n") == 1
    assert is_notebook(stream) == (make_stream is notebook_stream)


def test_log_gets_the_last_epochs_line_of_each_case(tiny_dataset):
    stream = io.StringIO()
    shown = harness.ShowProgress(stream)
    for seed in (0, 1):
        case = make_case(tiny_dataset, seed=seed)
        for epoch in (1, 2, 3):
            shown.on_epoch(case, replace(RECORD, epoch=epoch))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert all(f"seed {seed} · epoch 3/3 · " in line for seed, line in enumerate(lines))


def test_training_context_takes_the_callback():
    context = harness.TrainingContext(callback=harness.ShowProgress(io.StringIO()))
    assert isinstance(context.callback, harness.ShowProgress)


def test_a_reused_result_is_not_returned_in_silence(tiny_result, tiny_dataset, tiny_folder):
    stream = io.StringIO()
    context = harness.TrainingContext(callback=harness.ShowProgress(stream))
    assert harness.train(tiny_result.case, tiny_dataset, tiny_folder, CPU, context=context) == tiny_result
    assert stream.getvalue() == (
        f"digits resnet8 seed 0: reused, finished at {tiny_result.finished_at}; rerun=True trains it again\n"
    )
