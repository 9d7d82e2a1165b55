"""What the harness says when the input, not the code, is at fault."""


class InputError(ValueError):
    """Something the user gave is wrong: an option, a name, a file.

    The message is one or two lines: it names what was wrong and what would be right. The plugin turns it into a
    pytest usage error, the command line into ``error: …`` and exit code 2.
    """


class DamagedError(InputError):
    """A file's content is not what was written there: damaged, foreign, or of another version. Its message names it."""


class TrainingError(RuntimeError):
    """A case's training failed on another machine, or was lost there. Its message has that machine's traceback."""
