"""The first code that runs on a node.

The driver sends its source, so it imports nothing that the node may lack.
"""

from collections.abc import Iterator
from typing import Any


def run_task(version: str, task: bytes) -> Iterator[Any]:
    """Run a task by the node's own harness, if its source is the same as the driver's.

    Args:
        version: the driver's `source_version`.
        task: a pickled `Preparation` or `Training`.

    Yields:
        The task's reports; if the node cannot run it, (node id, reason) alone.
    """
    import sys

    import ray

    node_id = ray.get_runtime_context().get_node_id()
    try:
        from harness.study.engines.cluster import worker
        from harness.training.code_version import source_version
    except ImportError as error:
        yield node_id, f"wider-or-deeper cannot be imported by {sys.executable} there ({error}): install it"
        return
    if (own := source_version()) != version:
        yield node_id, f"it has another version of the code, {own}, not {version}: install the same"
        return
    yield from worker.run(task)
