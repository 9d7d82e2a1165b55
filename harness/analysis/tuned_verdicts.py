"""The verdicts at the recipe's learning rate and at each model's own, budget by budget."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.analysis.budgets import BudgetVerdict, verdicts_of
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.analysis.fit import Weights
from harness.analysis.learning_rates import ModelTrials, Tuning
from harness.analysis.multiplicity import holm
from harness.analysis.stats import SIGNIFICANCE, Difference, difference_by_seed
from harness.analysis.wording import BUDGET_WORDS, difference_text, outcome_text
from harness.text import count_noun, listed, p_value, signed


@dataclass(frozen=True)
class RateVerdicts:
    """One budget's verdicts at both rates.

    Attributes:
        common, tuned: None if the budget has no verdict there.
        change: wide minus deep at the tuned rates minus that at the common one, in percentage points, over the seeds
            of both; None if other models are compared, or if no seed has all of them.
        change_p: the p-value of this change, corrected by Holm's method over the budgets; None if untested.
        alpha: the level α of that test.
    """

    common: BudgetVerdict | None
    tuned: BudgetVerdict | None
    change: Difference | None = None
    change_p: float | None = None
    alpha: float = SIGNIFICANCE

    @property
    def budget(self) -> str:
        found = self.tuned or self.common
        assert found is not None, "a budget of neither study is not compared"
        return found.budget

    @property
    def is_comparable(self) -> bool:
        return self.common is not None and self.tuned is not None

    @property
    def is_same(self) -> bool:
        """True if both rates have the same outcome."""
        return self.is_comparable and self.common.outcome == self.tuned.outcome  # type: ignore[union-attr]

    @property
    def is_change_shown(self) -> bool:
        """True if the change of the difference is significant: outcomes can differ by chance."""
        return self.change_p is not None and self.change_p < self.alpha


def compare_verdicts(
    comparisons: Comparisons, tuned: Sequence[BudgetVerdict], margin: float
) -> tuple[RateVerdicts, ...]:
    """Return the verdicts at tuned rates beside those at the common one; empty without both studies.

    Args:
        comparisons: of the study of tuned rates.
        tuned: its verdicts.
        margin: differences inside ± margin percentage points count as equal.
    """
    untuned = comparisons.evidence.untuned
    if untuned is None:
        return ()
    at_common = Comparisons(untuned, comparisons.alpha)
    common = {one.budget: one for one in verdicts_of(at_common, margin)}
    own = {one.budget: one for one in tuned}
    pairs = [RateVerdicts(common.get(one), own.get(one)) for one in dict.fromkeys([*own, *common])]
    changes = [_change(comparisons, at_common, one) for one in pairs]
    p_values = holm([None if one is None else one.p_value for one in changes])
    return tuple(
        replace(pair, change=change, change_p=corrected, alpha=comparisons.alpha)
        for pair, change, corrected in zip(pairs, changes, p_values, strict=True)
    )


def _change(tuned: Comparisons, common: Comparisons, pair: RateVerdicts) -> Difference | None:
    if pair.common is None or pair.tuned is None or pair.common.contrast.keys() != pair.tuned.contrast.keys():
        return None
    values, others = (_by_seed(one.evidence, pair.tuned.contrast) for one in (tuned, common))
    return difference_by_seed(values, others)


def _by_seed(evidence: Evidence, contrast: Weights) -> dict[int, float]:
    """Return the weighted sum of accuracies of each seed that all of the contrast's models have."""
    accuracies = {model: evidence.values(model, "accuracy_percent") for model in contrast}
    seeds = set(evidence.seeds).intersection(*accuracies.values())
    return {seed: sum(weight * accuracies[model][seed] for model, weight in contrast.items()) for seed in seeds}


def verdict_sentence(pairs: Sequence[RateVerdicts], tuning: Tuning) -> str:
    """Return whether the verdict is the same at the recipe's rate and at each model's own."""
    compared = [one for one in pairs if one.is_comparable]
    rates = common_text(tuning)
    if not compared:
        return f"There is no verdict at {rates} to compare with."
    changed = [one for one in compared if not one.is_same]
    if not changed:
        which = f"equal {BUDGET_WORDS[compared[0].budget]}" if len(compared) == 1 else "every budget"
        return f"At {which}, the verdict is the same at {rates} and at each model's own rate."
    parts = [f"at equal {BUDGET_WORDS[one.budget]}, {_outcomes_text(one)}" for one in changed]
    return f"The verdict changes from {rates} to each model's own rate: {'; '.join(parts)}."


def _outcomes_text(pair: RateVerdicts) -> str:
    """Return both outcomes with their differences, the common rate's first, and the change between them."""
    texts = [
        f"{outcome_text(one.outcome, one.margin)} ({signed(one.interval.mean, 2)} pp)"
        for one in (pair.common, pair.tuned)
        if one is not None
    ]
    if pair.change is None:
        return f"{', then '.join(texts)}, of other models or seeds"
    p = "" if pair.change_p is None else f", {p_value(pair.change_p)}"
    is_shown = "is shown" if pair.is_change_shown else "is not shown to differ from 0"
    return f"{', then '.join(texts)}; the change {is_shown}: {difference_text(pair.change.interval)}{p}"


def rates_line(pairs: Sequence[RateVerdicts], tuning: Tuning) -> str:
    """Return a line for a terminal: whether the verdict changes with tuned rates, and rates at an edge."""
    compared = [one for one in pairs if one.is_comparable]
    changed = [BUDGET_WORDS[one.budget] for one in compared if not one.is_same]
    rates = tuning.common_rates
    at = f"at {rates[0]:g}" if len(rates) == 1 else "at the recipes' own"
    words = f"same verdict as {at}" if compared else f"no verdict {at}"
    if changed:
        budgets = f"equal {listed(changed)}" if len(changed) == 1 else f"{len(changed)} of {len(compared)} budgets"
        is_shown = any(one.is_change_shown for one in compared if not one.is_same)
        words = f"another verdict than {at} at {budgets}{'' if is_shown else ', maybe by chance'}"
    at_edge = sum(one.edge is not None for one in tuning.trials)
    edge = f"; {at_edge} of {count_noun(len(tuning.trials), 'model')} best at the range's end" if at_edge else ""
    return f"tuned rates: {words}{edge}"


def common_text(tuning: Tuning) -> str:
    """Return the recipe's own rate in words; several recipes' without numbers."""
    rates = tuning.common_rates
    return f"the recipe's rate {rates[0]:g}" if len(rates) == 1 else "the recipes' rates"


def edge_sentences(trials: Sequence[ModelTrials]) -> list[str]:
    """Return a sentence on the models whose best rate is at an end of the range, for each end."""
    found = []
    for end in ("lowest", "highest"):
        models = [one.model for one in trials if one.edge == end]
        if models:
            found.append(
                f"The best rate of {listed(models)} is the {end} one tried: widen the range of --learning-rates, as a "
                "better one may lie beyond."
            )
    return found


def chance_sentences(tuning: Tuning) -> list[str]:
    """Return a sentence on models whose own rate is not shown to be better than the recipe's, if any."""
    models = [one.model for one in tuning.trials if one.is_by_chance]
    if not models:
        return []
    images = max(one.held_out_images for one in tuning.trials)
    seeds = count_noun(max(len(one.seeds) for one in tuning.trials), "seed")
    return [
        f"The trials do not show that the rate chosen for {listed(models)} is better than {common_text(tuning)}: on "
        f"{images:,} held-out images and {seeds} it may be chance. A larger --val-split or --tune-epochs 1 shows more."
    ]


def seeds_in_common(evidence: Evidence) -> list[int]:
    """Return the seeds of a study that chose its learning rates too: its answer would rest on the choice."""
    return [] if evidence.tuning is None else sorted(set(evidence.seeds) & evidence.tuning.seeds)
