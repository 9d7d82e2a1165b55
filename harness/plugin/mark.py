"""The marks of a bench file: ``experiment`` and ``measurement``."""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from harness.config.case import SEED_LIMIT
from harness.config.families import Model, named_model, parse_model
from harness.config.given_axes import GivenAxes
from harness.config.limits import Limit, parse_limits
from harness.errors import InputError
from harness.plugin.case_arguments import takes_own_fixture

EXPERIMENT_MARK = (
    "experiment(dataset, models, recipe=None, seeds=(0,), limits={}, augment=None, fit=None, base=None, axes=None): "
    "train each model on the dataset, one case per model and seed (--seeds overrides them; a quick run takes the first "
    "alone); models: names, models of a harness.Family, or a dictionary of functions (in_channels, num_classes) by "
    "name; the test's `trained` fixture is the result; limits, e.g. {'epoch_seconds': '+10%'}, override the --max "
    "options under --baseline; augment and fit are those of the recipe 'standard', see harness.Standard; "
    "axes={'depth': ['deeper'], 'width': ['wider']}: the models that are deeper and wider than the model base, nearest "
    "first, if their names do not say it"
)
_FORM = EXPERIMENT_MARK.partition(": train")[0]
MEASUREMENT_MARK = "measurement: takes minutes; runs only if `-k` or a path names its file, e.g. `-k throughput`"


@dataclass(frozen=True)
class MarkedExperiment:
    """The arguments of an ``experiment`` mark.

    Attributes:
        recipe: as given, or the `Standard` that ``augment`` and ``fit`` make; None for the dataset's own.
        seeds: the seeds to train if ``--seeds`` gives none.
        limits: the limits under ``--baseline`` that override the options', by the measure's name.
        axes: the base and the axes given; None for those that are found.
    """

    dataset: str
    models: tuple[str | Model, ...]
    recipe: Any = None
    seeds: tuple[int, ...] = (0,)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    axes: GivenAxes | None = None


def experiment_mark(function: pytest.Function) -> pytest.Mark | None:
    """Return a test's ``experiment`` mark; None if it has none, or one that another suite registers.

    A test's own mark overrides its class's, and that the module's, as pytest's marks do.

    Raises:
        pytest.UsageError: The test does not take the fixture `trained`, or has two such marks in one place.
    """
    mark = function.get_closest_marker("experiment")
    if mark is None:
        return None
    if takes_own_fixture(function, "trained"):
        _require_one_mark(function)
        return mark
    if _is_registered_elsewhere(mark.name, function.config):
        return None
    if "trained" in function.fixturenames:  # an override of the fixture
        return mark
    raise pytest.UsageError(
        f"{function.nodeid}: a test with the mark experiment needs the fixture `trained`: add it to the test's "
        "arguments"
    )


def _require_one_mark(function: pytest.Function) -> None:
    from harness.text import listed

    for node in function.listchain():
        marks = [mark for mark in node.own_markers if mark.name == "experiment"]
        if len(marks) > 1:
            names = listed([str(mark.kwargs.get("dataset", [*mark.args, "?"][0])) for mark in marks])
            raise pytest.UsageError(
                f"{function.nodeid}: {len(marks)} experiment marks in one place, for {names}: give a test one of them, "
                "and write a test for each experiment"
            )


def experiment_arguments(mark: pytest.Mark) -> MarkedExperiment:
    """Return the arguments of an ``experiment`` mark.

    Raises:
        pytest.UsageError: The arguments do not have the mark's form.
    """
    try:
        return experiment(*mark.args, **mark.kwargs)
    except TypeError as error:
        raise pytest.UsageError(f"@pytest.mark.experiment: {error}\nits form is {_FORM}") from error


def experiment(
    dataset: str,
    models: Any,
    recipe: Any = None,
    seeds: Any = (0,),
    limits: Any = {},  # noqa: B006 - only read
    augment: Any = None,
    fit: Any = None,
    base: Any = None,
    axes: Any = None,
) -> MarkedExperiment:
    """Check the arguments; the name and the signature are the mark's, for Python's own messages."""
    if not isinstance(dataset, str):
        raise TypeError(f"dataset is {dataset!r}: give one name")
    found = _models(models)
    numbers = list(seeds) if isinstance(seeds, list | tuple | range) else []
    if not numbers or not all(map(_is_seed, numbers)) or len(set(numbers)) < len(numbers):
        raise TypeError(f"seeds is {seeds!r}: give a list of different whole numbers, 0 or more, e.g. [0, 1, 2]")
    try:
        given = _axes(base, axes, [canonical_name(one) for one in found])
        chosen = _recipe(recipe, augment, fit)
        return MarkedExperiment(dataset, found, chosen, tuple(numbers), parse_limits(limits), given)
    except ValueError as error:
        raise TypeError(error) from error


def _recipe(given: Any, augment: Any, fit: Any) -> Any:
    """Return the recipe as given, with ``standard``, ``augment`` and ``fit`` as a `Standard`.

    Raises:
        ValueError: augment or fit is none of its values, or is given with a recipe that has its own.
    """
    from harness.config.standard import Standard

    asked = {name: value for name, value in (("augment", augment), ("fit", fit)) if value is not None}
    if given == "standard" or (given is None and asked):
        given = Standard()
    if asked and not isinstance(given, Standard):
        name = next(iter(asked))
        raise ValueError(
            f"{name}={asked[name]!r} is of the standard recipe: leave it out, or leave out recipe={given!r}"
        )
    return replace(given, **asked) if asked else given


def _models(given: Any) -> tuple[str | Model, ...]:
    """Return the models of a list of names and models, or of a dictionary of builders by name.

    Raises:
        TypeError: they are something else, or two have one name.
    """
    if isinstance(given, dict):
        given = [_named(name, build) for name, build in given.items()]
    models = list(given) if isinstance(given, list | tuple) else []
    if not models or not all(isinstance(one, str | Model) for one in models):
        raise TypeError(f"models is {given!r}: give a list of models, e.g. ['resnet20', 'resnet20-2']")
    names = [canonical_name(one) for one in models]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise TypeError(f"models has {repeated[0]!r} twice: give different models")
    _require_one_builder([one for one in models if isinstance(one, Model)])
    return tuple(models)


def _named(name: Any, build: Any) -> Model:
    if isinstance(build, Model):
        raise TypeError(f"models[{name!r}] is the model {build.name}: give models of a family in a list")
    if not callable(build):
        raise TypeError(f"models[{name!r}] is {build!r}: give a function (in_channels, num_classes) that builds it")
    try:
        return named_model(name, build)
    except InputError as error:
        raise TypeError(error) from error


def _require_one_builder(models: Sequence[Model]) -> None:
    """Require that own families of one name have one builder.

    Raises:
        TypeError: two have different ones.
    """
    builders: dict[str, Any] = {}
    for model in models:
        if model.build is not None and builders.setdefault(model.family, builder_of(model)) != builder_of(model):
            raise TypeError(f"models has two families {model.family!r} with different builders: give different names")


def builder_of(model: Model) -> Any:
    """Return what builds an own model, with its bound arguments: for models of one family the same."""
    build: Any = model.build
    if not isinstance(build, functools.partial):
        return build
    is_point = model.depth is not None and build.args[-2:] == (model.depth, model.width)
    return build.func, build.args[:-2] if is_point else build.args, build.keywords


def _axes(base: Any, axes: Any, models: Sequence[str]) -> GivenAxes | None:
    """Return the base and the axes given, by names of models; None if neither is given.

    Raises:
        TypeError: they are not of these models.
    """
    if base is None and axes is None:
        return None
    if base is None:
        raise TypeError(f"axes is given without base: give the model that they start from, e.g. base={models[0]!r}")
    axes = {} if axes is None else axes
    is_known = isinstance(axes, dict) and set(axes) <= {"depth", "width"}
    if not is_known or not all(isinstance(one, list | tuple) for one in axes.values()):
        raise TypeError(f"axes is {axes!r}: give e.g. {{'depth': ['deeper'], 'width': ['wider']}}")
    start, *others = (_name_among(models, "base", base), *_along(models, axes, "depth"), *_along(models, axes, "width"))
    if start in others:
        raise TypeError(f"base {start!r} is on an axis too: the axes have the models that are deeper or wider than it")
    if repeated := [name for name in others if others.count(name) > 1]:
        raise TypeError(f"axes has {repeated[0]!r} twice: a model is on one axis, once")
    return GivenAxes(start, tuple(_along(models, axes, "depth")), tuple(_along(models, axes, "width")))


def _along(models: Sequence[str], axes: Mapping[str, Any], axis: str) -> list[str]:
    return [_name_among(models, f"axes[{axis!r}]", one) for one in axes.get(axis, ())]


def _name_among(models: Sequence[str], what: str, given: Any) -> str:
    name = canonical_name(given) if isinstance(given, str | Model) else given
    if name not in models:
        raise TypeError(f"{what} has {name!r}, which is not in models: give one of {', '.join(models)}")
    return str(name)


def name_of(model: str | Model) -> str:
    """Return a model's name."""
    return model if isinstance(model, str) else model.name


def canonical_name(model: str | Model) -> str:
    """Return a model's name as results have it; a name that no model has as it is."""
    try:
        return parse_model(model).name if isinstance(model, str) else model.name
    except InputError:
        return name_of(model)


def _is_seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < SEED_LIMIT


def is_measurement(item: pytest.Item) -> bool:
    """Check for the ``measurement`` mark; one that another suite registers does not count."""
    mark = item.get_closest_marker("measurement")
    if mark is None or takes_own_fixture(item, "workbench"):
        return mark is not None
    return not _is_registered_elsewhere(mark.name, item.config)


def is_named(item: pytest.Item) -> bool:
    """Check that ``-k`` contains the name of the test's file, ``-m`` the mark, or a path the file's name."""
    option, stem = item.config.option, item.path.stem
    if stem.removeprefix("test_") in option.keyword.lower() or "measurement" in option.markexpr:
        return True
    return any(stem in argument for argument in item.config.args)


def _is_registered_elsewhere(name: str, config: pytest.Config) -> bool:
    """Check if the ini file, a conftest.py or another plugin registers a mark of the name too."""
    return [re.split("[:(]", line)[0].strip() for line in config.getini("markers")].count(name) > 1
