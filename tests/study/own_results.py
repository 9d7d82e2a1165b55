"""The result of a user's own network, with the file that builds it beside the results folder."""

import importlib
import shutil
import sys
from dataclasses import replace

from harness.config.experiment import plan_experiment
from harness.config.settings import read_settings
from harness.models import build as models_build
from harness.results.load import load_named_result
from harness.study.study import Study
from harness.training.known_networks import remember_place

NETS = """
import functools
import harness
import pytest
import torch
from torch import nn


def build(depth, width, channels, classes):
    layers = [layer for _ in range(depth - 1) for layer in (nn.Linear(64, 64), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(64, classes))


def named(channels, classes):
    return build(2, 1, channels, classes)


class Contraction(nn.Linear):
    def forward(self, x):
        return torch.tensordot(x, self.weight, ([1], [1])) + self.bias


def part(depth, width, channels, classes):
    # fvcore does not know tensordot
    backbone = nn.Sequential(*(Contraction(64, 64) for _ in range(5)), Contraction(64, classes))
    return nn.Sequential(nn.Flatten(), backbone[-1])


PART = harness.Family("part", part)
NET = harness.Family("mynet", build)
LOCAL = harness.Family("local", lambda depth, width, channels, classes: build(depth, width, channels, classes))


@pytest.mark.experiment("digits", models={"marked": lambda channels, classes: named(channels, classes)})
def test_marked(trained):
    raise AssertionError("no test runs")
"""


class OwnResult:
    """A folder with a stored result of a quick run, and a copy of the file that built its network."""

    def __init__(self, folder, stored, file="nets_of_user.py"):
        self.folder, self.file = folder, folder / file
        self.file.write_text(NETS, encoding="utf-8")
        self.case = folder / "results" / stored.name
        shutil.copytree(stored, self.case)
        self.record(file=str(self.file))

    def record(self, **changes):
        """Change what the result says of its network, as if this user had trained it so."""
        path, result = load_named_result(self.case)
        own = replace(result.network, **changes)
        remember_place(own.file, own.module)
        path.write_text(replace(result, network=own).to_text(), encoding="utf-8")
        return replace(result, network=own)

    @property
    def result(self):
        return load_named_result(self.case)[1]

    def change(self, old, new):
        """Change the file."""
        text = self.file.read_text(encoding="utf-8")
        assert old in text
        self.file.write_text(text.replace(old, new), encoding="utf-8")


def store_trained(folder, name="NET"):
    """Train a network of the file by a quick run on digits; return the case's folder."""
    (folder / "nets_of_user.py").write_text(NETS, encoding="utf-8")
    sys.path.insert(0, str(folder))
    module = importlib.import_module("nets_of_user")
    sys.path.remove(str(folder))
    settings = read_settings({"results_dir": str(folder / "r"), "report_dir": str(folder / "p"), "device": "cpu"})
    study = Study(settings)
    experiment = plan_experiment(settings, "digits", getattr(module, name)(2), 0)
    study.prepare([experiment])
    place = study.results.folder(study.train(experiment)[0].case)
    forget()
    return place


def forget():
    """Forget the networks and the files of earlier tests, as a new process would."""
    models_build._own_models.clear()
    for name in [one for one in sys.modules if "nets_of_user" in one or one == "moved"]:
        del sys.modules[name]
