import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.study.rerun import Rerun


def test_every_selected_case_is_trained_again_once(tmp_path):
    rerun = Rerun(tmp_path)
    assert rerun.begin(["a", "b"]) == 0
    assert rerun.wants("a")
    rerun.done("a")
    assert [rerun.wants(case) for case in "ab"] == [False, True]


def test_an_interrupted_rerun_goes_on_with_what_is_left(tmp_path):
    first = Rerun(tmp_path)
    first.begin(["a", "b", "c"])
    first.done("a")
    second = Rerun(tmp_path)
    assert second.begin(["a", "b", "c", "new"]) == 1
    assert [case for case in ("a", "b", "c", "new") if second.wants(case)] == ["b", "c", "new"]


def test_a_rerun_that_came_to_its_end_is_forgotten(tmp_path):
    rerun = Rerun(tmp_path)
    rerun.begin(["a"])
    rerun.done("a")
    assert list(tmp_path.iterdir()) == []
    assert Rerun(tmp_path).begin(["a"]) == 0


def test_what_an_interrupted_rerun_has_done_is_done_again_if_nothing_that_it_left_is_selected(tmp_path):
    first = Rerun(tmp_path)
    first.begin(["a", "b"])
    first.done("a")
    second = Rerun(tmp_path)
    assert second.begin(["a"]) == 0
    assert second.wants("a")


def test_a_case_that_nobody_announced_is_wanted_until_it_is_done(tmp_path):
    rerun = Rerun(tmp_path)
    assert rerun.wants("a")
    rerun.done("a")
    assert not rerun.wants("a")


def test_a_folder_that_takes_no_files_is_no_obstacle():
    from pathlib import Path

    rerun = Rerun(Path("/proc/nothing"))
    rerun.begin(["a"])
    assert rerun.wants("a")


@pytest.mark.parametrize("content", ['{"schema_version": 1}', "[]", "garbage"])
def test_a_damaged_memory_of_a_rerun_is_none(content, tmp_path):
    Rerun(tmp_path).begin(["a", "b"])
    (tmp_path / ".rerun.json").write_text(content)
    assert Rerun(tmp_path).begin(["a", "b"]) == 0


@given(content=st.binary(max_size=200))
def test_any_bytes_are_no_rerun(content, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    (folder / ".rerun.json").write_bytes(content)
    assert Rerun(folder).begin(["a"]) == 0
