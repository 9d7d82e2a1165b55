"""Alternating rounds of the fast pipeline, a plain loop and the reference: drift affects all alike.

A round is a short epoch of random images. The reference trains one extra batch first, which is not counted: it pays
for starting the loader processes and for copying the memory shared with them, seconds that hardly matter in a whole
epoch. Three choices favour the others: batches that the reference's loader prepared before counting begins, the plain
loop's batches, which are never augmented, and freed memory, which is kept for all as for the fast pipeline.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.config.families import OPERATIONS_PER_MAC
from harness.data.images import ImageSet, random_images
from harness.models.build import model_of
from harness.models.cost import count_macs
from harness.throughput.peak import convolution_peak
from harness.throughput.pipelines import PipelineComparison, Round, median_speed
from harness.throughput.repetition import Repetition, metered
from harness.throughput.ways import WarmUp, Way, make_ways

_MIN_BATCHES, _MAX_BATCHES = 2, 400
_MIN_ROUNDS = 3


@dataclass(frozen=True)
class _Measured:
    """The rounds of every way, by its name and precision, and the outcome of each warm-up."""

    images_per_round: int
    rounds: Mapping[tuple[str, str], tuple[Round, ...]]
    warm_ups: Mapping[tuple[str, str], WarmUp]


def compare_pipelines(
    cases: Sequence[Case],
    spec: DatasetSpec,
    device: torch.device,
    *,
    rounds: int = 5,
    round_seconds: float = 3.0,
    notify: Callable[[str], None] = lambda _: None,
) -> list[PipelineComparison]:
    """Train on random images in every way alternately; return a comparison for each case.

    Args:
        cases: the fast pipeline's, equal but for the precision. The plain loop trains each of them without compilation,
            the reference trains one in float32 without compilation.
        spec: gives the images' channels and classes.
        rounds: rounds of each way; fewer, but at least three, if two batches take much longer than ``round_seconds``.
        round_seconds: target length of a round of the first case; a round has at least two batches.
        notify: callback that receives a line about each step.
    """
    measured = _measure(make_ways(cases, spec, device), cases[0], spec, device, (rounds, round_seconds), notify)
    shape = spec.input_shape(cases[0].recipe.image_size)
    macs = count_macs(model_of(cases[0]), shape, spec.num_classes)
    comparisons = []
    for case in cases:
        fast = measured.rounds["fast", case.precision]
        reached = OPERATIONS_PER_MAC * macs * median_speed(fast)
        peak = convolution_peak(device, case.precision, at_least=reached, notify=notify)
        comparison = PipelineComparison(
            model=case.model,
            input_shape=shape,
            batch_size=case.recipe.batch_size,
            images_per_round=measured.images_per_round,
            macs=macs,
            precision=case.precision,
            compiled=case.compiled,
            compile_seconds=measured.warm_ups["fast", case.precision].seconds,
            fast=fast,
            reference=measured.rounds["reference", "fp32"],
            peak_flops_per_second=peak.flops_per_second,
            peak_disturbance=peak.disturbance,
            plain=measured.rounds["plain", case.precision],
            reference_default=measured.rounds.get(("reference_default", "default"), ()),
            switched_off=measured.warm_ups["fast", case.precision].switched_off,
            fp32=() if case.precision == "fp32" else measured.rounds.get(("fast", "fp32"), ()),
        )
        comparisons.append(comparison)
    return comparisons


def _measure(
    ways: Sequence[Way],
    case: Case,
    spec: DatasetSpec,
    device: torch.device,
    target: tuple[int, float],
    notify: Callable[[str], None],
) -> _Measured:
    """Measure every way after its warm-up; ``target`` is the number of rounds and the seconds of each."""
    notify("compiling" if case.compiled else "warming up")
    warm_ups = {way.key: way.warm_up() for way in ways}
    for line in [line for one in warm_ups.values() for line in one.switched_off]:
        notify(f"measured without {line}")
    two_batches = random_images(spec, case.recipe, 2 * case.recipe.batch_size)
    for way in ways[1:]:
        if not way.name.startswith("reference"):  # its rounds have an uncounted batch of their own
            way.measure(two_batches, 0)
    images_per_round, rounds = plan_rounds(ways[0], two_batches, *target)
    images = random_images(spec, case.recipe, images_per_round + case.recipe.batch_size)
    repetition, measured = Repetition(notify), []
    for number in range(rounds):
        notify(f"round {number + 1} of {rounds}, {images_per_round:,} images in each of {len(ways)} ways")
        measured.append(
            repetition.measure(
                f"round {number + 1}",
                functools.partial(_one_round, ways, images, number, device),
                lambda one: [each.disturbance for each in one.values()],
            )
        )
    by_way = {key: tuple(one[key] for one in measured) for key in measured[0]}
    return _Measured(images_per_round, by_way, warm_ups)


def _one_round(
    ways: Sequence[Way], images: ImageSet, number: int, device: torch.device
) -> dict[tuple[str, str], Round]:
    """Measure a round of every way, in the reverse order in every other round."""
    found = {}
    for way in ways if number % 2 == 0 else reversed(ways):
        measured, disturbance = metered(device, functools.partial(way.measure, images, number))
        found[way.key] = replace(measured, disturbance=disturbance)
    return found


def plan_rounds(way: Way, two_batches: ImageSet, rounds: int, round_seconds: float) -> tuple[int, int]:
    """Return the images per round and the number of rounds, from the faster of two single batches."""
    batch_size = len(two_batches) // 2
    step_seconds = min(batch_size / way.measure(two_batches, 0).images_per_second for _ in range(2))
    batches = min(_MAX_BATCHES, max(_MIN_BATCHES, math.ceil(round_seconds / step_seconds)))
    affordable = round(rounds * round_seconds / (batches * step_seconds))
    return batches * batch_size, min(rounds, max(_MIN_ROUNDS, affordable))
