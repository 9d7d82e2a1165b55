"""The first thing that runs on a node. It is sent there as source, so it needs nothing that might not be there."""

from collections.abc import Iterator
from typing import Any


def attend(version: str, task: bytes) -> Iterator[Any]:
    """Have this node's own harness run an errand, if it is the same as the driver's.

    Yields:
        The errand's reports; of a node that cannot run it, its id and the reason.
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
    if source_version() != version:
        yield node_id, f"it has another version of the code, {source_version()}, here it is {version}: install the same"
        return
    yield from worker.run(task)
