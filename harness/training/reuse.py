"""Reuse of finished cases: which results are kept instead of training, and which are refused."""

from collections.abc import Callable
from dataclasses import replace

from harness.config.case import Case
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
    return replace(result, case=case, dataset=case.dataset)  # a user's folder may have moved since


def is_reusable(result: Result, *, accept_other_code: bool) -> bool:
    """Return whether a finished result is kept.

    A quick one never is: it proves nothing about the present code.

    Raises:
        InputError: other code has trained the result, and it is not accepted.
    """
    if result.mode == "quick":
        return False
    if not accept_other_code and (other := other_code(result.training_environments)):
        raise InputError(f"{result.case.label}: trained by other code, {other}\n{REMEDY}")
    return True
