"""The context of a case's training. Needs no torch."""

from dataclasses import dataclass, field

from harness.training.callback import TrainingCallback
from harness.training.process_group import SINGLE_PROCESS, ProcessGroup


@dataclass(frozen=True)
class TrainingContext:
    """Settings of a case's training that do not decide its outcome.

    Attributes:
        callback: called as training proceeds.
        processes: the process group that trains the case together; this process is its rank 0.
        dataset_verified: true if the images are known to be the published ones; recorded, not checked.
        machine_name: the name to record; None for the machine's name on its network.
        command: the command line to record; None for this process's own.
        shares_memory: true if other cases use the device's memory: without enough of it the case is out of memory at
            once, and none of its own techniques is blamed. The caller trains it alone then.
    """

    callback: TrainingCallback = field(default_factory=TrainingCallback)
    processes: ProcessGroup = SINGLE_PROCESS
    dataset_verified: bool = False
    machine_name: str | None = None
    command: str | None = None
    shares_memory: bool = False
