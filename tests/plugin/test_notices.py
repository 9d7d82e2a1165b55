from harness.plugin.notices import Notices
from harness.text import ProgressLine, printable_lines
from tests.helpers.evil_names import EVIL_NAMES


def drawn(*lines, width=20, redraws=True, seconds=0):
    """The text that lines leave on a terminal, each so many seconds after the one before."""
    written, clock = [], iter(range(0, 10_000, seconds or 1))
    notices = Notices(
        lambda line: written.append(line + "\n"), written.append if redraws else None, width, lambda: next(clock)
    )
    for line in lines:
        notices(line)
    return "".join(written)


def test_progress_is_redrawn_and_other_lines_take_its_place():
    assert drawn(ProgressLine("1 of 20"), ProgressLine("9 of 20"), "done") == "\r1 of 20\r9 of 20\r       \rdone\n"


def test_a_shorter_line_of_progress_covers_the_longer_one():
    assert drawn(ProgressLine("100"), ProgressLine("7"), ProgressLine("")) == "\r100\r7  \r \r"


def test_a_line_of_progress_is_cut_to_the_terminal():
    assert drawn(ProgressLine("decoding many images"), width=10) == "\rdecoding…"


def test_a_log_has_a_line_of_progress_every_half_minute():
    lines = [ProgressLine(f"{number}") for number in range(1, 7)]
    assert drawn(*lines, redraws=False, seconds=10) == "3\n6\n"
    assert drawn("a", ProgressLine(""), "b", redraws=False, seconds=100) == "a\nb\n"


def test_names_and_passwords_in_a_line_cannot_reach_the_terminal():
    for name in EVIL_NAMES:
        line = drawn(f"reads {name}")
        assert printable_lines(line) == line
        assert line.count("\n") == 1
    assert drawn("tracked at http://me:pw@host") == "tracked at http://me:***@host\n"
