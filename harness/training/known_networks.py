"""The files that this user has trained own networks from.

To load an own network, the file that builds it is imported. A result may come from a stranger, who may have written
the file too: it is imported because the result names it only if this user's own bench once did.
"""

from harness.config.families import Model
from harness.errors import InputError
from harness.models.identity import with_origin
from harness.results.result import OwnNetwork, Result
from harness.user_memory import UserMemory

_KNOWN = UserMemory("networks")


def remember_network(model: Model) -> None:
    """Store the place of a network's builder, so that its results can be loaded without naming it."""
    origin = with_origin(model).origin
    assert origin is not None, "a user's own network has one"
    remember_place(origin.file, origin.module)


def remember_place(file: str, module: str) -> None:
    """Store the path of a file, and the name that it is imported by."""
    place = _place(file, module)
    if place not in _KNOWN:
        _KNOWN.add(place, module)


def require_known(result: Result, own: OwnNetwork) -> None:
    """Raise an `InputError` if this user has never trained a network from the file that a result names."""
    if _place(own.file, own.module) in _KNOWN:
        return
    file = own.file or own.module or "an unknown file"
    raise InputError(
        f"{result.case.label}: {file} builds its network, and would be imported; it is not known to have been trained "
        f"from this account\nread the file, then give its place: --network FILE:{own.name or 'NAME'}"
    )


def _place(file: str, module: str) -> str:
    return f"{file}:{module}"
