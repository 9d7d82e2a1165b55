import pytest

from harness.errors import InputError
from harness.study.engines.cluster.scratch import scratch_folder


def test_scratch_folders_of_killed_workers_are_removed_and_others_kept(tmp_path):
    place, left = tmp_path / "scratch", "0" * 32
    (place / left).mkdir(parents=True)
    (place / left / "checkpoint-00001-1.safetensors").write_text("")
    (place / f"{left}.lock").write_text("")
    with scratch_folder(place) as first:
        assert not (place / left).exists()
        with scratch_folder(place) as second:
            assert first.is_dir()
            assert second != first
    assert list(place.iterdir()) == []


def make_project(folder):
    """Make a project with a lock file, as Poetry and Bundler do; return its files."""
    for name in ("poetry", "0" * 31):
        (folder / name).mkdir(parents=True)
        (folder / name / "main.py").write_text("")
        (folder / f"{name}.lock").write_text("versions")
    return sorted(folder.rglob("*"))


def test_a_scratch_place_that_is_a_link_is_refused_and_nothing_removed(tmp_path):
    files = make_project(tmp_path / "project")
    (tmp_path / "scratch").symlink_to("project")
    says = r"scratch is a link of the user \w+, not a folder of this user's own"
    with pytest.raises(InputError, match=says), scratch_folder(tmp_path / "scratch"):
        pass
    assert sorted((tmp_path / "project").rglob("*")) == files


def test_scratch_keeps_files_and_folders_of_other_names(tmp_path):
    files = make_project(tmp_path / "scratch")
    with scratch_folder(tmp_path / "scratch"):
        pass
    assert sorted((tmp_path / "scratch").rglob("*")) == files


def test_scratch_follows_no_link_to_another_place(tmp_path):
    place, left = tmp_path / "scratch", "0" * 32
    place.mkdir()
    files = make_project(tmp_path / "project")
    (place / left).symlink_to(tmp_path / "project")
    (place / f"{left}.lock").write_text("")
    (place / f"{'1' * 32}.lock").symlink_to(tmp_path / "project/poetry.lock")
    with scratch_folder(place):
        pass
    assert sorted((tmp_path / "project").rglob("*")) == files
    assert (tmp_path / "project/poetry.lock").read_text() == "versions"
