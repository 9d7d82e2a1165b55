"""Simulated grids, schedules, sizes and predictions with a known truth, and counts of what the analysis concludes."""

from collections import Counter
from itertools import combinations

import numpy as np
from scipy.special import softmax

from harness.analysis.affordable import Affordable
from harness.analysis.comparison import Comparisons
from harness.analysis.ensembles import compare_ensembles, ensembles_of
from harness.analysis.grid import find_grid
from harness.analysis.interaction import find_interaction
from harness.analysis.schedules import compare_schedules
from harness.analysis.stats import SIGNIFICANCE
from harness.analysis.training_sizes import size_trend
from tests.analysis.budget_studies import SECONDS, SIX, SIZES
from tests.analysis.grids import GRID, simulated, truth
from tests.analysis.predictions import predicted, random_logits
from tests.analysis.synthetic_evidence import study

EPOCHS = (30, 100, 300)
TRAIN_IMAGES = (5_000, 10_000, 20_000, 50_000)
NINE_SPREADS = {"equal": 1.0, "growing": np.linspace(0.5, 1.5, 9), "cyclic": [2 / 3, 1.0, 4 / 3] * 3}
"""Factors of the spread between seeds of a grid's nine models."""
TRUTHS = {
    "apart": lambda generator: {model: generator.normal(90, 1.0) for model in GRID},
    "close": lambda generator: {model: generator.normal(90, 0.3) for model in GRID},
    "growing": lambda _: {model: truth(model) for model in GRID},
    "level off": lambda _: {model: 91 - np.exp(-1.5 * (truth(model, 0, 1, 1) - 90)) for model in GRID},
}
"""The true accuracies of a grid's models."""
PAIR_SIZES = {"resnet20": (270_000, 40e6), "resnet20-2": (1_070_000, 161e6)}


def interaction_of(evidence):
    """Return the analysis of a study's interaction of depth and width."""
    comparisons = Comparisons(evidence)
    return find_interaction(comparisons, find_grid(comparisons.evidence))


def planted(generator, growth=0.0, models=GRID, **changes):
    """Return the analysis of a random grid with a true interaction."""
    return interaction_of(simulated(generator, {model: truth(model, growth) for model in models}, **changes))


def detectable_growth(seeds, studies):
    """Return, for each of several random grids, the growth that its seeds are stated to find with 80 % power."""
    generator = np.random.default_rng(1)
    return [planted(generator, seeds=seeds).detectable_points or 0 for _ in range(studies)]


def count_interactions(seeds, spreads, growth, part, studies):
    """Count the random grids in which an interaction is found."""
    generator, factors = np.random.default_rng((seeds, round(100 * growth), part)), NINE_SPREADS[spreads]
    return Counter(found=sum(planted(generator, growth, seeds=seeds, factors=factors).is_found for _ in range(studies)))


def count_best_models(kind, seeds, part, studies):
    """Count the choices for a budget among several models, and those that keep the truly best one."""
    generator, found = np.random.default_rng((7, part)), Counter()
    for _ in range(studies):
        truths = TRUTHS[kind](generator)
        for one in Affordable(Comparisons(simulated(generator, truths, seeds))).choices("params"):
            if len(one.affordable) > 1:
                best = max(one.affordable, key=lambda model: truths[model])
                found.update(choices=1, kept=best in one.not_worse)
    return found


def schedules(true_percent, seeds=3, spread=0.1, generator=None, epochs=EPOCHS, **changes):
    """Return studies by epochs.

    Args:
        true_percent: a function of a model and a schedule.
        spread: the standard deviation between seeds, or a function of the epochs.
    """
    generator = generator or np.random.default_rng(5)
    spread_at = spread if callable(spread) else lambda _: spread
    return {
        one: study(
            {model: [round(float(x), 2) for x in generator.normal(true_percent(model, one), spread_at(one), seeds)]
             for model in SIX},
            sizes=SIZES, seconds={model: second * one / 100 for model, second in SECONDS.items()}, epochs=one,
            **changes,
        )
        for one in epochs
    }  # fmt: skip


def count_schedules(seeds, spreads, lead, part, studies):
    """Count the random studies over schedules with a winner at some budget, and with width as one.

    Args:
        spreads: ``equal``, or ``noisier short schedules``: a spread of 0.6, 0.3 and 0.2 pp from short to long.
        lead: the true advantage of every wider model at every schedule, in percentage points.
    """
    generator, found = np.random.default_rng((seeds, round(100 * lead), part)), Counter()
    spread = 0.2 if spreads == "equal" else dict(zip(EPOCHS, (0.6, 0.3, 0.2), strict=True)).get
    for _ in range(studies):
        drawn = schedules(lambda model, _: 91.0 + lead * ("-" in model), seeds, spread, generator)
        outcomes = {one.outcome for one in compare_schedules(drawn).verdicts}
        found.update(winner=bool(outcomes & {"wider", "deeper"}), wider="wider" in outcomes)
    return found


def by_size(lead_at, seeds=3, spread=0.1, generator=None, sizes=TRAIN_IMAGES, **changes):
    """Return studies by size whose wide model leads its deep counterpart by a function of the size."""
    found, generator = {}, generator or np.random.default_rng(3)
    for size in sizes:
        drawn = generator.normal(0, spread, (3, seeds))
        means = {"resnet20": 85.0, "resnet110": 90.0, "resnet20-4": 90.0 + lead_at(size)}
        values = {model: list(mean + noise) for (model, mean), noise in zip(means.items(), drawn, strict=True)}
        found[size] = Comparisons(study(values, train_images=size, **changes))
    return found


def count_trends(seeds, part, studies):
    """Count the random studies without a trend over sizes in which one is significant at .05."""
    generator = np.random.default_rng((seeds, part))
    found = (size_trend(by_size(lambda _: 1.0, seeds, 0.2, generator)) for _ in range(studies))
    return Counter(found=sum(one.p_value < 0.05 for one in found))


def predicted_pair(generator, seeds, images=300):
    """Return the predictions of two models, and how far a pair of the smaller is truly ahead of the larger."""
    labels, hard = generator.integers(0, 4, images), generator.normal(size=images)
    common = {"hard": hard, "own_of_model": generator.normal(size=images)}
    small = random_logits(generator, labels, seeds=seeds + 40, skill=0.8, noise=1.2, **common)
    large = random_logits(generator, labels, seeds=seeds + 40, skill=1.2, noise=0.2, hard=hard)
    true = pairs_percent(small[seeds:], labels) - 100 * np.mean(large[seeds:].argmax(axis=2) == labels)
    return predicted("resnet20", small[:seeds], labels), predicted("resnet20-2", large[:seeds], labels), true


def pairs_percent(logits, labels):
    """Return the mean accuracy of pairs of networks."""
    probabilities = softmax(logits, axis=2)
    pairs = list(combinations(range(len(logits)), 2))[::7]
    return 100 * np.mean([(probabilities[a] + probabilities[b]).argmax(axis=1) == labels for a, b in pairs])


def ensembles_against(*models, sizes=PAIR_SIZES, alpha=SIGNIFICANCE):
    """Return the comparisons of ensembles with the larger model."""
    evidence = study(dict.fromkeys(sizes, [90.0] * len(models[0].seeds)), sizes=sizes)
    return compare_ensembles(evidence, ensembles_of(models), models, alpha)


def count_covered(seeds, part, studies):
    """Count the random studies whose interval holds the true difference of a pair and a larger model."""
    generator, inside = np.random.default_rng((seeds, part)), 0
    for _ in range(studies):
        small, large, true = predicted_pair(generator, seeds)
        (found,) = ensembles_against(small, large, sizes={"resnet20": (1, 1e6), "resnet20-2": (3, 2e6)})
        inside += found.difference.contains(true)
    return Counter(covered=inside)
