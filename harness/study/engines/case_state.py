"""The state of one case of a concurrent engine."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.results.result import EpochRecord
from harness.study.engines.engine import CaseRequest


@dataclass
class CaseState:
    """The state of one case while nodes of a cluster, or processes, train it.

    Attributes:
        request: the case, and whether to train it even if it is finished.
        node_id: id of the node that trains it now; None while no node does.
        epochs, seconds: the epochs that nodes reported in this run, and the seconds that these took.
        last_record: the record of the last reported epoch.
        furthest_epoch: the highest epoch that any node reported.
        lost_workers: workers lost in a row without a further epoch.
        lost_on: names of the nodes that lost a worker of the case, one entry per loss.
        avoided: ids of the nodes that lost a worker since the last further epoch.
        memory_error: Ray's message if it killed the worker for lack of memory.
    """

    request: CaseRequest
    node_id: str | None = None
    epochs: int = 0
    seconds: float = 0.0
    last_record: EpochRecord | None = None
    furthest_epoch: int = 0
    lost_workers: int = 0
    lost_on: list[str] = field(default_factory=list)
    avoided: set[str] = field(default_factory=set)
    memory_error: str | None = None

    def add_epochs(self, records: Sequence[EpochRecord]) -> None:
        """Count reported epochs; an epoch further than all before it clears the losses."""
        if not records:
            return
        self.epochs += len(records)
        self.seconds += sum(record.epoch_seconds for record in records)
        self.last_record = records[-1]
        if self.last_record.epoch > self.furthest_epoch:
            self.furthest_epoch, self.lost_workers = self.last_record.epoch, 0
            self.avoided.clear()

    def add_lost_worker(self, node_name: str) -> None:
        """Count a lost worker; the node that lost it is avoided until the case gets further."""
        self.lost_workers += 1
        self.lost_on.append(node_name)
        if self.node_id is not None:
            self.avoided.add(self.node_id)
