"""The verdicts at the common and at the tuned rates, in sentences, and the line for a terminal."""

from dataclasses import replace

from harness.analysis.budgets import verdicts_of
from harness.analysis.comparison import Comparisons
from harness.analysis.learning_rates import Trial, tried_rates
from harness.analysis.tuned_verdicts import (
    chance_sentences,
    compare_verdicts,
    edge_sentences,
    rates_line,
    seeds_in_common,
    verdict_sentence,
)
from tests.analysis.synthetic_evidence import study
from tests.analysis.tuned import CHOSEN, PLAIN, RATES, TRIAL_SEEDS, TUNED, declared, run_at, stored, tuned_study


def compared(evidence, margin=0.5):
    comparisons = Comparisons(evidence)
    return compare_verdicts(comparisons, verdicts_of(comparisons, margin), margin)


def test_a_verdict_that_tuning_turns_is_named_with_both_outcomes():
    _, tuned = tuned_study(PLAIN, TUNED, CHOSEN)
    pairs = compared(tuned)
    sentence = verdict_sentence(pairs, tuned.tuning)
    assert sentence.startswith("The verdict changes from the recipe's rate 0.05 to each model's own rate: at equal ")
    assert "wider (+" in sentence
    assert ", then " in sentence
    line = rates_line(pairs, tuned.tuning)
    budgets = f"{len(pairs)} of {len(pairs)} budgets"
    assert line == f"tuned rates: another verdict than at 0.05 at {budgets}; 1 of 3 models best at the range's end"


def test_the_change_is_paired_by_seed_of_the_same_contrast():
    plain, tuned = tuned_study(PLAIN, TUNED, CHOSEN)
    pair = next(one for one in compared(tuned) if one.tuned is not None)
    contrast = pair.tuned.contrast
    by_seed = [
        sum(weight * (one.values(model, "accuracy_percent")[seed]) for model, weight in contrast.items())
        for one in (tuned, plain)
        for seed in (0, 1, 2)
    ]
    expected = sum(by_seed[:3]) / 3 - sum(by_seed[3:]) / 3
    assert abs(pair.change.estimate - expected) < 1e-9
    assert pair.change.n == 3


def test_a_flip_of_outcomes_says_whether_the_change_is_shown():
    """Two outcomes can differ, significant and not, with hardly a change between them."""
    _, clear = tuned_study(PLAIN, TUNED, CHOSEN)
    assert "; the change is shown: −3." in verdict_sentence(compared(clear), clear.tuning)
    noisy = PLAIN | {"resnet56": (95.5, 98.9, 96.0)}
    _, chance = tuned_study(PLAIN, noisy, CHOSEN)
    pairs = compared(chance)
    assert all(not one.is_change_shown for one in pairs)
    assert "the change is not shown to differ from 0: −1.1" in verdict_sentence(pairs, chance.tuning)
    assert ", maybe by chance" in rates_line(pairs, chance.tuning)
    assert "by chance" not in rates_line(compared(clear), clear.tuning)


def test_contrasts_of_other_models_have_no_change():
    """A budget that other models enclose at the tuned rates compares other networks, not another rate."""
    plain = study(PLAIN, sizes={"resnet20": (1, 1.0), "resnet56": (3, 3.0), "resnet20-2": (3, 3.0)})
    tuned = study(PLAIN, sizes={"resnet20": (1, 1.0), "resnet56": (3, 3.0), "resnet20-2": (4, 4.0)})
    found = {one.budget: one for one in compared(replace(tuned, untuned=plain))}
    assert found["params"].is_comparable
    assert (found["params"].change, found["params"].change_p) == (None, None)
    assert found["scale_factor"].change.estimate == 0


def test_the_same_verdicts_are_said_to_be_the_same():
    _, tuned = tuned_study(PLAIN, PLAIN, dict.fromkeys(PLAIN, 0.05))
    pairs = compared(tuned)
    assert pairs
    assert all(one.is_same and one.change.estimate == 0 for one in pairs)
    assert "the verdict is the same at the recipe's rate 0.05 and at each model's own" in verdict_sentence(
        pairs, tuned.tuning
    )
    assert rates_line(pairs, tuned.tuning) == "tuned rates: same verdict as at 0.05"


def test_without_runs_at_the_common_rate_there_is_nothing_to_compare():
    from harness.analysis.studies import group_into_studies
    from tests.analysis.tuned import ROOT

    runs = [stored(run_at(model, seed, 0.02)) for model in PLAIN for seed in (0, 1)]
    (tuned,) = group_into_studies(runs, tunings={ROOT: [declared(model, 0.02) for model in PLAIN]})
    assert compared(tuned) == ()
    assert verdict_sentence([], tuned.tuning) == "There is no verdict at the recipe's rate 0.05 to compare with."
    assert seeds_in_common(tuned) == []


def test_each_end_of_the_range_has_its_sentence():
    _, tuned = tuned_study(PLAIN, PLAIN | TUNED, CHOSEN | {"resnet20": 0.1})
    lowest, highest = edge_sentences(tuned.tuning.trials)
    assert lowest.startswith("The best rate of resnet56 is the lowest one tried: widen the range")
    assert highest.startswith("The best rate of resnet20 is the highest one tried")


def test_a_choice_that_is_not_shown_to_be_better_may_be_chance():
    held_out = {"resnet56": {0.02: 90.0, 0.05: 80.0, 0.1: 70.0}}
    _, clear = tuned_study(PLAIN, TUNED, CHOSEN, held_out)
    assert chance_sentences(clear.tuning) == []
    noisy = replace(
        clear.tuning.trials[0],
        chosen=0.02,
        tried=tried_rates(
            [Trial(rate, seed, 80 + 5 * (rate == 0.02) * (seed % 2), 10) for rate in RATES for seed in TRIAL_SEEDS],
            RATES,
        ),
    )
    (sentence,) = chance_sentences(replace(clear.tuning, trials=(noisy, *clear.tuning.trials[1:])))
    assert sentence.startswith("The trials do not show that the rate chosen for resnet20 is better than the recipe's")
    assert "on 36 held-out images and 3 seeds" in sentence
