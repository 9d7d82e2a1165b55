"""The commit of the harness's own checkout, or why it is unknown. Needs no torch."""

import functools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[1]
_GIT_SECONDS = 10
# A hook of git sets these for its own repository, which may be another one.
_OF_ANOTHER_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX")


@dataclass(frozen=True)
class SourceCommit:
    """The source's commit.

    Attributes:
        name: the commit, with ``+`` if files differ from it; None if unknown.
        problem: why it is unknown; None if it is known.
        is_refused: true if git refuses a checkout of another owner, which the user can allow.
    """

    name: str | None
    problem: str | None = None
    is_refused: bool = False


@functools.cache
def source_commit() -> SourceCommit:
    """Return the commit of the checkout that this package lies in; ask git once."""
    try:
        _git("rev-parse", "--git-dir")
        try:
            _git("ls-files", "--error-unmatch", "__init__.py")
        except subprocess.CalledProcessError:
            return SourceCommit(None, "the code is installed inside a checkout of another project")
        commit, changes = _git("rev-parse", "--verify", "HEAD"), _git("status", "--porcelain", "--", str(_SOURCE))
    except FileNotFoundError:
        return SourceCommit(None, "git is not installed")
    except subprocess.TimeoutExpired:
        return SourceCommit(None, f"git did not answer within {_GIT_SECONDS} s")
    except subprocess.CalledProcessError as error:
        return _unknown(error.stderr)
    except OSError as error:
        return SourceCommit(None, f"git cannot be run: {error.strerror}")
    return SourceCommit(commit + ("+" if changes else ""))


def _git(*arguments: str) -> str:
    command = ["git", "--no-optional-locks", *arguments]  # a training killed here would leave index.lock behind
    variables = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    return subprocess.run(
        command,
        cwd=_SOURCE,
        env=variables | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        errors="replace",
        check=True,
        timeout=_GIT_SECONDS,
    ).stdout.strip()


def _unknown(message: str) -> SourceCommit:
    """Return the commit that git's message on standard error leaves unknown."""
    if "dubious ownership" in message:
        remedy = message.strip().splitlines()[-1].strip()  # git config --global --add safe.directory PATH
        return SourceCommit(None, f"git refuses a checkout of another owner: {remedy}", is_refused=True)
    if "not a git repository (or any" in message:
        return SourceCommit(None, "the code is in no git checkout")
    if "Needed a single revision" in message:
        return SourceCommit(None, "the checkout has no commit yet")
    lines = message.strip().splitlines() or [""]
    return SourceCommit(None, f"git: {lines[0].removeprefix('fatal: ')}")
