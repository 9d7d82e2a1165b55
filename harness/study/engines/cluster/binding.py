"""Experiments bound to cases on every node of a cluster, before any of them is trained."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ray import exceptions

from harness.config.experiment import Experiment
from harness.errors import InputError
from harness.study.engines.background import BackgroundLoop, wait_for
from harness.study.engines.cluster.connection import reports_of
from harness.study.engines.cluster.node_pool import NodePool
from harness.study.engines.cluster.worker import BoundExperiment, NodeBinding, Preparation, difference
from harness.text import count_noun

_NODE_SECONDS = 5.0


def bind_experiments(
    experiments: Sequence[Experiment], nodes: NodePool, loop: BackgroundLoop, notify: Callable[[str], None]
) -> tuple[BoundExperiment, ...]:
    """Prepare every running node for the experiments; return them bound as most nodes bind them.

    A node that is unfit, or that would train other cases than most, is reported by its name and excluded from the pool.

    Raises:
        InputError: no node is fit.
    """
    node_ids = _wait_for_nodes(nodes, notify)
    if not nodes.cluster.is_own:
        notify(
            f"{count_noun(len(node_ids), 'node')} of the cluster: locating, downloading and verifying the data there"
        )
    bindings = wait_for(loop.start(_bind_on_each(node_ids, experiments, nodes)))
    if not bindings:
        reasons = "\n".join(f"node {nodes.cluster.name(node_id)}: {why}" for node_id, why in nodes.unfit.items())
        raise InputError(f"no node of the cluster is fit for these cases\n{reasons}")
    chosen = _most_frequent(bindings)
    nodes.unfit |= _disagreeing(bindings, chosen)
    for notice in chosen.notices:
        notify(notice)
    for node_id in nodes.unfit:
        notify(nodes.describe_exclusion(node_id))
    return chosen.bound


def _wait_for_nodes(nodes: NodePool, notify: Callable[[str], None]) -> list[str]:
    """Return the ids of the nodes that are large enough for a case; wait until there is one."""
    demand = None
    while not (node_ids := nodes.large_enough()):
        if demand is None:
            notify(f"waiting for a node with {nodes.share}: {nodes.cluster.describe()} has none")
            # An autoscaler starts nodes for tasks that wait.
            demand = nodes.run(Preparation(nodes.settings, nodes.data_dir, ()))
        time.sleep(_NODE_SECONDS)
    if demand is not None:
        nodes.cluster.cancel(demand)
    return node_ids


async def _bind_on_each(
    node_ids: Sequence[str], experiments: Sequence[Experiment], nodes: NodePool
) -> list[NodeBinding]:
    """Bind the experiments on all nodes at once; return the bindings of those that are fit."""
    task = Preparation(nodes.settings, nodes.data_dir, tuple(experiments))
    bindings = await asyncio.gather(*(_bind_on(node_id, nodes.run(task, on=node_id), nodes) for node_id in node_ids))
    return [binding for binding in bindings if binding is not None]


async def _bind_on(node_id: str, task: Any, nodes: NodePool) -> NodeBinding | None:
    """Return a node's binding, or None after noting why the node is unfit."""
    try:
        async with contextlib.aclosing(reports_of(task)) as reports:
            async for report in reports:
                if isinstance(report, NodeBinding):
                    return report
                _, nodes.unfit[node_id] = report
    except exceptions.RayTaskError as error:
        nodes.unfit[node_id] = _last_line(error)
    except exceptions.RayError as error:
        nodes.unfit[node_id] = f"it was lost ({type(error).__name__})"
    return None


def _last_line(error: exceptions.RayTaskError) -> str:
    cause = error.cause or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[-1]  # a MemoryError has no text


def _identities(binding: NodeBinding) -> tuple[str, ...]:
    return tuple(bound.case.identity for bound in binding.bound)


def _most_frequent(bindings: Sequence[NodeBinding]) -> NodeBinding:
    """Return the first of the bindings that most nodes have in common."""
    ((identities, _),) = Counter(map(_identities, bindings)).most_common(1)
    return next(binding for binding in bindings if _identities(binding) == identities)


def _disagreeing(bindings: Sequence[NodeBinding], chosen: NodeBinding) -> dict[str, str]:
    """Return why nodes would train other cases than the chosen binding's, by node id."""
    reasons = {}
    for binding in bindings:
        for ours, theirs in zip(chosen.bound, binding.bound, strict=True):
            if ours.case.identity != theirs.case.identity:
                reasons[binding.node_id] = (
                    f"{ours.case.label} would be another case there: {difference(ours.case, theirs.case)}"
                )
    return reasons
