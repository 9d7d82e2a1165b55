"""The arguments of a case's test; they give way to a project's fixtures and parameters."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from harness.config.option import PREFIX
from harness.config.variant import Variant

_NAMES = ("model", "seed")
_VARIANT = "variant"
_FIXTURES = "harness.plugin.fixtures"


def parametrize_cases(
    metafunc: pytest.Metafunc, models: Iterable[str], seeds: Sequence[int], variants: Sequence[Variant]
) -> None:
    """Make a case for each variant, model and seed; its id is ``<model>-seed<k>-<variant>``.

    A variant is an argument, and part of the id, only if several are compared.
    """
    models = list(models)
    cases = [(model, seed, one.name) for one in variants for model in models for seed in seeds]
    ids = ["-".join(filter(None, (model, f"seed{seed}", name))) for model, seed, name in cases]
    if len(variants) > 1:
        metafunc.parametrize(_case_arguments(metafunc, (*_NAMES, _VARIANT)), cases, ids=ids)
    else:
        metafunc.parametrize(_case_arguments(metafunc, _NAMES), [case[:2] for case in cases], ids=ids)


def _case_arguments(metafunc: pytest.Metafunc, wanted: Sequence[str]) -> list[str]:
    """Return the names by which a test's case is parametrised, and add them to its arguments.

    A name that the test, or a fixture of it, uses otherwise is prefixed: ``wod_model``.
    """
    marks = metafunc.definition.iter_markers("parametrize")
    taken = {*metafunc._arg2fixturedefs, *(name for mark in marks for name in _parametrized(mark))}
    names = [f"{PREFIX}_{name}" if name in taken else name for name in wanted]
    metafunc.fixturenames += [name for name in names if name not in metafunc.fixturenames]
    return names


def model_and_seed(item: pytest.Function) -> tuple[str, int] | None:
    """Return the model and the seed of a case's test; None for other tests."""
    model, seed = (_argument(item, name) for name in _NAMES)
    return None if model is None or seed is None else (str(model), int(seed))


def variant_among(item: pytest.Function, variants: Sequence[Variant]) -> Variant:
    """Return the variant of a case's test."""
    return variants[0] if len(variants) == 1 else next(one for one in variants if one.name == _argument(item, _VARIANT))


def _argument(item: pytest.Function, name: str) -> Any:
    """Return a parameter of a test by its prefixed name, else by its own; None without it."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    return params.get(f"{PREFIX}_{name}", params.get(name))


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
