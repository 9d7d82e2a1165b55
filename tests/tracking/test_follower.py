import pytest

from harness.tracking.follower import Follower
from harness.tracking.tracker import ReportFiles
from tests.tracking.file_tracker import FOLDER, FileTracker, runs_in
from tests.tracking.growing import GrowingCase


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self):
        return self.now


class Room:
    """A results folder with cases, and followers of it."""

    def __init__(self, results):
        self.root, self._results, self.notices, self.clock = results.root, results, [], Clock()

    def case(self, seed=0, **changes):
        case = GrowingCase(self._results, seed, **changes)
        case.begin()
        return case

    def follower(self, *cases, make=FileTracker, from_scratch=False):
        followed = [case.followed(from_scratch=from_scratch) for case in cases]
        return Follower("file", lambda: make(self.root), followed, self.notices.append, self.clock)

    def switch(self, name, on):
        (self.root / FOLDER).mkdir(exist_ok=True)
        file = self.root / FOLDER / name
        file.touch() if on else file.unlink()

    def runs(self):
        return runs_in(self.root)


@pytest.fixture
def room(results):
    return Room(results)


def test_each_epoch_is_logged_once_as_it_is_recorded(room):
    case = room.case()
    follower = room.follower(case)
    for epoch in range(1, 4):
        case.train()
        follower.update()
        follower.update()
        assert [run["steps"] for run in room.runs()] == [list(range(1, epoch + 1))]
    case.end()
    follower.end(None)
    (run,) = room.runs()
    assert run["statuses"] == ["running", "complete"]
    assert room.notices == [f"1 case logged in {room.root / FOLDER}"]


def test_a_resumed_training_continues_its_run(room):
    case = room.case()
    follower = room.follower(case)
    for _ in range(3):
        case.train()
        follower.update()
    follower.end(None)
    assert room.runs()[0]["statuses"] == ["running", "interrupted"]
    again = room.follower(case)
    case.resume(after=2)  # killed before the checkpoint after epoch 3
    case.train(2)
    again.update()
    case.end()
    again.end(None)
    (run,) = room.runs()
    assert run["steps"] == [1, 2, 3, 4]
    assert run["statuses"] == ["running", "interrupted", "running", "complete"]


def test_a_killed_session_leaves_a_run_that_is_continued(room):
    case = room.case()
    case.train(2)
    killed = room.follower(case)
    killed.update()
    killed._cases[0].lock.release()  # as the operating system does
    case.train(2)
    room.follower(case).update()
    assert [run["steps"] for run in room.runs()] == [[1, 2, 3, 4]]


def test_a_rerun_begins_a_run_and_logs_nothing_of_the_old_training(room):
    case = room.case()
    case.train(2)
    case.end()
    follower = room.follower(case, from_scratch=True)
    follower.update()
    assert room.runs() == []
    case.begin()
    case.train(1)
    follower.update()
    assert [run["steps"] for run in room.runs()] == [[1]]


def test_a_finished_case_is_logged_once_however_late_tracking_begins(room):
    case = room.case()
    case.train(3)
    case.end()
    for _ in range(2):
        follower = room.follower(case)
        follower.update()
        follower.end(None)
    (run,) = room.runs()
    assert (run["steps"], run["statuses"]) == ([1, 2, 3], ["complete"])
    assert len(room.notices) == 1


def test_a_failed_case_that_is_resumed_gets_its_new_status(room):
    case = room.case()
    case.train(1)
    case.end("out_of_memory")
    follower = room.follower(case)
    follower.update()
    case.resume()
    case.train(1)
    follower.update()
    case.end(at="2026-11-23T12:00:02.000+00:00")
    follower.end(None)
    (run,) = room.runs()
    assert (run["steps"], run["statuses"]) == ([1, 2], ["out_of_memory", "running", "complete"])


@pytest.mark.parametrize(("fault", "error"), [("down", "ConnectionError: no answer"), ("quit", "SystemExit:")])
def test_an_outage_is_one_notice_and_loses_nothing(fault, error, room):
    case = room.case()
    follower = room.follower(case)
    case.train()
    follower.update()
    room.switch(fault, on=True)
    for _ in range(3):
        case.train()
        room.clock.now += 100
        follower.update()
    assert len(room.notices) == 1
    assert room.notices[0].startswith(f"does not log now ({error}); training continues")
    room.switch(fault, on=False)
    room.clock.now += 100
    follower.update()
    assert room.notices[1:] == ["logs again, and has what it missed"]
    assert [run["steps"] for run in room.runs()] == [[1, 2, 3, 4]]


def test_a_tracker_that_is_down_is_asked_less_and_less_often(room):
    asked = []

    def down(root):
        asked.append(room.clock.now)
        raise ConnectionError

    follower = room.follower(room.case(), make=down)
    for second in range(200):
        room.clock.now = float(second)
        follower.update()
    assert asked == [0, 2, 6, 14, 30, 62, 122, 182]


def test_a_tracker_that_is_down_at_the_end_says_how_much_is_missing(room):
    cases = [room.case(seed) for seed in (0, 1)]
    follower = room.follower(*cases)
    for case in cases:
        case.train()
    follower.update()
    cases[0].train()
    room.switch("down", on=True)
    follower.end(None)
    assert (
        room.notices[-1]
        == "1 case not logged completely: run the command again, without --rerun, to log what is missing"
    )
    room.switch("down", on=False)
    follower.end(None)
    assert [run["steps"] for run in room.runs()] == [[1, 2], [1]]


def test_a_case_that_the_tracker_refuses_does_not_hold_up_others(room):
    class Choosy(FileTracker):
        def open_run(self, training):
            if training.label.endswith("seed 0"):
                raise ValueError("refused")
            return super().open_run(training)

    cases = [room.case(seed) for seed in (0, 1, 2)]
    for case in cases:
        case.train()
    follower = room.follower(*cases, make=Choosy)
    for _ in range(3):
        room.clock.now += 100
        follower.update()
    assert [run["label"][-6:] for run in room.runs()] == ["seed 1", "seed 2"]


def test_two_sessions_do_not_log_an_epoch_twice(room):
    case = room.case()
    first, second = room.follower(case), room.follower(case)
    for _ in range(3):
        case.train()
        first.update()
        second.update()
    assert [run["steps"] for run in room.runs()] == [[1, 2, 3]]
    second.end(None)
    assert second.logged == set()
    assert room.notices == ["1 case left to another session, which logs to it too"]


def test_the_report_is_logged_if_a_case_was(room, tmp_path):
    page = tmp_path / "index.html"
    page.write_text("the page")
    case = room.case()
    room.follower(case).end(ReportFiles(page, [], []))
    assert not (room.root / FOLDER / "report").exists()
    case.train()
    room.follower(case).end(ReportFiles(page, [], []))
    assert (room.root / FOLDER / "report").read_text() == "the page"


def test_a_line_for_the_user_has_no_password(room):
    class Remote(FileTracker):
        def __init__(self, root):
            super().__init__(root)
            self.place = "https://me:secret@tracking.example/#/experiments"

        def open_run(self, training):
            if not room.notices:
                raise ConnectionError(f"{self.place} does not answer")
            return super().open_run(training)

    case = room.case()
    case.train()
    follower = room.follower(case, make=Remote)
    follower.update()
    follower.end(None)
    assert room.notices[0].startswith("does not log now (ConnectionError: https://tracking.example/#/experiments does")
    assert room.notices[-1] == "1 case logged in https://tracking.example/#/experiments"
