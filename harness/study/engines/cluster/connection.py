"""A Ray cluster: its nodes, what a case asks of one, and errands that are run there."""

import contextlib
import logging
import os
import pickle
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray import cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from harness.config.settings import Settings
from harness.errors import InputError
from harness.study.engines.cluster import bootstrap as shim
from harness.study.engines.cluster.worker import Preparation, Training, node_name
from harness.text import several
from harness.training.code_version import source_version

_CONNECT_SECONDS = 10
# Reports that a node may be ahead of the driver: what is reported lies in the node's memory until it is fetched.
_REPORTS_AHEAD = 2

cloudpickle.register_pickle_by_value(shim)


@dataclass(frozen=True)
class Share:
    """What a case asks of a node.

    Attributes:
        cpus: that it computes with. cpus_asked: that nobody else may have; more where it wants a node of its own.
        gpus: a share of one, or one, or none.
    """

    cpus: int
    cpus_asked: int
    gpus: float

    def __str__(self) -> str:
        gpus = f" and {self.gpus:g} GPU" if self.gpus else ""
        return several(self.cpus_asked, "CPU") + gpus

    def fits(self, resources: Mapping[str, float]) -> bool:
        """Whether a node of these resources can have it, when nothing else is there."""
        return self.times_in(resources) > 0

    def times_in(self, resources: Mapping[str, float]) -> int:
        """How many cases a node of these resources can have at once."""
        times = int(resources.get("CPU", 0)) // self.cpus_asked
        return min(times, int(resources.get("GPU", 0) / self.gpus)) if self.gpus else times


class Cluster:
    """The connection to a cluster."""

    def __init__(self, address: str | None) -> None:
        """
        Args:
            address: ``auto`` or ``host:port``; None for a cluster of this machine alone, that ends with the connection.

        Raises:
            InputError: there is no cluster, or it is of another version of Ray or Python.
        """
        self.is_own = address is None
        if address not in (None, "auto"):
            _require_listening(str(address))
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody was asked
        before = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(
                address=address or "local",
                include_dashboard=False if self.is_own else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (OSError, RuntimeError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise InputError(f"--ray-address {address or '(none)'}: {reason}") from error
        finally:
            with contextlib.suppress(ValueError):  # not the main thread, where signals cannot be handled
                signal.signal(signal.SIGTERM, before)  # Ray would end this process without a summary
        self._attend = ray.remote(shim.attend)
        self._version = source_version()

    @property
    def nodes(self) -> dict[str, dict[str, float]]:
        """The resources of every node that is up, by its id."""
        return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}

    def name(self, node_id: str) -> str:
        """A node's name as a person knows it, dead or alive."""
        return node_name(node_id)

    def share(self, settings: Settings) -> Share:
        """What a case asks of a node by the settings.

        Raises:
            InputError: no node of the cluster has it, nor will any.
        """
        nodes = self.nodes.values()
        gpus = settings.gpus_per_case
        if gpus is None:
            is_any_there = any(node.get("GPU", 0) >= 1 for node in nodes)
            may_come = settings.device == "cuda" and not self.is_own
            gpus = 1.0 if settings.device != "cpu" and (is_any_there or may_come) else 0.0
        if settings.device == "cuda" and not gpus:
            raise InputError("--device cuda: this machine has no GPU that Ray can see, or --gpus-per-case is 0")
        cpus = cpus_asked = settings.cpus_per_case or 1
        if settings.exclusive:
            most = max((int(node.get("CPU", 0)) for node in nodes if node.get("GPU", 0) >= gpus), default=0)
            if not most:
                raise InputError(
                    "--exclusive: no node is up that has what a case asks for, so none says how large it is"
                )
            cpus_asked = max(most, cpus)
            cpus = settings.cpus_per_case or cpus_asked
        share = Share(cpus, cpus_asked, gpus)
        if self.is_own and not any(map(share.fits, nodes)):
            raise InputError(f"a case asks for {share}, this machine has {_together(nodes)}")
        return share

    def describe(self) -> str:
        """The cluster in a person's words."""
        nodes = [node for node in self.nodes.values() if node.get("CPU", 0) or node.get("GPU", 0)]
        return f"a Ray cluster of {several(len(nodes), 'node')} with {_together(nodes)}"

    def run(
        self,
        task: Preparation | Training,
        share: Share,
        *,
        on: str | None = None,
        not_on: frozenset[str] = frozenset(),
    ) -> Any:
        """Have an errand run, on a node that has the share: Ray's generator of references to its reports.

        Args:
            on: the id of the only node that may run it. not_on: of those that may not.
        """
        options: dict[str, Any] = {}
        if on is not None:
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(on, soft=False)
        elif not_on:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(not_on))})"}
        attend = self._attend.options(
            num_cpus=share.cpus_asked,
            num_gpus=share.gpus,
            max_retries=0,  # a case that is lost goes on from its last report, which Ray knows nothing of
            _generator_backpressure_num_objects=_REPORTS_AHEAD,
            **options,
        )
        return attend.remote(self._version, pickle.dumps(task))

    def cancel(self, task: Any) -> None:
        """Have an errand stopped that is not finished."""
        with contextlib.suppress(ray.exceptions.RayError):
            ray.cancel(task)

    def close(self) -> None:
        """Leave the cluster: what this process has had run there ends."""
        ray.shutdown()


def _require_listening(address: str) -> None:
    """Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"--ray-address {address}: no cluster answers there ({reason})\n"
            "`ray start --head` starts one, and says where"
        ) from error


def _together(nodes: Any) -> str:
    totals = {kind: int(sum(node.get(kind, 0) for node in nodes)) for kind in ("CPU", "GPU")}
    return several(totals["CPU"], "CPU") + (f" and {several(totals['GPU'], 'GPU')}" if totals["GPU"] else "")
