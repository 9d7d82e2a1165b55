"""The command line of this process. Needs neither torch nor pytest."""

import shlex
import sys
from pathlib import Path

from harness.training.process_group import ProcessGroup


def this_command() -> str:
    """Return the command line of this process, as the user typed it."""
    program, *arguments = sys.orig_argv or sys.argv
    if arguments and Path(arguments[0]).parent == Path(program).parent:  # a script installed beside the interpreter
        program, *arguments = arguments
    processes = ProcessGroup.from_environment()
    if processes.is_distributed:  # torchrun has replaced itself by `python -u`
        machines = processes.world_size // processes.local_world_size
        launcher = ["torchrun", *(["--nnodes", str(machines)] if machines > 1 else [])]
        launcher += ["--nproc-per-node", str(processes.local_world_size)]
        return shlex.join([*launcher, *(arguments[1:] if arguments[:1] == ["-u"] else arguments)])
    return shlex.join([Path(program).name, *arguments])
