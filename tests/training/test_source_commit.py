import os
import subprocess

import pytest

from harness.training import source_commit as module
from harness.training.source_commit import SourceCommit
from tests.helpers import REPOSITORY

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")


def git(folder, *arguments):
    done = subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def commit_of(monkeypatch):
    """A function that returns the commit of a package in a folder."""

    def ask(folder):
        monkeypatch.setattr(module, "_SOURCE", folder)
        return module.source_commit.__wrapped__()

    return ask


@pytest.fixture
def checkout(tmp_path):
    """A checkout with a package and one commit."""
    (tmp_path / "checkout/harness").mkdir(parents=True)
    (tmp_path / "checkout/harness/__init__.py").write_text("")
    git(tmp_path / "checkout", "init", "-q", "-b", "main")
    git(tmp_path / "checkout", "add", ".")
    git(tmp_path / "checkout", "commit", "-q", "-m", "first")
    return tmp_path / "checkout"


def test_commit_is_that_of_the_checkout(commit_of):
    assert commit_of(REPOSITORY / "harness").name.removesuffix("+") == git(REPOSITORY, "rev-parse", "HEAD")


def test_commit_of_a_changed_checkout_has_a_plus(checkout, commit_of):
    head = git(checkout, "rev-parse", "HEAD")
    assert commit_of(checkout / "harness") == SourceCommit(head)
    (checkout / "notes.txt").write_text("not of the package")
    assert commit_of(checkout / "harness") == SourceCommit(head)
    (checkout / "harness/new.py").write_text("")
    assert commit_of(checkout / "harness") == SourceCommit(f"{head}+")


@pytest.mark.parametrize("kind", ["detached", "worktree", "shallow"])
def test_commit_is_known_in_every_kind_of_checkout(kind, checkout, commit_of, tmp_path):
    head, folder = git(checkout, "rev-parse", "HEAD"), checkout
    if kind == "detached":
        git(checkout, "checkout", "-q", "--detach")
    elif kind == "worktree":
        folder = tmp_path / "other"
        git(checkout, "worktree", "add", "-q", str(folder))
    else:
        folder = tmp_path / "other"
        git(tmp_path, "clone", "-q", "--depth", "1", checkout.as_uri(), str(folder))
    assert commit_of(folder / "harness") == SourceCommit(head)


def test_variables_of_a_hook_of_another_repository_do_not_count(checkout, commit_of, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere/.git/index"))
    assert commit_of(checkout / "harness").name is not None


@pytest.mark.skipif(not hasattr(os, "chown") or os.geteuid() != 0, reason="only root can give files to another owner")
def test_a_checkout_of_another_owner_names_the_remedy(checkout, commit_of, monkeypatch):
    for path in (checkout, checkout / ".git"):
        os.chown(path, 12345, 12345)
    monkeypatch.setenv("HOME", str(checkout))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    found = commit_of(checkout / "harness")
    assert (found.name, found.is_refused) == (None, True)
    assert found.problem == (
        f"git refuses a checkout of another owner: git config --global --add safe.directory {checkout}"
    )


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        ("no checkout", "the code is in no git checkout"),
        ("no git", "git is not installed"),
        ("no commit", "the checkout has no commit yet"),
        ("inside another", "the code is installed inside a checkout of another project"),
        ("broken", "git: not a git repository: /nowhere/.git/worktrees/x"),
    ],
)
def test_an_unknown_commit_says_why(problem, says, checkout, commit_of, monkeypatch, tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    if problem == "no git":
        monkeypatch.setenv("PATH", str(tmp_path))
    elif problem == "no commit":
        git(folder, "init", "-q")
        git(folder, "add", ".")
    elif problem == "inside another":
        folder = checkout / "venv"
        folder.mkdir()
    elif problem == "broken":
        (folder / ".git").write_text("gitdir: /nowhere/.git/worktrees/x")
    assert commit_of(folder) == SourceCommit(None, says)
