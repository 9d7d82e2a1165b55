"""The time to use a trained network: a forward pass of one batch, measured after training."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.results.ranges import FromOne, Seconds

LATENCY_BATCH = 1
THROUGHPUT_BATCH = 64


@dataclass(frozen=True)
class InferenceTime:
    """The seconds of a forward pass, over rounds on the device that trained the network.

    Attributes:
        batch: images per forward pass.
        threads: CPU threads in use.
        rounds: measured rounds; each is one figure, the mean over its passes.
        median_seconds: of a pass, over the rounds.
        spread_seconds: the interquartile range of the rounds.
        is_disturbed: True if other work shared the machine in the rounds, so that they are no measure of the network.
    """

    batch: FromOne
    threads: FromOne
    rounds: FromOne
    median_seconds: Seconds
    spread_seconds: Seconds
    is_disturbed: bool = False

    @property
    def image_seconds(self) -> float:
        """Seconds per image: the reciprocal of the throughput."""
        return self.median_seconds / self.batch


def undisturbed_at(batch: int, times: Iterable[InferenceTime]) -> InferenceTime | None:
    """Return the time at a batch with the most threads; None if it is unknown or disturbed."""
    found = max((one for one in times if one.batch == batch), key=lambda one: one.threads, default=None)
    return None if found is None or found.is_disturbed else found
