"""Exceptions for faults of the input, of stored files and of other machines."""


class InputError(ValueError):
    """An error in the user's input: an option, a name or a file.

    The message is one or two lines: it names the wrong value and the right one. The plugin turns it into a pytest
    usage error, the command line into ``error: …`` and exit code 2.
    """


class DamagedError(InputError):
    """A file that is damaged, foreign, or of another version. The message names the file."""


class TrainingError(RuntimeError):
    """A failed or lost training on another machine. The message has that machine's traceback."""
