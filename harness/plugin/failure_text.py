"""The text of a failed test: short for an error in the input, and with its cause in pytest's summary."""

import pytest

from harness.causes import cause_of
from harness.errors import InputError, TrainingError
from harness.plugin.short_names import with_valid_names


def shorten_failure(report: pytest.TestReport, error: BaseException, config: pytest.Config) -> None:
    """Shorten an error of the input or a node to its message; name the cause of others in the summary.

    pytest's summary shows the first line of an error, which of a loader process does not name the cause.
    """
    if isinstance(error, InputError | TrainingError):
        report.longrepr = with_valid_names(config, str(error))
    elif (crash := getattr(report.longrepr, "reprcrash", None)) is not None and not _is_of_pytest(error):
        crash.message = cause_of(error)


def _is_of_pytest(error: BaseException) -> bool:
    """Return whether pytest has written the message, e.g. of an assertion."""
    return isinstance(error, AssertionError | pytest.fail.Exception | pytest.skip.Exception)
