"""The command line of this process, to be pasted into a shell. Needs neither torch nor pytest."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.credentials import without_credentials
from harness.training.process_group import ProcessGroup

_INTERACTIVE = "# in a notebook or an interactive session"
_pytest_arguments: list[str] | None = None


def note_pytest_arguments(arguments: Sequence[object]) -> None:
    """Keep the arguments of ``pytest.main``: a notebook's own command line does not have them."""
    global _pytest_arguments
    _pytest_arguments = [str(argument) for argument in arguments]


def this_command() -> str:
    """Return a command that starts this process again from the same folder, with its credentials masked.

    Programs and scripts that the shell's PATH finds are named without their folders. Of a notebook or an interactive
    session it is the pytest command with the same arguments, or a comment if pytest did not start.
    """
    return without_credentials(_whole_command())


def _whole_command() -> str:
    if hasattr(sys, "ps1"):  # the prompt of Python, IPython and every notebook's kernel
        return _INTERACTIVE if _pytest_arguments is None else shlex.join(["python", "-m", "pytest", *_pytest_arguments])
    program, *arguments = sys.orig_argv or [sys.executable, *sys.argv]
    processes = ProcessGroup.from_environment()
    if processes.is_distributed:
        return shlex.join(_torchrun(processes, program, arguments))
    runner = ["uv", "run"] if os.environ.get("UV_RUN_RECURSION_DEPTH") else []  # its environment is on PATH only inside
    return shlex.join([*runner, *_in_one_process(program, arguments)])


def _torchrun(processes: ProcessGroup, program: str, arguments: list[str]) -> list[str]:
    """Return torchrun's command line; it runs ``python -u``, or what follows --no-python."""
    machines = processes.world_size // processes.local_world_size
    launcher = ["torchrun", *(["--nnodes", str(machines)] if machines > 1 else [])]
    launcher += ["--nproc-per-node", str(processes.local_world_size)]
    if arguments[:1] == ["-u"]:
        return [*launcher, *arguments[1:]]
    return [*launcher, "--no-python", *_in_one_process(program, arguments)]


def _in_one_process(program: str, arguments: list[str]) -> list[str]:
    """Return the command line of the interpreter, or of a script that starts it by its first line."""
    interpreter = _shortened(program)
    if not arguments or arguments[0].startswith("-"):
        return [interpreter, *arguments]
    script = arguments[0]
    is_installed = Path(script).parent == Path(program).parent != Path() and os.access(script, os.X_OK)
    if is_installed or _shortened(script) != script:
        return [_shortened(script), *arguments[1:]]
    return [interpreter, *arguments]


def _shortened(program: str) -> str:
    """Return a program's name without its folder, if the shell finds that very program by its name."""
    name = Path(program).name
    found = shutil.which(name)
    return name if found is not None and os.path.abspath(found) == os.path.abspath(program) else program
