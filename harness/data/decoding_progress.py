"""The progress of decoding a dataset, with the time left."""

import functools
import time
from collections.abc import Callable, Iterable, Iterator

from harness.config.datasets import title_of
from harness.data.decoding import Array, Destination
from harness.data.images import Pixels
from harness.text import ProgressLine, duration, one_line

_REDRAW_SECONDS = 0.2
_MOST_OF_NAME = 24


class DecodingProgress:
    """A destination of decoded images that reports their number on the way to another destination.

    Args:
        count: returns the number of images of the dataset; called once there is something to report.
        notify: callback that receives a `ProgressLine` several times a second, and an empty one at the end.
    """

    def __init__(self, dataset: str, count: Callable[[], int], notify: Callable[[str], None]) -> None:
        self._name, self._count, self._notify = (
            one_line(title_of(dataset), _MOST_OF_NAME),
            functools.cache(count),
            notify,
        )
        self._done, self._started = 0, time.monotonic()
        self._shown = self._started

    def on_the_way_to(self, destination: Destination) -> Destination:
        """Return the destination, with the images counted."""

        def counted(images: Iterable[Array], channels: int) -> Pixels:
            return destination(self._counted(images), channels)

        return counted

    def _counted(self, images: Iterable[Array]) -> Iterator[Array]:
        for image in images:
            self._done += 1
            if (now := time.monotonic()) - self._shown > _REDRAW_SECONDS:
                self._shown = now
                self._notify(ProgressLine(self._line(now - self._started)))
            yield image

    def _line(self, seconds: float) -> str:
        total = self._count()
        left = seconds * max(total - self._done, 0) / self._done
        return f"decoding {self._name}: {self._done:,} of {total:,} images, {duration(left)} left"

    def end(self) -> None:
        """Remove the line from the screen if one was shown."""
        if self._shown > self._started:
            self._notify(ProgressLine(""))
