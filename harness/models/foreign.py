"""Foreign networks, the user's own and those of libraries: built, or refused in a line."""

import functools
import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.config.families import Model
from harness.errors import InputError
from harness.hardware.memory import is_out_of_memory
from harness.models.logits import select_logits
from harness.text import one_line

_MAX_CHARACTERS = 200
_LIBRARIES = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))


def build_foreign(model: Model, build: Callable[[], Any]) -> nn.Module:
    """Return the network that ``build`` makes, with a hook that finds its logits.

    Raises:
        InputError: the builder raises, or returns no module. The message names it, its file and line.
    """
    try:
        network = build()
    except InputError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise InputError(f"model {model.name}: {builder_of(model)} raised {raised(error)}") from error
    if not isinstance(network, nn.Module):
        kind = "the class of one" if isinstance(network, type) else f"{type(network).__name__}"
        raise InputError(f"model {model.name}: {builder_of(model)} returned {kind}: it must return a torch.nn.Module")
    network.register_forward_hook(select_logits)
    return network


def builder_of(model: Model) -> str:
    """Return the name of a model's builder with its file and line, ``build (test_own.py:5)``."""
    build: Any = model.build
    while isinstance(build, functools.partial):
        build = build.func
    if build is None:
        return "its library"
    build = inspect.unwrap(build)
    name = getattr(build, "__name__", type(build).__name__)
    try:
        return f"{name} ({Path(inspect.getsourcefile(build) or '').name}:{inspect.getsourcelines(build)[1]})"
    except (OSError, TypeError):  # made at run time, or an object that is called
        return str(name)


def raised(error: Exception, most: int = _MAX_CHARACTERS) -> str:
    """Return an error in a line: its type, its message, and the user's line that raised it.

    Args:
        most: number of characters of the message to keep.
    """
    text = one_line(str(error), most)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_LIBRARIES)]
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{': ' if text else ''}{text}{place}"
