"""The marks of a bench file: ``experiment`` and ``measurement``."""

from typing import Any

import pytest

EXPERIMENT_MARK = (
    "experiment(dataset, models, recipe=None): train each model on the dataset, one case per model and seed; "
    "the test's `trained` fixture is the result"
)
MEASUREMENT_MARK = "measurement: takes minutes; runs only if `-k` or a path names its file, e.g. `-k throughput`"


def experiment_arguments(mark: pytest.Mark) -> tuple[str, list[str], Any]:
    """Return dataset, models and recipe of an ``experiment`` mark.

    Raises:
        pytest.UsageError: The arguments do not have the mark's form.
    """
    try:
        return _checked(*mark.args, **mark.kwargs)
    except TypeError as error:
        raise pytest.UsageError(f"@pytest.mark.experiment: {error}\nits form is {EXPERIMENT_MARK}") from error


def _checked(dataset: str, models: Any, recipe: Any = None) -> tuple[str, list[str], Any]:
    """Return the arguments; its signature is the mark's."""
    if not isinstance(dataset, str):
        raise TypeError(f"dataset is {dataset!r}: give one name")
    names = list(models) if isinstance(models, list | tuple) else []
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise TypeError(f"models is {models!r}: give a list of different names, e.g. ['resnet20', 'resnet20-2']")
    return dataset, names, recipe


def is_measurement(item: pytest.Item) -> bool:
    """Check for the ``measurement`` mark."""
    return item.get_closest_marker("measurement") is not None


def is_named(item: pytest.Item) -> bool:
    """Check that ``-k`` contains the name of the test's file, ``-m`` the mark, or a path the file's name."""
    option, stem = item.config.option, item.path.stem
    if stem.removeprefix("test_") in option.keyword.lower() or "measurement" in option.markexpr:
        return True
    return any(stem in argument for argument in item.config.args)
