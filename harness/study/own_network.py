"""The user's own network of a result, found again where its result says, or where the user says."""

import contextlib
import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from harness.config.families import Family, Model
from harness.errors import InputError
from harness.files import expand_home
from harness.models.build import model_of, remember
from harness.models.identity import attribute, identity_for
from harness.results.result import OwnNetwork, Result
from harness.study.import_file import import_file
from harness.training.known_networks import require_known

_MOST_DEPTH = 10_000  # as of a file of weights; the user's builder may loop as often, whoever has written the result


def find_network(result: Result, place: str | None = None) -> Model:
    """Return a result's model; import the file of a user's own network, if this process does not know it.

    The file's folder is importable from then on, as with pytest. Its tests do not run.

    Args:
        place: ``FILE:NAME``, the present place of a user's family, model or builder; None for the recorded one.

    Raises:
        InputError: the file or the name does not exist, the file cannot be imported, or it builds another network.
    """
    own, case = result.network, result.case
    if own is None:
        if place is not None:
            raise InputError(f"--network {place}: {case.label} was not trained with a network of your own")
        return model_of(case)
    if place is None:
        with contextlib.suppress(InputError):
            return model_of(case)
    if (own.depth or 0) > _MOST_DEPTH:
        raise InputError(
            f"{case.label}: depth {own.depth:,} of its network: the deepest that can be loaded is {_MOST_DEPTH:,}"
        )
    file, candidates = _candidates(result, own, place)
    for model in candidates:
        if _is_network_of(result, model):
            remember(case.network, model)
            return model
    if candidates:
        raise InputError(
            f"{case.label}: {file} builds another network now: its code or its layers have changed\n"
            "return to the version that trained it, or give that version's place: --network FILE:NAME"
        )
    raise InputError(_missing(result, own, file, place))


def channels_and_classes(result: Result) -> tuple[int, int]:
    """Return the channels of the images and the number of classes that a complete result's network is for."""
    return len(result.case.recipe.augmentation.mean), len(result.per_class)


def _candidates(result: Result, own: OwnNetwork, place: str | None) -> tuple[str, list[Model]]:
    """Return the file to look in, and every model in it that may be the result's."""
    if place is not None:
        file, _, name = place.rpartition(":")
        path = expand_home(file).absolute()
        if not file or not path.is_file():
            problem = f"{path} does not exist" if file else "give FILE:NAME, e.g. test_flowers.py:build"
            raise InputError(f"--network {place}: {problem}")
        return str(path), list(_models_from(attribute(import_file(path), name), result, own))
    module = _recorded_module(result, own)
    found = [attribute(module, own.name)] if own.name else []
    for value in (*vars(module).values(), *_marked(module)):
        is_of_family = isinstance(value, Family) and value.name == own.family
        if is_of_family or isinstance(value, Model) or (isinstance(value, dict) and result.model in value):
            found.append(value)
    return own.file or own.module, [model for one in found for model in _models_from(one, result, own)]


def _recorded_module(result: Result, own: OwnNetwork) -> ModuleType:
    """Import the module that a result names: from its file if that still exists, else by its name."""
    require_known(result, own)
    if own.file and Path(own.file).is_file():
        return import_file(Path(own.file), own.module)
    try:
        return importlib.import_module(own.module or "?")
    except ImportError as error:
        raise InputError(
            f"{result.case.label}: {own.file or own.module}, which builds its network, is not there any more\n"
            f"if it was moved or renamed, give its present place: --network FILE:{own.name or 'NAME'}"
        ) from error


def _models_from(value: Any, result: Result, own: OwnNetwork) -> Iterator[Model]:
    """Yield the models that a family, a model, a dictionary of builders or a builder has for a result."""
    name, depth, width = result.model, own.depth, own.width
    if isinstance(value, Model) and value.name == name:
        yield value
    elif isinstance(value, dict):
        yield from _models_from(value.get(name), result, own)
    elif isinstance(value, Family) and depth is not None and width is not None:
        yield replace(value, depths=None, widths=None)(depth, width)
    elif callable(value):
        if depth is not None and width is not None:
            yield Family(own.family, value)(depth, width)
        yield Model(name, own.family, depth, width, value)


def _marked(module: ModuleType) -> Iterator[Any]:
    """Yield the models of the experiments in a bench file, as their marks have them."""
    for holder in (module, *vars(module).values()):
        marks = vars(holder).get("pytestmark", []) if isinstance(holder, ModuleType | FunctionType | type) else []
        for mark in marks if isinstance(marks, list) else [marks]:
            if mark.name == "experiment":
                models = mark.kwargs.get("models", mark.args[1] if len(mark.args) > 1 else ())
                yield from [models] if isinstance(models, dict) else models


def _is_network_of(result: Result, model: Model) -> bool:
    try:
        return identity_for(model, *channels_and_classes(result)) == result.case.network
    except Exception:  # a builder with other arguments
        return False


def _missing(result: Result, own: OwnNetwork, file: str, place: str | None) -> str:
    """Return the message on a file that has nothing to build the network with."""
    if place is not None:
        return f"--network {place}: {file} has no family, model or function {place.rpartition(':')[2]!r}"
    if not own.name:
        return (
            f"{result.case.label}: a lambda or a function inside another built its network, and {file} has no family "
            "or model to get it from\ngive one that builds the same: --network FILE:NAME"
        )
    return (
        f"{result.case.label}: {file} has no {own.name!r} any more, which built its network\n"
        f"if it was moved or renamed, give its present place: --network FILE:NAME"
    )
