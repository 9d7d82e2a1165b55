from harness.analysis.answer import Question
from harness.analysis.budgets import verdicts_of
from harness.analysis.comparison import Comparisons
from harness.analysis.power import Spread
from harness.analysis.sequential import plan_looks
from harness.analysis.settling import settling_seeds
from tests.analysis.synthetic_evidence import study

MODELS = ("resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4")


def seeds(accuracies, points=0.3, plan=None):
    evidence, question = study(accuracies), Question(Spread(points, True), plan=plan)
    comparisons = Comparisons(evidence, question.alpha)
    return settling_seeds(comparisons.evidence, verdicts_of(comparisons), question.spread, plan)


def level(*of_seeds):
    return {model: {seed: 90 + 0.4 * ((seed * 7 + k * 3) % 5) for seed in of_seeds} for k, model in enumerate(MODELS)}


def test_open_verdicts_take_the_seeds_that_detect_half_a_point():
    assert seeds(level(0)) == tuple(range(8))
    assert seeds(level(0), points=0.2) == tuple(range(4))


def test_trained_seeds_are_kept_and_unused_ones_added():
    assert seeds(level(3, 9), points=0.2) == (0, 1, 3, 9)


def test_nothing_is_added_if_the_seeds_suffice_or_all_is_decided():
    assert seeds(level(*range(8)), points=0.2) == ()
    assert seeds({model: (80 + 2 * k, 80.2 + 2 * k, 79.9 + 2.1 * k) for k, model in enumerate(MODELS)}) == ()


def test_no_seeds_are_listed_if_far_too_many_are_needed():
    assert seeds(level(0), points=3.0) == ()


def test_planned_seeds_are_those_to_train():
    assert seeds(level(0, 1, 2), plan=plan_looks((0, 1, 2, 3, 4))) == (0, 1, 2, 3, 4)
    assert seeds(level(0, 1, 2), plan=plan_looks((0, 1, 2))) == ()
