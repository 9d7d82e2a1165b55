"""A set-up as in a container: a user without a name and a home, a read-only checkout, a small /dev/shm."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.helpers import REPOSITORY

UID = "12345"  # without a passwd entry
# The user may read all files, since the interpreter may lie below /root, and write none but its own.
AS_USER = ("setpriv", "--reuid", UID, "--regid", UID, "--clear-groups")
READING = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
# Docker's default size; the user cannot reach a folder of root's by its own path.
MOUNT = 'mount -t tmpfs -o size=64m none /dev/shm && mount --bind "$0" /mnt && cd /mnt && exec "$@"'


def container_command(folder):
    """Return the beginning of a command that runs in the set-up, with the folder at /mnt."""
    return ["unshare", "-m", "bash", "-c", MOUNT, str(folder), *AS_USER, *READING]


def why_not():
    """Return why this machine cannot make the set-up; None if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root on Linux can run as another user"
    if missing := [tool for tool in ("unshare", "setpriv", "git") if shutil.which(tool) is None]:
        return f"needs {', '.join(missing)}"
    ran = subprocess.run([*container_command("/tmp"), "true"], capture_output=True, text=True, check=False)
    return f"not permitted here: {ran.stderr.strip()}" if ran.returncode else None


@pytest.fixture
def container(tmp_path):
    """A function that runs Python in the set-up, in a checkout of root's; ``own`` can be written to."""
    if reason := why_not():
        pytest.skip(reason)
    checkout, own = tmp_path / "checkout", tmp_path / "own"
    for name in ("harness", "bench"):
        shutil.copytree(REPOSITORY / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, checkout)
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    for arguments in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "x")):
        subprocess.run(["git", *arguments], cwd=checkout, check=True, capture_output=True)
    own.mkdir()
    shutil.chown(own, int(UID), int(UID))
    tmp_path.chmod(0o755)

    def run(*arguments, **variables):
        variables |= {"PATH": "/usr/local/bin:/usr/bin:/bin", "OMP_NUM_THREADS": "1", "TMPDIR": "/mnt/own"}
        command = [*container_command(tmp_path), "env", "-C", "checkout", sys.executable, "-m", *arguments]
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize(
    "home",
    [
        pytest.param({}, marks=pytest.mark.slow, id="none"),
        pytest.param({"HOME": "/"}, marks=pytest.mark.release, id="root"),  # as without a home
        pytest.param({"HOME": "/nonexistent"}, marks=pytest.mark.release, id="absent"),
    ],
)
def test_digits_trains_and_reports_in_a_container(home, container, tmp_path):
    own = tmp_path / "own"
    folders = ("--results-dir", "/mnt/own/results", "--report-dir", "/mnt/own/report")
    selected = ("-k", "digits and resnet8-seed0", "--full-training", "--epochs", "1")
    ran = container("pytest", "bench", *selected, *folders, **home)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "commit unknown: git refuses a checkout of another owner" in ran.stdout
    (path,) = (own / "results").glob("*/result.json")
    result = json.loads(path.read_text())
    assert (result["status"], result["environment"]["commit"]) == ("complete", None)
    assert "safe.directory" in result["environment"]["commit_problem"]
    assert "commit unknown: git refuses a checkout of another owner" in (own / "report/index.html").read_text()


@pytest.mark.slow
def test_read_only_folders_are_refused_in_one_line(container):
    ran = container("pytest", "bench", "-k", "digits and resnet8-seed0")
    assert ran.returncode == 4
    (error,) = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")]
    assert error == (
        "ERROR: --results-dir /mnt/checkout/results cannot be written to (Permission denied): give another folder"
    )
