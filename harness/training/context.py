"""What the training of a case is given that does not decide its outcome. Needs no torch."""

from dataclasses import dataclass, field

from harness.training.callback import TrainingCallback
from harness.training.process_group import SINGLE_PROCESS, ProcessGroup


@dataclass(frozen=True)
class TrainingContext:
    """What the training of a case is given that does not decide its outcome.

    Attributes:
        callback: called as training proceeds.
        processes: the process group that trains the case together; this process is its rank 0.
        dataset_verified: whether the images are known to be the published ones; recorded, not checked.
        machine_name: recorded; None for the name that the machine has on its network.
        command: the command line to record; None for this process's own.
    """

    callback: TrainingCallback = field(default_factory=TrainingCallback)
    processes: ProcessGroup = SINGLE_PROCESS
    dataset_verified: bool = False
    machine_name: str | None = None
    command: str | None = None
