from dataclasses import replace

import pytest

from harness.plugin import progress
from harness.plugin.progress import Progress, progress_line
from tests.helpers.records import RECORD
from tests.helpers.tiny import make_case
from tests.plugin.benches import CONFTEST


@pytest.fixture
def case(tiny_dataset):
    return make_case(tiny_dataset)


@pytest.mark.parametrize(
    ("epoch", "share", "seconds", "elapsed", "last", "expected"),
    [
        (1, 0.25, [], 1.0, None, "digits resnet8 seed 0 · epoch 1/3 (25%) · 4.0s/epoch · 11s left"),
        (2, 0.5, [2.0], 9.0, RECORD, "digits resnet8 seed 0 · epoch 2/3 (50%) · 33.0 % · 2.0s/epoch · 3.0s left"),
        (2, 1.0, [2.0], 9.0, RECORD, "digits resnet8 seed 0 · epoch 2/3 · 33.0 % · 2.0s/epoch · 2.0s left"),
        (3, 1.0, [2.0, 2.0, 5.0], 0.0, RECORD, "digits resnet8 seed 0 · epoch 3/3 · 33.0 % · 3.0s/epoch · 0.0s left"),
        (1, 0.0, [], 0.0, None, "digits resnet8 seed 0 · epoch 1/3 (0%)"),
    ],
)
def test_the_line_shows_the_share_done_and_the_time_left(epoch, share, seconds, elapsed, last, expected, case):
    assert progress_line(case, epoch, share, seconds, elapsed, last) == expected


def test_a_terminal_redraws_one_line_within_its_width(case, monkeypatch):
    monkeypatch.setattr(progress, "_REDRAW_SECONDS", 0.0)
    written = []
    shown = Progress(written.append, redraws=True, width=40, place="3/22")
    shown.on_progress(case, 1, 0.5)
    shown.on_epoch(case, RECORD)
    shown.close()
    assert all(text.startswith("\r") for text in written)
    assert written[0].startswith("\r3/22 digits resnet8 seed 0 · epoch 1/3")
    assert {len(text) for text in written[:2]} == {40}
    assert written[2].strip() == ""


def test_a_log_gets_a_line_only_now_and_then(case, monkeypatch):
    written = []
    shown = Progress(written.append, redraws=False, width=80)
    shown.on_epoch(case, RECORD)
    assert written == []
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    shown.on_epoch(case, RECORD)
    shown.close()
    assert written == ["\ndigits resnet8 seed 0 · epoch 1/3 · 33.0 % · 2.0s/epoch · 2.0s left"]


def test_a_notice_has_a_line_of_its_own(case, monkeypatch):
    monkeypatch.setattr(progress, "_REDRAW_SECONDS", 0.0)
    written = []
    shown = Progress(written.append, redraws=True, width=40, place="3/22")
    shown.on_progress(case, 1, 0.5)
    shown.on_notice(case, "another process is at it")
    assert [text.strip() for text in written[1:]] == ["", "3/22 digits resnet8 seed 0: another process is at it"]
    assert written[2][0] == written[2][-1] == "\n"


def test_a_resumed_case_estimates_from_its_earlier_epochs(case, monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    written = []
    shown = Progress(written.append, redraws=False, width=80)
    shown.on_resume(case, [RECORD, replace(RECORD, epoch=2)])
    assert shown.epochs_done == 2
    shown.on_progress(case, 3, 0.5)
    assert written == [
        "\ndigits resnet8 seed 0: resuming after epoch 2 of 3\n",
        "\ndigits resnet8 seed 0 · epoch 3/3 (50%) · 33.0 % · 2.0s/epoch · 1.0s left",
    ]


def test_progress_with_time_left_is_shown_without_s(bench, pytester):
    pytester.makeconftest(CONFTEST + "\nimport harness.plugin.progress\nharness.plugin.progress._LINE_SECONDS = 0.0")
    run = pytester.runpytest_subprocess("-k", "resnet8-seed0")
    run.stdout.fnmatch_lines(["*1/1 digits resnet8 seed 0 · epoch 1/2 *", "*epoch 2/2*/epoch · * left*"])


def test_a_trackers_notice_is_shown_while_the_case_trains(case):
    written, lines = [], ["mlflow: does not log now"]
    shown = Progress(written.append, redraws=False, width=80, notices=lambda: [lines.pop()] if lines else [])
    shown.on_epoch(case, RECORD)
    shown.on_epoch(case, RECORD)
    assert written == ["\nmlflow: does not log now\n"]
