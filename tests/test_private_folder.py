import os
import pwd
import stat
import tempfile
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.private_folder import append, is_private, machine_folder, make_private, temporary_folder
from tests.helpers.users import OTHER_USER, as_other_user, place_of_all_users

NAME = f"wider-or-deeper-{os.geteuid()}"
OTHER = pwd.getpwuid(OTHER_USER).pw_name
REMEDY = "\nset TMPDIR to a folder of your own, e.g. TMPDIR=/scratch/tmp"


def mode_of(path):
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def shared(monkeypatch):
    """A TMPDIR in which every user can make a folder; there is no XDG_RUNTIME_DIR."""
    with place_of_all_users() as place:
        place.chmod(0o1777)
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / "none"))
        yield place


@pytest.fixture
def occupied(shared):
    """The name of this user's folder in TMPDIR, of another user's folder."""
    with as_other_user():
        (shared / NAME).mkdir(mode=0o777)
        (shared / NAME).chmod(0o777)
    return shared / NAME


def test_the_temporary_folder_is_closed_to_other_users(shared):
    assert temporary_folder() == machine_folder() == shared / NAME
    assert mode_of(shared / NAME) == 0o700
    with as_other_user():
        assert temporary_folder() != shared / NAME


def test_an_own_folder_with_too_many_rights_is_closed(tmp_path):
    for mode in (0o777, 0o770, 0o755, 0o1707):
        folder = tmp_path / f"{mode:o}"
        folder.mkdir()
        folder.chmod(mode)
        assert make_private(folder) == folder
        assert mode_of(folder) == 0o700


def test_a_folder_of_another_user_is_refused_with_its_owner(occupied):
    for find in (temporary_folder, machine_folder):
        with pytest.raises(InputError) as caught:
            find()
        told = f"{occupied} is a folder of the user {OTHER}, not a folder of this user's own{REMEDY}"
        assert str(caught.value) == told
    assert mode_of(occupied) == 0o777


def test_a_link_is_refused_though_its_folder_is_own(shared, tmp_path):
    tmp_path.chmod(0o755)
    with as_other_user():
        (shared / NAME).symlink_to(tmp_path)
    with pytest.raises(InputError, match=f"{NAME} is a link of the user {OTHER}, not a folder of this user's own"):
        temporary_folder()
    assert mode_of(tmp_path) == 0o755


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_not_a_folder_is_refused(make, tmp_path):
    make(tmp_path / "f")
    with pytest.raises(InputError, match=r"is a (file|link) of the user \w+, not a folder of this user's own"):
        make_private(tmp_path / "f")


def test_a_place_that_takes_no_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot make the folder .*none/own \(No such .*\): set TMPDIR"):
        make_private(tmp_path / "none/own")


def test_processes_meet_in_the_runtime_folder_if_tmpdirs_is_occupied(occupied, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert machine_folder() == tmp_path / "wider-or-deeper"
    assert mode_of(machine_folder()) == 0o700
    with pytest.raises(InputError, match=f"user {OTHER}"):
        temporary_folder()  # large files have no place in the memory that the runtime folder is


def test_processes_with_and_without_a_login_session_meet(shared, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    in_a_session = machine_folder()
    monkeypatch.delenv("XDG_RUNTIME_DIR")  # as in a cron job
    assert machine_folder() == in_a_session


@pytest.mark.parametrize("runtime", ["", "relative", "/nonexistent", "/dev/null"])
def test_a_wrong_runtime_folder_is_not_used(runtime, occupied, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    with pytest.raises(InputError, match=f"{NAME} is a folder of the user {OTHER}"):
        machine_folder()


def test_a_runtime_folder_of_another_user_is_not_used(occupied, shared, monkeypatch):
    with as_other_user():
        (shared / "runtime").mkdir()
        (shared / "runtime/wider-or-deeper").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shared / "runtime"))
    with pytest.raises(InputError, match=f"{NAME} is a folder of the user {OTHER}"):
        machine_folder()


def test_a_folder_is_private_if_no_other_user_can_enter_it(occupied, tmp_path):
    assert is_private(tmp_path)
    assert not is_private(occupied)
    for mode in (0o701, 0o710, 0o755):
        tmp_path.chmod(mode)
        assert not is_private(tmp_path)


def test_append_makes_and_extends_an_own_file(tmp_path):
    append(tmp_path / "f", b"a")
    append(tmp_path / "f", b"b")
    assert (tmp_path / "f").read_bytes() == b"ab"
    assert mode_of(tmp_path / "f") == 0o600


@pytest.mark.parametrize("kind", ["link", "dangling link", "second name", "pipe", "folder", "other user's"])
def test_append_changes_no_file_that_may_be_anothers(kind, tmp_path):
    (tmp_path / ".bashrc").write_text("alias")
    path = tmp_path / "arrivals"
    if kind == "link":
        path.symlink_to(".bashrc")
    elif kind == "dangling link":
        path.symlink_to("new")
    elif kind == "second name":
        path.hardlink_to(tmp_path / ".bashrc")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif os.geteuid() == 0:
        path.touch()
        os.chown(path, OTHER_USER, OTHER_USER)
    else:
        pytest.skip("only root can make a file of another user")
    with pytest.raises(OSError, match=".+"):
        append(path, b".")
    assert (tmp_path / ".bashrc").read_text() == "alias"
    assert not (tmp_path / "new").exists()
    assert kind != "other user's" or path.read_bytes() == b""
