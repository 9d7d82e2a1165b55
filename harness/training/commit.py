"""The commit of the source. Needs no torch."""

import functools
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[1]


@functools.cache
def source_commit() -> str | None:
    """Return the source's commit, with ``+`` if files differ from it; None outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", *arguments]  # a training killed here would leave index.lock behind
        return subprocess.run(
            command, cwd=_SOURCE, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")  # installed inside another project's checkout?
        commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain", "--", str(_SOURCE))
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if changes else "")
