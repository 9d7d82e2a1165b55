"""Datasets of other packages: the entry-point group ``wider_or_deeper.datasets``. Needs no torch.

A package declares its dataset in pyproject.toml::

    [project.entry-points."wider_or_deeper.datasets"]
    pets = "pets_images.dataset"

The entry point's name is the dataset's. Its object, usually a module, has these attributes:

- ``SPEC``: the `DatasetSpec`, with the same name;
- ``FILES``, ``locate(data_dir)`` and ``download(data_dir)``: see `harness.data.source.Publisher`;
- ``RECIPE``: the default `Recipe`. Optional: without it, every experiment must give its own.

An entry point is loaded when its dataset is first asked for by name, never before.
"""

import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from harness.errors import InputError
from harness.files import safe_name
from harness.text import one_line

GROUP = "wider_or_deeper.datasets"
Value = TypeVar("Value")


@dataclass(frozen=True)
class Extension:
    """A dataset of another package.

    Attributes:
        provider: the entry point's object.
        origin: the entry point and its distribution, for messages.
    """

    provider: Any
    origin: str

    def require(self, attribute: str, kind: type[Value]) -> Value:
        """Return an attribute of the provider.

        Raises:
            InputError: it is absent or of another type.
        """
        value = getattr(self.provider, attribute, None)
        if not isinstance(value, kind):
            raise InputError(f"{self.origin}: {attribute} is {value!r}; it must be a {kind.__name__}")
        return value


def extension_names() -> list[str]:
    """Return the names of all datasets that other packages add; load none of them."""
    return sorted(_declared())


@functools.cache
def find_extension(dataset: str) -> Extension | None:
    """Load the dataset of that name from the package that adds it; return None if no package does.

    Raises:
        InputError: the entry point cannot be loaded, two packages add the name, or it cannot be part of a file's name.
    """
    declared = _declared().get(dataset, ())
    if not declared:
        return None
    origins = [_origin(one) for one in declared]
    if len(declared) > 1:
        raise InputError(f"dataset {dataset!r} is added twice, by {' and '.join(origins)}: uninstall one of them")
    if safe_name(dataset) != dataset:
        raise InputError(f"{origins[0]}: {dataset!r} is not a dataset name; use letters, digits, '-', '_' and '.' only")
    try:
        return Extension(declared[0].load(), origins[0])
    except Exception as error:  # importing runs any code
        cause = one_line(f"{type(error).__name__}: {error}")
        raise InputError(f"{origins[0]} cannot be loaded ({cause}): repair or uninstall that package") from error


@functools.cache
def _declared() -> Mapping[str, Sequence[EntryPoint]]:
    declared: dict[str, list[EntryPoint]] = defaultdict(list)
    for one in entry_points(group=GROUP):
        declared[one.name].append(one)
    return dict(declared)


def _origin(declared: EntryPoint) -> str:
    package = f"{declared.dist.name} {declared.dist.version}" if declared.dist else "an unknown distribution"
    return f"entry point '{declared.name} = {declared.value}' of {package}"
