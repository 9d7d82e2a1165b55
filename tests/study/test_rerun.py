from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.files import with_sha256
from harness.study.rerun import Rerun
from tests.helpers.forged_weights import SPECIAL


def test_every_selected_case_is_trained_again_once(tmp_path):
    rerun = Rerun(tmp_path)
    assert rerun.begin(["a", "b"]) == 0
    assert rerun.is_pending("a")
    rerun.mark_done("a")
    assert [rerun.is_pending(case) for case in "ab"] == [False, True]


def test_an_interrupted_rerun_resumes_with_the_cases_that_are_left(tmp_path):
    first = Rerun(tmp_path)
    first.begin(["a", "b", "c"])
    first.mark_done("a")
    second = Rerun(tmp_path)
    assert second.begin(["a", "b", "c", "new"]) == 1
    assert [case for case in ("a", "b", "c", "new") if second.is_pending(case)] == ["b", "c", "new"]


def test_a_case_that_is_added_later_leaves_the_others_as_they_are(tmp_path):
    first = Rerun(tmp_path)
    first.begin(["a", "b"])
    first.mark_done("a")
    first.begin(["late"])
    first.mark_done("late")
    second = Rerun(tmp_path)
    assert second.begin(["a", "b", "late"]) == 2
    assert [case for case in ("a", "b", "late") if second.is_pending(case)] == ["b"]
    second.begin([])
    assert [case for case in ("a", "b", "late") if second.is_pending(case)] == ["b"]


def test_a_finished_rerun_is_forgotten(tmp_path):
    rerun = Rerun(tmp_path)
    rerun.begin(["a"])
    rerun.mark_done("a")
    assert list(tmp_path.iterdir()) == []
    assert Rerun(tmp_path).begin(["a"]) == 0


def test_a_rerun_of_none_of_the_left_cases_starts_from_scratch(tmp_path):
    first = Rerun(tmp_path)
    first.begin(["a", "b"])
    first.mark_done("a")
    second = Rerun(tmp_path)
    assert second.begin(["a"]) == 0
    assert second.is_pending("a")


def test_a_case_that_was_not_selected_is_pending_until_it_is_done(tmp_path):
    rerun = Rerun(tmp_path)
    assert rerun.is_pending("a")
    rerun.mark_done("a")
    assert not rerun.is_pending("a")


def test_a_folder_that_cannot_be_written_to_is_no_error():
    rerun = Rerun(Path("/proc/nothing"))
    rerun.begin(["a"])
    assert rerun.is_pending("a")


@pytest.mark.parametrize("content", ['{"schema_version": 1}', "[]", "garbage"])
def test_a_damaged_rerun_file_is_ignored(content, tmp_path):
    Rerun(tmp_path).begin(["a", "b"])
    (tmp_path / ".rerun.json").write_text(content)
    assert Rerun(tmp_path).begin(["a", "b"]) == 0


@given(content=st.binary(max_size=200))
def test_arbitrary_bytes_are_no_rerun_and_no_error(content, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    (folder / ".rerun.json").write_bytes(content)
    assert Rerun(folder).begin(["a"]) == 0


LISTS = {
    "mixed types": (["a", 1], ["a", 1]),
    "nothing among them": (["a", None], ["a"]),
    "a list among them": (["a", ["b"]], ["a"]),
    "an object among them": (["a"], ["a", {}]),
    "a text": ("ab", "ab"),
    "an object": ({"a": 1, "b": 2}, {"a": 1}),
    "a number": (5, ["a"]),
    "absent": (None, ["a"]),
}


@pytest.mark.parametrize("kind", LISTS)
def test_sealed_rerun_file_of_other_types_is_ignored(kind, tmp_path):
    lists = dict(zip(("asked", "left"), LISTS[kind], strict=True))
    (tmp_path / ".rerun.json").write_text(with_sha256({"schema_version": 1, **lists}))
    rerun = Rerun(tmp_path)
    assert rerun.begin(["a", "b"]) == 0
    assert rerun.is_pending("a")
    rerun.mark_done("a")
    assert Rerun(tmp_path).begin(["a", "b"]) == 1


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_file_as_rerun_is_no_rerun_and_no_error(kind, tmp_path):
    SPECIAL[kind](tmp_path / ".rerun.json")
    rerun = Rerun(tmp_path)
    assert rerun.begin(["a"]) == 0
    assert rerun.is_pending("a")
    rerun.mark_done("a")
    assert not rerun.is_pending("a")
