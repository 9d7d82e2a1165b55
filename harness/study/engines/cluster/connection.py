"""The connection to a Ray cluster: its nodes, a case's share of one, and the tasks that run there."""

import contextlib
import logging
import os
import re
import signal
import socket
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray import cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from harness.config.settings import Settings
from harness.errors import InputError
from harness.study.engines.cluster import bootstrap
from harness.study.engines.cluster.own_cluster import private_cluster
from harness.study.engines.cluster.start_failure import explain_failure
from harness.study.engines.cluster.worker import Preparation, Training, node_name
from harness.study.engines.task_pickle import pickled
from harness.text import count_noun
from harness.training.code_version import source_version

_CONNECT_SECONDS = 10
# Reports that a worker may be ahead of the driver: a report stays in the node's memory until the driver fetches it.
_REPORTS_AHEAD = 2

cloudpickle.register_pickle_by_value(bootstrap)


@dataclass(frozen=True)
class Share:
    """A case's share of a node.

    Attributes:
        cpus: CPUs that it computes with.
        cpus_reserved: CPUs reserved for it: more than ``cpus`` if it gets a node of its own.
        gpus: 0, 1, or a fraction of one.
    """

    cpus: int
    cpus_reserved: int
    gpus: float

    def __str__(self) -> str:
        gpus = f" and {self.gpus:g} GPU" if self.gpus else ""
        return count_noun(self.cpus_reserved, "CPU") + gpus

    def fits_in(self, resources: Mapping[str, float]) -> bool:
        """Return whether an idle node with these resources has room for a case."""
        return self.count_in(resources) > 0

    def count_in(self, resources: Mapping[str, float]) -> int:
        """Count the cases that an idle node with these resources can train at the same time."""
        count = int(resources.get("CPU", 0)) // self.cpus_reserved
        return min(count, int(resources.get("GPU", 0) / self.gpus)) if self.gpus else count


class Cluster:
    """The connection to a cluster."""

    def __init__(self, address: str | None) -> None:
        """Connect to a cluster, or start one on this machine.

        Args:
            address: ``auto`` or ``host:port``; None for a cluster of this machine alone that ends with the connection.

        Raises:
            InputError: no cluster answers, it runs another version of Ray or Python, or Ray does not start here.
        """
        self.is_own = address is None
        of_ray = os.environ.get("RAY_ADDRESS", "")  # replaces "auto"
        if address == "auto" and re.fullmatch(r"[^/:]+:\d+", of_ray):
            _require_listening(of_ray, "--ray-address auto: RAY_ADDRESS")
        elif address not in (None, "auto"):
            _require_listening(str(address), "--ray-address")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # the user has not agreed to it
        before = signal.getsignal(signal.SIGTERM)
        try:
            with contextlib.ExitStack() as until_closed:
                folder = until_closed.enter_context(private_cluster()) if self.is_own else None
                ray.init(
                    address=address or "local",
                    include_dashboard=False if self.is_own else None,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    _temp_dir=folder,
                )
                self._until_closed = until_closed.pop_all()
        except InputError:
            raise
        except (OSError, RuntimeError, ValueError, ray.exceptions.AuthenticationError) as error:
            raise InputError(explain_failure(error, address)) from error
        finally:
            with contextlib.suppress(ValueError):  # only the main thread can set handlers
                signal.signal(signal.SIGTERM, before)  # Ray's would end this process without a summary
        self._remote_task = ray.remote(bootstrap.run_task)
        self._version = source_version()

    @property
    def nodes(self) -> dict[str, dict[str, float]]:
        """The resources of every running node, by its id."""
        return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}

    def name(self, node_id: str) -> str:
        """Return a node's human-readable name, dead or alive."""
        return node_name(node_id)

    def share(self, settings: Settings) -> Share:
        """Compute a case's share of a node from the settings.

        Raises:
            InputError: no node of the cluster has it, nor can one join.
        """
        nodes = self.nodes.values()
        gpus = self._gpus_per_case(settings)
        if settings.device == "cuda" and not gpus:
            raise InputError(
                "--device cuda: Ray sees no GPU on this machine, or --gpus-per-case is 0; give --device cpu, "
                "or --gpus-per-case 1 on a machine with a GPU"
            )
        cpus = cpus_reserved = settings.cpus_per_case or 1
        if settings.exclusive:
            cpus_reserved = max(cpus, _most_cpus(nodes, gpus))
            cpus = settings.cpus_per_case or cpus_reserved
        share = Share(cpus, cpus_reserved, gpus)
        if self.is_own and not any(map(share.fits_in, nodes)):
            raise InputError(f"a case needs {share}, this machine has {_total(nodes)}")
        return share

    def _gpus_per_case(self, settings: Settings) -> float:
        """Return the option's number; by default 1 if the cluster has GPUs, or may get those asked for."""
        if settings.gpus_per_case is not None:
            return settings.gpus_per_case
        has_gpu = any(node.get("GPU", 0) >= 1 for node in self.nodes.values())
        may_join = settings.device == "cuda" and not self.is_own
        return 1.0 if settings.device != "cpu" and (has_gpu or may_join) else 0.0

    def describe(self) -> str:
        """Describe the cluster, human-readable."""
        nodes = [node for node in self.nodes.values() if node.get("CPU", 0) or node.get("GPU", 0)]
        return f"a Ray cluster of {count_noun(len(nodes), 'node')} with {_total(nodes)}"

    def run(
        self,
        task: Preparation | Training,
        share: Share,
        *,
        on: str | None = None,
        not_on: frozenset[str] = frozenset(),
    ) -> Any:
        """Run a task on a node that has the share; return Ray's generator of references to its reports.

        Args:
            on: the id of the only node that may run it.
            not_on: ids of nodes that may not run it.
        """
        options: dict[str, Any] = {}
        if on is not None:
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(on, soft=False)
        elif not_on:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(not_on))})"}
        remote_task = self._remote_task.options(
            num_cpus=share.cpus_reserved,
            num_gpus=share.gpus,
            max_retries=0,  # the driver retries: Ray does not know the last report, from which a case resumes
            _generator_backpressure_num_objects=_REPORTS_AHEAD,
            **options,
        )
        return remote_task.remote(self._version, pickled(task, "--engine ray"))

    def cancel(self, task: Any) -> None:
        """Cancel a task, if it still runs."""
        with contextlib.suppress(ray.exceptions.RayError):
            ray.cancel(task)

    def close(self) -> None:
        """Leave the cluster, which ends this process's tasks there."""
        ray.shutdown()
        self._until_closed.close()


async def reports_of(task: Any) -> AsyncGenerator[Any, None]:
    """Yield a task's reports in order; the cluster frees each once it is here."""
    async for reference in task:
        yield await reference


def _require_listening(address: str, name: str) -> None:
    """Raise an `InputError` unless something listens at the address; Ray itself would try for minutes.

    Args:
        name: of the option or variable that has the address.
    """
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{name} {address}: no cluster answers there ({reason})\n"
            "start one with `ray start --head`, which prints its address"
        ) from error


def _most_cpus(nodes: Collection[Mapping[str, float]], gpus: float) -> int:
    """Return the CPUs of the largest running node that has the GPUs."""
    most = max((int(node.get("CPU", 0)) for node in nodes if node.get("GPU", 0) >= gpus), default=0)
    if not most:
        raise InputError(
            "--exclusive: no running node has the CPUs and GPUs that a case needs; start such a node first"
        )
    return most


def _total(nodes: Collection[Mapping[str, float]]) -> str:
    totals = {kind: int(sum(node.get(kind, 0) for node in nodes)) for kind in ("CPU", "GPU")}
    return count_noun(totals["CPU"], "CPU") + (f" and {count_noun(totals['GPU'], 'GPU')}" if totals["GPU"] else "")
