"""The arguments of a case's test; they give way to a project's fixtures and parameters."""

import pytest

from harness.config.option import PREFIX

_NAMES = ("model", "seed")
_FIXTURES = "harness.plugin.fixtures"


def case_arguments(metafunc: pytest.Metafunc) -> list[str]:
    """Return the names by which a test's model and seed are parametrised, and add them to its arguments.

    A name that the test, or a fixture of it, uses otherwise is prefixed: ``wod_model``.
    """
    marks = metafunc.definition.iter_markers("parametrize")
    taken = {*metafunc._arg2fixturedefs, *(name for mark in marks for name in _parametrized(mark))}
    names = [f"{PREFIX}_{name}" if name in taken else name for name in _NAMES]
    metafunc.fixturenames += [name for name in names if name not in metafunc.fixturenames]
    return names


def model_and_seed(item: pytest.Function) -> tuple[str, int] | None:
    """Return the model and the seed of a case's test; None for other tests."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    model, seed = (params.get(f"{PREFIX}_{name}", params.get(name)) for name in _NAMES)
    return None if model is None or seed is None else (str(model), int(seed))


def takes_own_fixture(item: pytest.Item, name: str) -> bool:
    """Return whether a test takes this plugin's fixture, or one of the same name that extends it."""
    info = getattr(item, "_fixtureinfo", None)
    for definition in reversed(info.name2fixturedefs.get(name, ()) if info is not None else ()):
        if getattr(definition.func, "__module__", "") == _FIXTURES:
            return True
        if name not in definition.argnames:
            return False
    return False


def _parametrized(mark: pytest.Mark) -> list[str]:
    """Return the names that a ``parametrize`` mark gives, as a text with commas or as a list."""
    names = mark.args[0] if mark.args else mark.kwargs.get("argnames", ())
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
