"""The nodes of a cluster, and which of them may train a study's cases."""

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.config.data_folder import default_data_dir
from harness.config.settings import Settings
from harness.errors import InputError
from harness.study.engines.cluster.connection import Cluster
from harness.study.engines.cluster.worker import Preparation, Training


class NodePool:
    """The nodes of a cluster, and which of them may train a study's cases.

    Attributes:
        share: what a case needs of a node.
        settings: the settings as nodes get them.
        data_dir: the folder of the datasets on every node; None for each node's default.
        unfit: why a node gets no cases, by node id.
    """

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        """Resolve the settings for the cluster.

        Raises:
            InputError: no node of the cluster has what a case needs.
        """
        self.cluster = cluster
        self.share = cluster.share(settings)
        # A node has one device for a case: the one that Ray assigns to the worker.
        # Gains of compiling are remembered per machine, and a study's cases are all compiled or all not.
        compiling = "off" if settings.compile == "auto" else settings.compile
        self.settings = replace(settings, device="cuda" if self.share.gpus else "cpu", compile=compiling)
        self.data_dir: Path | None = None if settings.data_dir == default_data_dir() else settings.data_dir
        self.unfit: dict[str, str] = {}
        self._is_auto_off = settings.compile == "auto" and settings.pipeline == "fast" and self.share.gpus > 0

    def report_compiling(self, notify: Callable[[str], None]) -> None:
        """Report once that ``auto`` compiles nothing on the GPUs of a cluster."""
        if self._is_auto_off:
            notify("--compile auto: networks are not compiled on a cluster, whose gains may differ; give --compile on")
        self._is_auto_off = False

    def run(self, task: Preparation | Training, *, on: str | None = None, avoid: Collection[str] = ()) -> Any:
        """Run a task on a node that has a case's share; return Ray's generator of references to its reports.

        Args:
            on: the id of the only node that may run it.
            avoid: ids of nodes that may run it only if no other node is fit.
        """
        return self.cluster.run(task, self.share, on=on, not_on=frozenset() if on else self._excluded(avoid))

    def _excluded(self, avoid: Collection[str]) -> frozenset[str]:
        unfit = frozenset(self.unfit)
        return unfit | frozenset(avoid) if avoid and self._is_any_fit(unfit | frozenset(avoid)) else unfit

    def _is_any_fit(self, excluded: Collection[str]) -> bool:
        return any(node_id not in excluded for node_id in self.large_enough())

    def large_enough(self) -> list[str]:
        """List the ids of the running nodes that have what a case needs."""
        return [node_id for node_id, resources in self.cluster.nodes.items() if self.share.fits_in(resources)]

    def cases_at_once(self) -> int:
        """Count the cases that fit on the running nodes at once; at least 1, since a node may still start."""
        return max(1, sum(map(self.share.count_in, self.cluster.nodes.values())))

    def exclude(self, node_id: str, why: str, notify: Callable[[str], None]) -> None:
        """Give a node no more cases: it cannot train them.

        Raises:
            InputError: no other node is fit.
        """
        if node_id not in self.unfit:
            self.unfit[node_id] = why
            notify(self.describe_exclusion(node_id))
        if not self._is_any_fit(self.unfit):
            name = self.cluster.name(node_id)
            raise InputError(f"no node of the cluster is fit for this case any more; node {name}: {why}")

    def describe_exclusion(self, node_id: str) -> str:
        """Return the line that reports an unfit node."""
        return f"node {self.cluster.name(node_id)} gets no cases: {self.unfit[node_id]}"
