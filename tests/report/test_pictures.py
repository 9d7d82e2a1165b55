"""Pictures on the page, read by a function that the report is given."""

from dataclasses import replace

import pytest

from harness.errors import InputError
from harness.report.pictures import with_pictures
from harness.report.section import Picture, Section
from tests.analysis.synthetic_evidence import measured

SECTION = Section(
    "title", sentences=["one"], pictures=[Picture(3, "cat", {"a": "cat", "b": "dog"}), Picture(1, "dog", {})]
)


@pytest.fixture(scope="module")
def evidence():
    return measured({"resnet20": [90.0], "resnet56": [91.0]})


def test_pictures_are_read_at_their_positions(evidence):
    asked = []
    shown = with_pictures(SECTION, evidence, lambda *what: asked.append(what) or [b"3", b"1"], is_public=False)
    assert asked == [(evidence.used_results[0], [3, 1])]
    assert [(one.position, one.png) for one in shown.pictures] == [(3, b"3"), (1, b"1")]
    assert shown.sentences == SECTION.sentences


def test_section_without_pictures_reads_no_images(evidence):
    section = replace(SECTION, pictures=())
    assert with_pictures(section, evidence, lambda *_: pytest.fail("read"), is_public=False) is section


def absent(*_):
    raise InputError("dataset cifar10 is not in /home/ann/data: put files there")


@pytest.mark.parametrize("is_public", [False, True])
@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (None, "run `python -m harness report --data-dir FOLDER`"),
        (absent, "the test images are not found, are others now, or are too many to load; run"),
    ],
)
def test_without_the_images_a_line_says_how_to_get_them(read, reason, is_public, evidence):
    shown = with_pictures(SECTION, evidence, read, is_public=is_public)
    assert list(shown.pictures) == []
    assert shown.sentences[-1].startswith(f"2 pictures of such images are not shown: {reason}")
    assert "ann" not in shown.sentences[-1]


def test_public_report_has_no_pictures_of_the_users_own_images(evidence):
    own = replace(evidence, dataset="folder:/home/ann/cats")
    shown = with_pictures(SECTION, own, lambda *_: pytest.fail("read"), is_public=True)
    assert list(shown.pictures) == []
    assert "own images, which a public report leaves out" in shown.sentences[-1]
    assert with_pictures(SECTION, own, lambda *_: [b"3", b"1"], is_public=False).pictures[0].png == b"3"
    assert with_pictures(SECTION, evidence, lambda *_: [b"3", b"1"], is_public=True).pictures[0].png == b"3"
