"""A user's own network in two files, imported in any version from any folder."""

import importlib
import sys

from harness.config.families import Family
from harness.models.identity import identity_for

NETS = '''"""Networks."""
import functools
from torch import nn
import blocks
from blocks import conv as convolution

CHANNELS = 4
UNUSED = 1


class Base(nn.Module):
    """A base."""

    scale = 2.0

    def __init__(self, channels):
        super().__init__()
        self.conv = convolution(channels, CHANNELS)
        nn.init.normal_(self.conv.weight, std=blocks.STD)

    def forward(self, x):
        return self.scale * self.head(self.conv(x))


class Net(Base):
    def __init__(self, channels, classes, act):
        super().__init__(channels)
        self.act, self.fc = act, nn.Linear(CHANNELS, classes)

    def head(self, x):
        # pools
        return self.fc(self.act(x).mean((2, 3)))


def checked(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return limited(function(*arguments), 1)
    return wrapper


def limited(network, limit):
    return network


def with_closure(slope):
    def act(x):
        return nn.functional.leaky_relu(x, slope)
    return act


@checked
def build(depth, width, channels, classes, act=nn.functional.relu):
    """Build."""
    import blocks as inner
    return Net(channels, classes, inner.choose(act, ACTS["closure"]))


def unrelated():
    return 1


def test_nothing():
    assert True


ACTS = {"closure": with_closure(0.1), "partial": functools.partial(nn.functional.elu, alpha=0.5)}
'''

BLOCKS = """
from torch import nn

STD = 0.02


def conv(channels, out):
    return nn.Conv2d(channels, out, 3, padding=1, bias=False)


def choose(act, other):
    return act if STD else other


def unrelated():
    return STD
"""


class Checkout:
    """Folders with versions of the user's files, each imported under its own names and forgotten again."""

    def __init__(self, folder, monkeypatch):
        self._folder, self._monkeypatch, self._versions = folder, monkeypatch, 0

    def imported(self, files, module="nets"):
        """Write the files into a new folder and import a module of them."""
        self._versions += 1
        place = self._folder / str(self._versions)
        for name, text in files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self._monkeypatch.setattr(sys, "path", [str(place), *sys.path])
        for name in files:
            root = name.partition("/")[0].removesuffix(".py")
            for known in [one for one in sys.modules if one.partition(".")[0] == root]:
                self._monkeypatch.delitem(sys.modules, known)
        return importlib.import_module(module)

    def identity(self, files=None, module="nets"):
        """Return the identity of ``build`` in a version of the files."""
        found = self.imported({"nets.py": NETS, "blocks.py": BLOCKS} | (files or {}), module)
        return identity_for(Family("net", found.build)(1, 2), 1, 3)
