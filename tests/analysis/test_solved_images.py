"""Images that one side alone solves, against chance."""

import numpy as np
import pytest

from harness.analysis.solved_images import solved_by_one
from tests.analysis.predictions import answered, predicted, random_logits

LABELS = np.zeros(6, dtype=np.int64)
WIDE = answered("resnet20-4", [[0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 0]], LABELS)
DEEP = answered("resnet110", [[1, 2, 0, 0, 0, 0], [2, 2, 0, 1, 0, 1]], LABELS)


def test_every_seed_of_one_side_and_none_of_the_other_count():
    found = solved_by_one(WIDE, DEEP)
    assert (found.positions, found.answers) == ((1, 0), (2, 1))  # all of the other side agree on image 1
    assert solved_by_one(DEEP, WIDE).positions == (4,)


def test_chance_is_the_mean_over_groups_that_mix_both_sides():
    found = solved_by_one(WIDE, DEEP)
    assert (found.mixed_groups, found.seeds) == (4, (2, 2))
    # image 5 is solved by the second wide and the first deep network, and by no other
    assert (found.chance, found.most_by_chance) == (1 / 4, 1)


def test_one_seed_each_has_no_chance_level():
    one, other = (answered(model, [[0, 1]], [0, 0]) for model in ("resnet20-4", "resnet110"))
    found = solved_by_one(one, other)
    assert (found.positions, found.chance, found.most_by_chance, found.mixed_groups) == ((), None, None, 0)


@pytest.mark.parametrize(("own", "is_more"), [(0.0, False), (1.5, True)])
def test_exchangeable_sides_solve_as_many_as_by_chance(own, is_more):
    generator = np.random.default_rng(0)
    observed, chance = [], []
    for _ in range(60):
        labels, hard = generator.integers(0, 4, 300), generator.normal(size=300)
        one, other = (
            predicted(model, random_logits(generator, labels, seeds=3, skill=1.0, own=own, hard=hard), labels)
            for model in ("resnet20-4", "resnet110")
        )
        found = solved_by_one(one, other)
        observed.append(len(found.positions))
        chance.append(found.chance)
    if is_more:
        assert np.mean(observed) > 3 * np.mean(chance)
    else:
        assert np.mean(observed) == pytest.approx(np.mean(chance), rel=0.15)
