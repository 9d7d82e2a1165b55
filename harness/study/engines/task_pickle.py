"""Tasks as bytes, with the code of the user's own networks: other processes may lack their modules."""

import contextlib
import io
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import cloudpickle

from harness.config.experiment import Experiment
from harness.config.network_origin import NetworkOrigin
from harness.errors import InputError
from harness.models.identity import with_origin


def pickled(task: Any, option: str) -> bytes:
    """Return a task as bytes that `pickle.loads` turns into the task in another process.

    The builders of the user's own networks, and everything of the user's own that they reach, travel as code; what they
    use of installed packages is imported there.

    Args:
        task: a dataclass with an ``experiment``, or with several ``experiments``.
        option: the one that sends it, for the message.

    Raises:
        InputError: a builder reaches something that cannot be sent, or has no source.
    """
    has_several = hasattr(task, "experiments")
    experiments = tuple(map(_with_origin, task.experiments if has_several else (task.experiment,)))
    origins = [one.own.origin for one in experiments if one.own is not None and one.own.origin is not None]
    imported = {name: sys.modules[name] for origin in origins for name in origin.imported}
    changes = {"experiments": experiments} if has_several else {"experiment": experiments[0]}
    file = io.BytesIO()
    try:
        with _sent_by_value({name for origin in origins for name in (*origin.reached, *origin.imported)}):
            _Pickler(file, origins).dump(_Sent(replace(task, **changes), imported))
    except Exception as error:
        names = ", ".join(dict.fromkeys(one.own.name for one in experiments if one.own is not None))
        raise InputError(
            f"{option}: the code of {names} cannot be sent to other processes: {error}\n"
            "make what it uses while the network is built, or install the module that it is in"
        ) from error
    return file.getvalue()


class _Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]
    """A pickler that sends of the user's own modules only what the code of the networks uses."""

    def __init__(self, file: io.BytesIO, origins: Iterable[NetworkOrigin]) -> None:
        super().__init__(file)
        self._used: dict[str, set[str]] = {
            name: set() for origin in origins for name in (*origin.reached, *origin.imported)
        }
        for module, name in (one for origin in origins for one in origin.used):
            self._used.setdefault(module, set()).add(name)

    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, ModuleType) or value.__name__ not in self._used:
            return super().reducer_override(value)
        kept = {"__package__", *self._used[value.__name__]}
        content = {name: one for name, one in vars(value).items() if name in kept}
        return ModuleType, (value.__name__,), content


@dataclass(frozen=True)
class _Sent:
    """A task beside modules that its code imports while it runs; unpickled, it is the task."""

    task: Any
    imported: Mapping[str, ModuleType]

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (self.task, self.imported)


def _received(task: Any, imported: Mapping[str, ModuleType]) -> Any:
    sys.modules.update(imported)
    return task


def _with_origin(experiment: Experiment) -> Experiment:
    return experiment if experiment.own is None else replace(experiment, own=with_origin(experiment.own))


@contextlib.contextmanager
def _sent_by_value(names: Collection[str]) -> Iterator[None]:
    """Send, inside the block, what these modules define as code instead of by its name."""
    known = cloudpickle.list_registry_pickle_by_value()
    modules = [sys.modules[name] for name in sorted({*names} - {*known, "__main__"}) if name in sys.modules]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
