"""The walk from a builder through the code that it reaches."""

import collections
import dataclasses
import enum
import functools
import hashlib
import math
import re
import sys
import types

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.errors import InputError
from harness.models import installed
from harness.models.network_code import CodeWalk
from tests.models.own_code import BLOCKS, NETS, Checkout

# Of the code in `own_code`: the same for every version of Python.
PINNED = "d9d55fcf35e032d4"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    return Checkout(tmp_path, monkeypatch)


def network_code(build):
    return CodeWalk(build).text


def returning(value):
    return lambda: value


def differ(*values):
    return len({network_code(returning(value)) for value in values}) == len(values)


def test_the_code_is_the_same_for_all_versions_of_python(checkout):
    build = checkout.imported({"nets.py": NETS, "blocks.py": BLOCKS}).build
    assert hashlib.sha256(network_code(build).encode()).hexdigest()[:16] == PINNED


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
values = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(plain, inner, max_size=4), max_leaves=8)


def rebuilt(value):
    """The value with every dictionary and set filled in another order."""
    if isinstance(value, dict):
        return {rebuilt(key): rebuilt(value[key]) for key in reversed(value)}
    if isinstance(value, frozenset | tuple | list):
        return type(value)(map(rebuilt, reversed(list(value)) if isinstance(value, frozenset) else value))
    return value


@settings(max_examples=50)
@given(values)
def test_plain_values_count_and_the_order_of_keys_does_not(value):
    assert network_code(returning(value)) == network_code(returning(rebuilt(value)))
    assert differ(value, [value])


@given(st.text(), st.text())
def test_any_two_texts_differ(one, other):
    assert differ(one, other) == (one != other)


class Colour(enum.Enum):
    RED, BLUE = 1, 2


@dataclasses.dataclass
class Config:
    width: int = 1
    sizes: list = dataclasses.field(default_factory=list)


class Slotted:
    __slots__ = ("size",)

    def __init__(self, size):
        self.size = size


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "pair",
    [
        (math.sin, math.cos),
        (torch.relu, torch.sigmoid),
        (nn.functional.relu, nn.functional.gelu),
        (nn.ReLU, nn.GELU),
        (torch.float32, torch.float64),
        (Colour.RED, Colour.BLUE),
        (Config(), Config(2)),
        (Config(sizes=[1]), Config(sizes=[2])),
        (Slotted(1), Slotted(2)),
        (Point(1, 2), Point(2, 1)),
        (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2)),
        (collections.OrderedDict(a=1), collections.OrderedDict(a=2)),
        (torch.tensor([1.0]), torch.tensor([2.0])),
        (np.ones(2), np.zeros(2)),
        (re.compile("a"), re.compile("b")),
        (nn.Linear(1, 2), nn.Linear(1, 3)),
        (True, 1),
        (0.0, -0.0),
        (1, 1.0),
        ("1", b"1"),
        (sys, math),
        (functools.lru_cache(math.sin), functools.lru_cache(math.cos)),
    ],
    ids=lambda pair: type(pair[0]).__name__,
)
def test_values_of_many_kinds_count(pair):
    assert differ(*pair)


def with_factory(factory):
    @dataclasses.dataclass
    class Sized:
        sizes: list = dataclasses.field(default_factory=factory)

    return Sized


class Scaled:
    def __init__(self, factor):
        self.factor = factor

    def build(self):
        return self.factor


def keyword_only(value):
    def build(*, inner=value):
        return inner

    return build


@pytest.mark.parametrize(
    "pair",
    [
        (with_factory(lambda: [1]), with_factory(lambda: [2])),
        (Scaled(1).build, Scaled(2).build),
        (keyword_only(1), keyword_only(2)),
        (functools.partial(math.log, 1), functools.partial(math.log, 2)),
        (functools.partial(int, base=2), functools.partial(int, base=3)),
    ],
    ids=["default factory", "bound method", "keyword default", "partial", "keyword of a partial"],
)
def test_builders_and_classes_made_at_run_time_count_by_their_values(pair):
    assert network_code(pair[0]) != network_code(pair[1])


def test_lambdas_of_one_line_differ():
    one, other = (lambda: nn.ReLU()), (lambda: nn.GELU())
    assert network_code(one) != network_code(other)


def recursive(depth):
    return recursive(depth - 1) if depth else REGISTRY


REGISTRY = {"recursive": recursive, "config": Config}
REGISTRY["itself"] = REGISTRY


def test_recursion_and_circles_end():
    assert network_code(recursive) == network_code(recursive)
    circle = []
    circle.append(circle)
    assert network_code(returning(circle))


def test_a_long_chain_of_functions_is_followed_to_its_end(checkout):
    def chain(last):
        functions = [f"def f{k}():\n    return f{k + 1}()\n" for k in range(1200)]
        return "".join([*functions, f"def f1200():\n    return {last}\n"])

    first, second = (checkout.imported({"nets.py": chain(last)}).f0 for last in (1, 2))
    assert network_code(first) != network_code(second)


def test_a_module_used_as_a_whole_counts_as_a_whole(checkout):
    nets = "import blocks\ndef build(*given):\n    return getattr(blocks, 'conv')(1, 1)\n"
    texts = [BLOCKS, BLOCKS.replace("return STD\n", "return -STD\n")]
    codes = {network_code(checkout.imported({"nets.py": nets, "blocks.py": text}).build) for text in texts}
    assert len(codes) == 2


def test_an_optional_import_that_is_missing_is_left_out(checkout):
    nets = "def build(*given):\n    try:\n        import not_there\n    except ImportError:\n        pass\n"
    assert network_code(checkout.imported({"nets.py": nets}).build)


def test_an_installed_package_counts_by_its_name_and_version(monkeypatch):
    before = network_code(given)
    assert "hypothesis " in before
    monkeypatch.setattr(installed, "_package_of", lambda file: "hypothesis 0.0.1")
    assert network_code(given) != before


def test_the_version_of_torch_and_of_the_harness_does_not_count():
    places = {installed.installed_package(one) for one in (nn.Module, np.array, CodeWalk, collections.OrderedDict)}
    assert places == {"torch", "numpy", "harness", "collections"}


def test_runtime_state_of_libraries_does_not_count(monkeypatch):
    import os

    def build():
        return torch.get_num_threads(), os.environ.get("HOME"), sys.argv, torch.backends.cudnn.benchmark

    before = network_code(build)
    monkeypatch.setenv("ANOTHER", "variable")
    monkeypatch.setattr(sys, "argv", ["another"])
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", not torch.backends.cudnn.benchmark)
    assert network_code(build) == before


def test_code_without_a_source_is_an_input_error():
    names = {}
    exec("def build(channels, classes): return None", names)
    with pytest.raises(InputError, match="build has no source, so its network has no identity: define it in a file"):
        network_code(names["build"])


def test_a_file_changed_since_its_import_is_an_input_error(checkout):
    module = checkout.imported({"nets.py": "def build(): pass\n"})
    with open(module.__file__, "w", encoding="utf-8") as file:
        file.write("VALUE = 1\n\n\ndef build(): pass\n")
    with pytest.raises(InputError, match=r"nets\.py has changed since build was imported from it: start again"):
        network_code(module.build)


def test_the_users_own_modules_are_listed(checkout):
    walk = CodeWalk(checkout.imported({"nets.py": NETS, "blocks.py": BLOCKS}).build)
    assert (walk.modules, walk.imported) == ({"nets", "blocks"}, {"blocks"})
