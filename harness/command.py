"""What a person typed. Needs neither torch nor pytest."""

import shlex
import sys
from pathlib import Path


def this_command() -> str:
    """The command line of this process, as a person would type it."""
    program, *arguments = sys.orig_argv or sys.argv
    if arguments and Path(arguments[0]).parent == Path(program).parent:  # a script installed beside the interpreter
        program, *arguments = arguments
    return shlex.join([Path(program).name, *arguments])
