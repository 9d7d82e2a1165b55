"""The axis of each cost: its words, and the format of its ticks."""

from collections.abc import Callable

from harness.analysis.evidence import Measure
from harness.report.figures.ticks import tick_count, tick_duration, tick_short_time, tick_throughput

COST_AXES: dict[Measure, tuple[str, Callable[[float], str]]] = {
    "params": ("parameters", tick_count),
    "macs": ("MACs of one image", tick_count),
    "total_seconds": ("training time", tick_duration),
    "latency_seconds": ("latency of one image", tick_short_time),
    "image_seconds": ("images/s (slower →)", tick_throughput),
}
