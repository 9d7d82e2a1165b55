"""Another user of the machine who takes the names in /tmp that this user's training uses."""

import fcntl
import os
import tempfile

import pytest

from harness.errors import InputError
from harness.hardware import co_scheduling, cpu_affinity
from harness.private_folder import machine_folder
from harness.study.engines.cluster.scratch import scratch_folder
from harness.training import train as training
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.train import train
from tests.helpers.tiny import CPU, make_case
from tests.helpers.users import as_other_user, place_of_all_users


@pytest.fixture
def victim(tmp_path):
    """A folder of this user's files that the other user's links point to."""
    home = tmp_path / "home"
    (home / "project/poetry").mkdir(parents=True)
    (home / "project/poetry/main.py").write_text("")
    (home / "project/poetry.lock").write_text("versions\n")
    (home / ".bashrc").write_text("alias ll='ls -l'\n")
    return home


@pytest.fixture
def occupied(victim, monkeypatch):
    """A TMPDIR in which the other user has made this user's folder, with links in it, and holds its lock."""
    with place_of_all_users() as place:
        place.chmod(0o1777)
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / "none"))
        monkeypatch.setattr(co_scheduling, "machine_folder", machine_folder)
        monkeypatch.setattr(training, "_reported_obstacles", set())
        folder = place / f"wider-or-deeper-{os.geteuid()}"
        with as_other_user():
            folder.mkdir()
            folder.chmod(0o777)
            (folder / "arrivals").symlink_to(victim / ".bashrc")
            (folder / "scratch").symlink_to(victim / "project")
            lock = open(folder / ".lock", "w")  # noqa: SIM115
            fcntl.flock(lock, fcntl.LOCK_EX)
        with lock:
            yield folder


class Notices(TrainingCallback):
    def __init__(self):
        self.texts = []

    def on_notice(self, case, text):
        self.texts.append(text)


def files_of(victim):
    return {path.relative_to(victim): path.is_file() and path.read_text() for path in victim.rglob("*")}


def test_training_begins_though_another_user_holds_its_lock(occupied, victim, tiny_dataset, results):
    before, notices = files_of(victim), Notices()
    for seed in (0, 1):
        case = make_case(tiny_dataset, seed=seed)
        assert train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=notices)).is_complete
    assert files_of(victim) == before
    (text,) = notices.texts
    assert text.startswith(f"other cases on this machine are not detected: {occupied} is a folder of the user ")
    assert text.endswith("; set TMPDIR to a folder of your own, e.g. TMPDIR=/scratch/tmp")


def test_cores_are_not_claimed_in_another_users_folder(occupied):
    before = os.sched_getaffinity(0)
    with cpu_affinity.claimed(1) as cores:
        assert cores == ()
        assert os.sched_getaffinity(0) == before


def test_a_scratch_folder_is_not_made_in_another_users_folder(occupied, victim):
    before = files_of(victim)
    with pytest.raises(InputError, match=f"{occupied} is a folder of the user"), scratch_folder():
        pass
    assert files_of(victim) == before


def test_training_begins_though_an_own_process_holds_the_lock_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(co_scheduling, "_MAX_LOCK_SECONDS", 0.1)  # it was suspended just then
    with open(tmp_path / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with co_scheduling.CoSchedulingMonitor(tmp_path) as monitor:
            assert "lock" in monitor.obstacle
            assert not monitor.saw_other_case


@pytest.mark.parametrize("name", [".lock", "arrivals", "present-0"])
def test_a_link_left_in_the_own_folder_changes_no_file(name, victim, tmp_path):
    """As one that another user left while the folder was still open to all."""
    folder, before = tmp_path / "machine", files_of(victim)
    folder.mkdir()
    (folder / name).symlink_to(victim / ".bashrc")
    with co_scheduling.CoSchedulingMonitor(folder) as monitor:
        assert monitor.obstacle.startswith("other cases on this machine are not detected: ")
    assert files_of(victim) == before
