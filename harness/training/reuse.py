"""Reuse of finished cases: which results are kept instead of training, and which are refused."""

from collections.abc import Callable

from harness.config.case import Case, Mode
from harness.errors import DamagedError, InputError
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.training.code_version import other_code

REMEDY = "--rerun trains again, --accept-other-code keeps what is there and marks it in every table"


def find_finished(case: Case, results: ResultsFolder, notify: Callable[[str], None] | None = None) -> Result | None:
    """Return a finished case's result; given ``notify``, report and quarantine damaged files."""
    try:
        result = results.find(case)
    except DamagedError as error:
        if notify is not None:
            notify(f"{error}\nit is quarantined as *.refused, and the case is trained again")
            results.quarantine(case)
        return None
    if result is None or not result.is_finished:
        return None
    return result.under_name(case.dataset)  # a user's folder may have moved since


def keeps_results(mode: Mode) -> bool:
    """Return whether a finished case of that mode is kept instead of trained again.

    A quick one is not: it proves nothing about the present code.
    """
    return mode != "quick"


def kept_result(finished: Result | None, *, accept_other_code: bool) -> Result | None:
    """Return a finished result that is kept; None if there is none, or its case is trained again.

    Raises:
        InputError: other code has trained the result, and it is not accepted.
    """
    if finished is None or not keeps_results(finished.mode):
        return None
    if not accept_other_code and (other := other_code(finished.training_environments)):
        raise InputError(f"{finished.case.label}: trained by other code, {other}\n{REMEDY}")
    return finished
