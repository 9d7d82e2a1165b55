"""Captured steps on a CPU: stand-ins for a CUDA graph, and for what torch.cuda does around its capture."""

import torch

from harness.training.trainers.cuda_graph import CapturedStep, _Capture

GPU = torch.device("cuda", 0)


class Replaying(CapturedStep):
    """A captured step that is run at every replay, on the memory that it was captured with."""

    def __init__(self, device=GPU):
        super().__init__(device)

    def _capture(self, step, batch, labels):
        for _ in range(2):
            step(batch, labels)
        return _Capture(Replay(lambda: self.replay(step, batch, labels)), batch, labels)

    def replay(self, step, batch, labels):
        step(batch, labels)


class Replay:
    """A stand-in for a CUDA graph."""

    def __init__(self, replay):
        self.replay = replay

    def pool(self):
        return "the pool"


class Generator:
    """A stand-in for a GPU's generator; it keeps how often it was reset after a failed capture."""

    def __init__(self):
        self.resets = 0

    def clone_state(self):
        return "the state"

    def graphsafe_set_state(self, state):
        assert state == "the state"
        self.resets += 1
