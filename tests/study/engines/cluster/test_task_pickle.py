"""Tasks as bytes, with the code of the user's own networks."""

import pickle
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
import cloudpickle

from harness.config.experiment import plan_experiment
from harness.config.families import Family
from harness.errors import InputError
from harness.models.build import build_network
from harness.models.identity import identity_for
from harness.study.engines.cluster import worker
from harness.study.engines.cluster.worker import Preparation
from harness.study.engines.task_pickle import pickled
from harness.study.machine import Machine
from tests.models.own_code import BLOCKS, NETS, Checkout
from tests.study.engines.cluster.fake_cluster import NODE_A, RECIPE, train

# Ray's own, at its import.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    return Checkout(tmp_path, monkeypatch)


@pytest.fixture
def plan(settings, checkout):
    """Plans an experiment with the network of a file."""

    def make(text=NETS):
        blocks = f"{BLOCKS}\nimport threading\nNOT_USED = threading.Lock()\n"  # a lock cannot be pickled
        build = checkout.imported({"nets.py": text, "blocks.py": blocks}).build
        return plan_experiment(settings, "digits", Family("net", build)(1, 2), 0, RECIPE)

    return make


def on_a_node(task, monkeypatch):
    """The task as a node reads it, which has none of the user's files."""
    content = pickled(task, "--engine ray")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [place for place in sys.path if "pytest-of" not in place])
        for name in ("nets", "blocks"):
            patch.delitem(sys.modules, name)
        read = pickle.loads(content)
        assert "nets" not in sys.modules
        (experiment,) = read.experiments
        network = build_network(experiment.own, 1, 3, seed=0)
        return experiment.own, network(torch.ones(2, 1, 8, 8))


def test_network_is_built_where_its_file_is_not(settings, plan, monkeypatch):
    experiment = plan()
    own, logits = on_a_node(Preparation(settings, None, (experiment,)), monkeypatch)
    assert identity_for(own, 1, 3) == identity_for(experiment.own, 1, 3)
    assert torch.equal(logits, build_network(experiment.own, 1, 3, seed=0)(torch.ones(2, 1, 8, 8)))
    assert cloudpickle.list_registry_pickle_by_value() == set()


def test_task_without_own_networks_stays_the_same(settings, experiment):
    task = Preparation(settings, None, (experiment,))
    assert pickle.loads(pickled(task, "--engine ray")) == task


def test_code_that_cannot_be_sent_is_an_input_error(settings, plan):
    with_lock = NETS.replace("CHANNELS = 4", "import threading\nCHANNELS = 4\nLOCK = threading.Lock()")
    experiment = plan(with_lock.replace("    import blocks as inner", "    import blocks as inner; LOCK.locked()"))
    with pytest.raises(InputError, match="--engine ray: the code of net1-2 cannot be sent to other processes: "):
        pickled(Preparation(settings, None, (experiment,)), "--engine ray")


def test_package_that_a_node_lacks_is_named(monkeypatch):
    monkeypatch.setattr(worker.ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: NODE_A))
    content = b"cnot_installed.layers\nAttention\n."  # a pickled class of a package
    (report,) = worker.run(content)
    assert report == (NODE_A, "it lacks the package 'not_installed', which your own network uses: install it there")


def test_engine_trains_an_own_network_as_the_case_of_this_machine(engine, settings, plan, tmp_path):
    experiment = plan()
    (result,), _ = train(engine, experiment)
    here = Machine(replace(settings, engine="local")).case(experiment)
    assert result.case.identity == here.identity
    assert (result.network.module, result.network.name) == ("nets", "build")
    assert result.network.file.startswith(str(tmp_path))
