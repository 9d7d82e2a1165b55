"""The identity of a user's own network: other for another network, the same for the same one elsewhere."""

import functools
import os
import subprocess
import sys

import pytest
from torch import nn

from harness.config.families import Family, named_model
from harness.models.identity import identity_for, with_origin
from tests.helpers import REPOSITORY
from tests.models.own_code import BLOCKS, NETS, Checkout

OTHER = {
    "forward pass": ("self.scale * self.head(", "self.head("),
    "method of a subclass": (".mean((2, 3))", ".amax((2, 3))"),
    "layer": ("nn.Linear(CHANNELS, classes)", "nn.Linear(CHANNELS, classes, bias=False)"),
    "initialisation": ("normal_(", "trunc_normal_("),
    "constant of the module": ("CHANNELS = 4", "CHANNELS = 5"),
    "constant of a class": ("scale = 2.0", "scale = 2.5"),
    "base class": ("class Net(Base)", "class Net(Other)"),
    "default argument": ("act=nn.functional.relu", "act=nn.functional.gelu"),
    "value of a closure": ("with_closure(0.1)", "with_closure(0.2)"),
    "argument of a partial": ("alpha=0.5", "alpha=0.6"),
    "decorator": ("limited(function(*arguments), 1)", "limited(function(*arguments), 2)"),
    "function that a decorator calls": ("    return network", "    return network.double()"),
    "constant of another file": ("STD = 0.02", "STD = 0.03"),
    "helper in another file": ("padding=1", "padding=0"),
    "helper imported inside a function": ("return act if STD", "return act if not STD"),
}
SAME = {
    "comment": ("# pools", "# pools the map"),
    "docstring": ('"""Build."""', '"""Build the network."""'),
    "formatting": ("limited(function(*arguments), 1)", "(\n            limited(function(*arguments),\n 1))"),
    "annotations": ("def limited(network, limit)", "def limited(network: nn.Module, limit: int) -> nn.Module"),
    "unrelated function": ("def unrelated():\n    return", "def unrelated():\n    return 2 *"),
    "unrelated constant": ("UNUSED = 1", "UNUSED = 2"),
    "test": ("assert True", "assert 1 + 1 == 2"),
    "name of a helper": ("limited(", "bounded("),
    "name of an import": ("convolution", "conv3x3"),
    "order of a dictionary": (
        '"closure": with_closure(0.1), "partial": functools.partial(nn.functional.elu, alpha=0.5)',
        '"partial": functools.partial(nn.functional.elu, alpha=0.5), "closure": with_closure(0.1)',
    ),
}
OTHER_BASE = "class Other(Base):\n    def forward(self, x):\n        return self.head(self.conv(x))\n\n\nclass Net("


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    return Checkout(tmp_path, monkeypatch)


def changed(old, new):
    assert old in NETS + BLOCKS or old == new
    texts = {"nets.py": NETS.replace("class Net(", OTHER_BASE), "blocks.py": BLOCKS}
    return {name: text.replace(old, new) for name, text in texts.items()}


@pytest.mark.parametrize("change", OTHER)
def test_changed_code_is_another_network(checkout, change):
    assert checkout.identity(changed(*OTHER[change])) != checkout.identity(changed("", ""))


@pytest.mark.parametrize("change", SAME)
def test_code_changed_in_nothing_that_counts_is_the_same_network(checkout, change):
    assert checkout.identity(changed(*SAME[change])) == checkout.identity(changed("", ""))


def test_moved_and_renamed_files_are_the_same_network(checkout):
    renamed = NETS.replace("import blocks\n", "from . import layers as blocks\n").replace("from blocks", "from .layers")
    renamed = renamed.replace("import blocks as", "from . import layers as")
    files = {"package/__init__.py": "", "package/mine.py": renamed, "package/layers.py": BLOCKS}
    assert checkout.identity(files, "package.mine") == checkout.identity()


def test_depth_and_width_count_even_if_the_layers_are_the_same():
    family = Family("net", lambda depth, width, channels, classes: nn.Conv2d(channels, classes, 1))
    identities = {identity_for(family(*point), 1, 3) for point in [(1, 1), (2, 1), (1, 2), (1, 0.5)]}
    assert len(identities) == 4


def build_linear(channels, classes, bias=True):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels, classes, bias=bias))


class Nets:
    """Builders as methods."""

    def __init__(self, bias=True):
        self.bias = bias

    def build(self, channels, classes):
        return build_linear(channels, classes, self.bias)

    def __call__(self, channels, classes):
        return self.build(channels, classes)

    @classmethod
    def standard(cls, channels, classes):
        return cls().build(channels, classes)


class Linear(nn.Linear):
    """A class that is its own builder."""


def test_every_kind_of_builder_has_its_own_identity_and_place():
    with_bias = functools.partial(build_linear, bias=True)
    builders = [
        build_linear, with_bias, functools.partial(with_bias, bias=False), Nets().build, Nets(False).build,
        Nets(), Nets(False), Nets.standard, Linear, lambda c, n: build_linear(c, n), lambda c, n: nn.Linear(c, n),
    ]  # fmt: skip
    models = [named_model("net", one) for one in builders]
    assert len({identity_for(one, 2, 3) for one in models}) == len(builders)
    places = [with_origin(one).origin for one in models]
    assert {one.file for one in places} == {__file__}
    names = [one.name for one in places]
    assert names == ["build_linear", "", "", "", "", "", "", "Nets.standard", "Linear", "", ""]


def test_models_of_a_family_share_the_code_of_their_family(checkout):
    codes = []
    for body in ("nn.ReLU()", "nn.Tanh()"):
        builder = f"def build(depth, *_):\n    DEPTHS.append(depth)\n    return {body}"
        files = {"nets.py": f"from torch import nn\nDEPTHS = []\n{builder}"}
        family = Family("net", checkout.imported(files).build)
        for depth in (1, 2):
            codes.append(with_origin(family(depth, 1)).origin.family_code)
            identity_for(family(depth, 1), 1, 3)  # building changes what the code reaches
    assert codes[0] == codes[1] != codes[2] == codes[3]


def test_channels_and_classes_are_part_of_the_identity():
    model = named_model("net", build_linear)
    assert len({identity_for(model, *shape) for shape in [(1, 3), (3, 3), (1, 4)]}) == 3


def test_identity_is_kept_when_building_changes_what_the_code_reaches(checkout):
    files = {
        "nets.py": "from torch import nn\nBUILT = []\ndef build(*given):\n    BUILT.append(1)\n    return nn.ReLU()"
    }
    model = Family("net", checkout.imported(files).build)(1, 1)
    assert identity_for(model, 1, 3) == identity_for(model, 1, 3)
    assert identity_for(model, 3, 3) != ""


SCRIPT = """
import nets
from harness.config.families import Family
from harness.models.identity import identity_for
print(identity_for(Family("net", nets.build)(1, 2), 1, 3))
"""


@pytest.mark.slow
def test_every_process_finds_the_same_identity(checkout, tmp_path):
    here = checkout.identity()
    paths = os.pathsep.join([str(tmp_path / "1"), str(REPOSITORY)])
    variables = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": paths, "PYTHONOPTIMIZE": "2"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == here
