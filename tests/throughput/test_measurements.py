import pytest

from harness.throughput.measurements import (
    AugmentationComparison,
    Equivalence,
    Point,
    Round,
    Scaling,
    median_load_share,
    median_speed,
)
from tests.throughput.recordings import make_comparison


def test_pipeline_ratio_is_the_median_of_paired_rounds():
    drifting = make_comparison(fast=(1000, 500, 100), reference=(500, 250, 80))
    assert drifting.ratios == [2, 2, 1.25]
    assert drifting.ratio == 2


def test_augmentation_ratio_is_the_median_of_paired_rounds():
    one = AugmentationComparison("cifar10", 3, 32, 32, 100, batched=(90, 20, 30), per_sample=(9, 1, 10))
    assert one.ratios == [10, 20, 3]
    assert one.ratio == 10
    assert one.name == "augmentation-3x32x32"


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
