"""A virtual environment and a shell without this project, for tests of what users install."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path


class CleanEnvironment:
    """A new virtual environment in a new home.

    Unless it must be empty, the packages that the tests run with are visible in it, and it has no pip of its own.

    Attributes:
        venv: its folder.
        home: the home folder, empty at first.
        variables: the environment of its commands.
    """

    def __init__(self, folder, *, is_empty=False):
        self.venv, self.home, temporary = folder / "venv", folder / "home", folder / "tmp"
        for new in (self.home, temporary):
            new.mkdir(parents=True)
        subprocess.run(
            [sys.executable, "-m", "venv", *([] if is_empty else ["--without-pip"]), str(self.venv)], check=True
        )
        if not is_empty:
            (packages,) = self.venv.glob("lib/python*/site-packages")
            # Not --system-site-packages: the tests may run in a virtual environment themselves. torch takes 6 GB.
            Path(packages, "shared.pth").write_text(sysconfig.get_paths()["purelib"])
        kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        self.variables = kept | {
            "PATH": os.pathsep.join([str(self.venv / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(self.home),
            "TMPDIR": str(temporary),  # also hides other cases that train on this machine
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
        }

    def run(self, command, folder, **variables):
        """Run a shell command as CI does; return its exit code and its output."""
        ran = subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=folder, env=self.variables | variables, text=True, check=False, timeout=1800,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return ran.returncode, ran.stdout

    def succeed(self, command, folder, **variables):
        """Run a shell command that must succeed; return its output."""
        code, output = self.run(command, folder, **variables)
        assert code == 0, f"{command}\n{output}"
        return output
