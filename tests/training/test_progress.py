from dataclasses import replace

import pytest

from harness.text import printable_lines
from harness.training import progress
from harness.training.progress import LastShown, Progress, epoch_pace, progress_line
from tests.helpers.records import RECORD
from tests.helpers.tiny import make_case


@pytest.fixture
def case(tiny_dataset):
    return make_case(tiny_dataset)


@pytest.mark.parametrize(
    ("epoch", "share", "seconds", "elapsed", "last", "expected"),
    [
        (1, 0.25, [], 1.0, None, "digits resnet8 seed 0 · epoch 1/3 (25%) · 4.0s/epoch · 11s left"),
        (2, 0.5, [2.0], 9.0, RECORD, "digits resnet8 seed 0 · epoch 2/3 (50%) · 33.0 % · 2.0s/epoch · 3.0s left"),
        (2, 1.0, [2.0], 9.0, RECORD, "digits resnet8 seed 0 · epoch 2/3 · 33.0 % · 2.0s/epoch · 2.0s left"),
        (3, 1.0, [2.0, 2.0, 5.0], 0.0, RECORD, "digits resnet8 seed 0 · epoch 3/3 · 33.0 % · 2.0s/epoch · 0.0s left"),
        (1, 0.0, [], 0.0, None, "digits resnet8 seed 0 · epoch 1/3 (0%)"),
    ],
)
def test_the_line_shows_the_share_done_and_the_time_left(epoch, share, seconds, elapsed, last, expected, case):
    assert progress_line(case, epoch, share, seconds, epoch_pace(seconds, share, elapsed), last) == expected


def test_an_epoch_with_a_stop_does_not_lengthen_the_time_left():
    assert epoch_pace([2.0, 300.0, 2.5], 0.5, 1.0) == 2.5


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


def test_a_line_in_a_log_follows_the_last_one_of_the_case_before(case, monkeypatch):
    monkeypatch.setattr(progress.time, "monotonic", lambda: 1000.0)
    written, last_shown = [], LastShown(960.0)
    for _ in range(2):
        shown = Progress(written.append, redraws=False, width=80, last_shown=last_shown)
        shown.on_epoch(case, RECORD)
    assert len(written) == 1  # 40 seconds after the last; the second case has to wait
    assert last_shown.seconds == 1000.0


def test_another_case_starts_from_zero(case):
    shown = Progress(lambda _: None, redraws=True, width=80)
    shown.on_epoch(case, RECORD)
    assert shown.epochs_done == 1
    shown.on_warm_up(replace(case, seed=1))
    assert shown.epochs_done == 0


def test_the_time_left_of_all_cases_is_shown_while_cases_follow(case):
    line = progress_line(case, 1, 1.0, [2.0], 2.0, RECORD, seconds_after=600.0)
    assert line.endswith("· 2.0s/epoch · 4.0s left · 10m04s left in all")
    assert "of all" not in progress_line(case, 1, 1.0, [2.0], 2.0, RECORD, seconds_after=0.0)
    assert "of all" not in progress_line(case, 1, 1.0, [2.0], 2.0, RECORD, seconds_after=None)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (74, "digits resnet8 seed 0 · epoch 2/3 (50%) · 3.0s left · 10m03s left in all"),
        (60, "digits resnet8 seed 0 · epoch 2/3 (50%) · 10m03s left in all"),
        (55, "… resnet8 seed 0 · epoch 2/3 (50%) · 10m03s left in all"),
    ],
)
def test_a_long_line_loses_its_least_important_parts(width, expected, case):
    line = progress_line(case, 2, 0.5, [2.0], 2.0, RECORD, 600.0, width)
    assert len(line) <= width
    assert line == expected


def test_a_trackers_notice_is_shown_while_the_case_trains(case):
    written, lines = [], ["mlflow: does not log now"]
    shown = Progress(written.append, redraws=False, width=80, notices=lambda: [lines.pop()] if lines else [])
    shown.on_epoch(case, RECORD)
    shown.on_epoch(case, RECORD)
    assert written == ["\nmlflow: does not log now\n"]


def test_names_in_progress_and_notices_cannot_control_the_terminal(case, monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    evil, written = replace(case, dataset="folder:/x/\x1b[2J\u202e\r"), []
    shown = Progress(written.append, redraws=False, width=80)
    shown.on_progress(evil, 1, 0.5)
    shown.on_notice(evil, "reads \x1b[31mred")
    assert [printable_lines(text) == text for text in written] == [True, True]
    assert r"folder:/x/\x1b[2J\u202e\r resnet8" in written[1]
