"""A simulated cluster of one-CPU nodes, all on this machine, and faults in it."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from tests.helpers import REPOSITORY

# Python imports it at the start of every process of the cluster. In a worker it injects the faults that files in the
# folder of faults name: `resnet8-seed0.kill` kills that case's worker in its third epoch, once.
SITECUSTOMIZE = """
import os, pathlib, sys
if any("default_worker.py" in argument for argument in sys.orig_argv):
    import torch
    from harness.training.trainers.fast import FastTrainer
    from harness.training.trainers import fast
    faults, train_epoch = pathlib.Path({faults!r}), FastTrainer.train_epoch
    def faulty(self, images, epoch, *arguments):
        name = f"{{self.case.model}}-seed{{self.case.seed}}"
        def is_injected(fault):
            path = faults / f"{{name}}.{{fault}}"
            return path.exists()
        if epoch == 2 and is_injected("kill"):
            (faults / f"{{name}}.kill").unlink()
            os.kill(os.getpid(), 9)
        if is_injected("always-kill"):
            os.kill(os.getpid(), 9)
        if epoch == 2 and is_injected("memory"):
            raise torch.OutOfMemoryError("injected")
        if epoch == 2 and is_injected("bug"):
            raise ZeroDivisionError("a bug")
        if epoch == 2 and is_injected("diverge"):
            with torch.no_grad():
                next(self.network.parameters()).fill_(float("nan"))
        return train_epoch(self, images, epoch, *arguments)
    FastTrainer.train_epoch = faulty
"""


class SimulatedCluster:
    """A head; nodes that are added and killed by name; faults that are injected by a case's name."""

    def __init__(self, folder: Path):
        self.faults, code = folder / "faults", folder / "code"
        self.faults.mkdir()
        code.mkdir()
        (code / "sitecustomize.py").write_text(SITECUSTOMIZE.format(faults=str(self.faults)))
        self._variables = {
            "PYTHONPATH": f"{code}{os.pathsep}{REPOSITORY}",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self._nodes = {}
        with self._environment({}):
            self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        self.address = self._cluster.address

    def add(self, name, *, num_cpus=1, **variables):
        """Start a node with these environment variables."""
        with self._environment(variables):
            self._nodes[name] = self._cluster.add_node(num_cpus=num_cpus, node_name=name)

    def kill(self, name):
        """Kill all processes of a node at once, as a power failure would."""
        self._cluster.remove_node(self._nodes.pop(name), allow_graceful=False)

    def inject(self, fault, *cases):
        """Inject a fault into cases."""
        for case in cases:
            (self.faults / f"{case}.{fault}").write_text("")

    def close(self):
        self._cluster.shutdown()

    @contextmanager
    def _environment(self, variables):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (self._variables | variables).items():
                patch.setenv(name, value)
            yield


def wait_until(condition, seconds=300):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
