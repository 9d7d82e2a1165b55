import numpy as np
import pytest
from scipy import stats

from harness.analysis.sequential import MAX_LOOKS, look_sizes, plan_looks, pocock_level


@pytest.mark.parametrize(("looks", "level"), [(1, 0.05), (2, 0.0294), (3, 0.0221), (4, 0.0182), (5, 0.0158)])
def test_levels_are_pococks(looks, level):
    assert pocock_level(looks) == pytest.approx(level, abs=6e-5)


def test_looks_at_pococks_level_err_with_probability_alpha():
    steps = np.random.default_rng(0).normal(size=(400_000, 3))
    z = steps.cumsum(axis=1) / np.sqrt([1, 2, 3])
    assert np.mean((np.abs(z) > stats.norm.isf(pocock_level(3) / 2)).any(axis=1)) == pytest.approx(0.05, abs=1.5e-3)


@pytest.mark.parametrize(
    ("seeds", "sizes"),
    [(1, (1,)), (2, (2,)), (3, (3,)), (4, (3, 4)), (5, (3, 4, 5)), (6, (3, 4, 6)), (10, (3, 6, 10)), (9, (3, 6, 9))],
)
def test_looks_are_at_most_three_from_three_seeds_to_all(seeds, sizes):
    assert look_sizes(seeds) == sizes


@pytest.mark.parametrize("seeds", range(1, 40))
def test_last_look_is_at_all_seeds(seeds):
    sizes = look_sizes(seeds)
    assert sizes[-1] == seeds
    assert list(sizes) == sorted(set(sizes))
    assert len(sizes) <= MAX_LOOKS
    assert sizes[0] >= min(3, seeds)


def test_plan_keeps_the_order_of_seeds_and_has_the_level_of_its_looks():
    plan = plan_looks((7, 3, 5, 1, 0))
    assert (plan.seeds, plan.looks) == ((7, 3, 5, 1, 0), (3, 4, 5))
    assert plan.level == pocock_level(3)
    assert plan_looks((0, 1)).level == 0.05
