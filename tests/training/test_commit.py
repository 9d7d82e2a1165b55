import subprocess

from harness.training import commit
from tests.helpers import REPOSITORY


def test_commit_is_that_of_the_checkout():
    commit.source_commit.cache_clear()
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert commit.source_commit().removesuffix("+") == head.stdout.strip()


def test_commit_is_unknown_outside_a_checkout(monkeypatch, tmp_path):
    commit.source_commit.cache_clear()
    monkeypatch.setattr(commit, "_SOURCE", tmp_path)
    assert commit.source_commit() is None
    commit.source_commit.cache_clear()
