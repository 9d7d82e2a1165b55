from dataclasses import replace

import pytest

from harness.throughput.measurements import AugmentationComparison, Equivalence, Point, Scaling
from harness.throughput.pipelines import Round, median_load_share, median_speed
from tests.helpers.disturbances import QUIET, busy
from tests.throughput.recordings import make_comparison, make_whole_comparison, rounds


def test_pipeline_ratio_is_the_median_of_paired_rounds():
    drifting = make_comparison(fast=(1000, 500, 100), reference=(500, 250, 80))
    assert drifting.ratios == [2, 2, 1.25]
    assert drifting.ratio == 2


def test_ratios_to_everything_measured_beside_are_paired():
    one = make_whole_comparison()
    found = [one.ratios_to(others) for others in (one.plain, one.reference_default, one.fp32)]
    assert found == [[1.25, 1.5], [2.0, 1.5], [2.5, 1.5]]
    assert one.name == "resnet20-3x32x32-bf16"


@pytest.mark.parametrize("name", ["plain", "reference_default", "fp32"])
def test_rounds_measured_beside_must_pair(name):
    with pytest.raises(ValueError, match="rounds must come in pairs"):
        make_whole_comparison(**{name: rounds(800.0)})


def test_a_disturbed_round_of_the_plain_loop_disturbs_the_comparison():
    plain = (Round(800.0, 0.0, QUIET), Round(600.0, 0.0, busy(1.3)))
    assert str(make_whole_comparison(plain=plain).disturbed) == "1 of 2 rounds (other processes used 1.3 cores)"


def test_augmentation_ratio_is_the_median_of_paired_rounds():
    one = AugmentationComparison("cifar10", 3, 32, 32, 100, batched=(90, 20, 30), per_sample=(9, 1, 10))
    assert one.ratios == [10, 20, 3]
    assert one.ratio == 10
    assert one.name == "augmentation-3x32x32"


@pytest.mark.parametrize(
    ("peak", "disturbance", "share"),
    [(480e9, QUIET, 0.5), (480e9, None, 0.5), (240e9, QUIET, 1.0), (239e9, QUIET, None), (187e9, None, None),
     (480e9, busy(), None), (480e9, replace(QUIET, gpu_throttled=True), None)],
    ids=["undisturbed", "not known", "equal", "exceeded", "exceeded, not known", "disturbed", "throttled"],
)  # fmt: skip
def test_a_share_of_a_peak_known_to_be_too_low_is_none(peak, disturbance, share):
    fast = (1000.0, 1010.0, 990.0)
    one = make_comparison(fast=fast, reference=fast, peak_flops_per_second=peak, peak_disturbance=disturbance)
    assert one.peak_share == share


def test_the_strongest_disturbance_of_the_rounds_is_named():
    fast = tuple(Round(1000.0, 0.0, one) for one in (QUIET, busy(0.4), QUIET, None))
    reference = tuple(Round(500.0, 0.0, one) for one in (busy(0.2), busy(1.3), QUIET, QUIET))
    one = replace(make_comparison(fast=(1.0,), reference=(1.0,)), fast=fast, reference=reference)
    assert str(one.disturbed) == "2 of 4 rounds (other processes used 1.3 cores)"


def test_every_round_of_augmentation_has_a_disturbance():
    with pytest.raises(ValueError, match="2 rounds have 1 disturbances"):
        AugmentationComparison("cifar10", 3, 32, 32, 100, (90.0, 20.0), (9.0, 1.0), (QUIET,))


def test_training_costs_six_operations_per_mac():
    one = make_comparison(fast=(900, 1000, 1100), reference=(1, 1, 1))
    assert one.flops_per_second == 6 * 40e6 * 1000
    assert one.name == "resnet20-3x32x32"


def test_medians_are_taken_over_rounds():
    rounds = (Round(1, 0.5), Round(3, 0.1), Round(2, 0.2))
    assert (median_speed(rounds), median_load_share(rounds)) == (2, 0.2)


@pytest.mark.parametrize("peak", [0.0, -1.0])
def test_convolution_peak_must_be_positive(peak):
    with pytest.raises(ValueError, match=f"peak_flops_per_second is {peak:g}"):
        make_comparison(fast=(1.0,), reference=(1.0,), peak_flops_per_second=peak)


def test_time_and_memory_are_fitted_along_the_axis():
    points = tuple(Point(x, 2.0 * x, 100 * x**2) for x in (1, 2, 4))
    one = Scaling("width", 256, "fp32", points)
    assert one.time_growth.exponent == pytest.approx(1)
    assert one.memory_growth.exponent == pytest.approx(2)
    assert one.name == "scaling-width"


@pytest.mark.parametrize("x", [10**30, 10**400])
def test_numbers_beyond_machine_integers_are_fitted_or_refused(x):
    points = (Point(1, 1.0, 1), Point(2, 2.0, 2), Point(x, 3.0, 3))
    try:
        assert Scaling("width", 256, "fp32", points).time_growth.exponent > 0
    except OverflowError:
        assert x == 10**400


@pytest.mark.parametrize(
    "points",
    [
        (),
        (Point(1, 1.0, 1), Point(2, 2.0, 2)),
        (Point(1, 1.0, 1), Point(2, 2.0, 2), Point(2, 3.0, 3)),
        (Point(1, 1.0, 1), Point(2, 2.0, 2), Point(4, 0.0, 3)),
        (Point(1, 1.0, 1), Point(2, 2.0, 2), Point(4, 3.0, 0)),
    ],
)
def test_an_axis_needs_three_different_positive_points(points):
    with pytest.raises(ValueError, match="three or more different points, all positive"):
        Scaling("width", 256, "fp32", points)


def test_differences_are_fast_minus_reference_with_their_interval():
    one = Equivalence("resnet20", "digits", 1437, 360, 20, "fp32", (0, 1, 2), (99.0, 98.5, 98.0), (98.5, 98.5, 98.5))
    assert one.differences == [0.5, 0.0, -0.5]
    assert one.interval.mean == 0
    assert one.interval.high == pytest.approx(4.302653 * 0.5 / 3**0.5)  # t of 2 degrees of freedom, s = 0.5
    assert one.name == "equivalence-digits-resnet20"


@pytest.mark.parametrize(("seeds", "fast"), [((), ()), ((0, 1), (99.0,)), ((0,), ())])
def test_every_seed_needs_an_accuracy_of_each_pipeline(seeds, fast):
    with pytest.raises(ValueError, match="an accuracy of each pipeline per seed"):
        Equivalence("resnet20", "digits", 1437, 360, 20, "fp32", seeds, fast, fast)
