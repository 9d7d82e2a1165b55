"""The choice of each model's learning rate among those tried, on held-out training images."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from harness.analysis.stats import Difference, Interval, difference_by_seed, is_significant, mean_interval
from harness.results.result import Result

_DIGITS = 6  # of a mean in percent: sums of the same counts in another order are ties


@dataclass(frozen=True)
class TriedRate:
    """A learning rate with the outcomes of its trials.

    Attributes:
        accuracies: by seed, on the held-out images after the last epoch, in percent; chance if a trial diverged.
        diverged: the number of trials that diverged.
    """

    rate: float
    accuracies: Mapping[int, float]
    diverged: int = 0

    @cached_property
    def mean(self) -> Interval | None:
        """The mean over the trials' seeds; None without a trial."""
        return mean_interval(list(self.accuracies.values())) if self.accuracies else None


@dataclass(frozen=True)
class ModelTrials:
    """The trials of one model.

    Attributes:
        common_rate: the recipe's own rate.
        tried: the rates, in ascending order.
        seeds: those of the trials.
        chosen: the declared choice: the rate that the model was trained at.
        held_out_images: the images that the choice rests on.
    """

    model: str
    common_rate: float
    tried: tuple[TriedRate, ...]
    seeds: tuple[int, ...]
    chosen: float | None = None
    held_out_images: int = 0

    @cached_property
    def best(self) -> float | None:
        """The rate of the highest mean, of equal ones the smallest; None unless some rate has all its trials."""
        means = {one.rate: one.mean for one in self.tried if set(one.accuracies) >= set(self.seeds)}
        found = [(round(mean.mean, _DIGITS), -rate) for rate, mean in means.items() if mean is not None]
        return -max(found)[1] if found else None

    def lead_over(self, rate: float) -> Difference | None:
        """Return the chosen rate's accuracy minus another's, paired by the trials' seeds; None without both."""
        of_rate = {one.rate: one.accuracies for one in self.tried}
        if self.chosen is None or self.chosen == rate:
            return None
        return difference_by_seed(of_rate.get(self.chosen, {}), of_rate.get(rate, {}))

    @property
    def is_by_chance(self) -> bool:
        """True if the chosen rate is not shown to be better than the recipe's own, even uncorrected."""
        lead = self.lead_over(self.common_rate)
        return lead is not None and not is_significant(lead.p_value)

    @property
    def edge(self) -> Literal["lowest", "highest"] | None:
        """The end of the range that the chosen rate is at; None inside the range."""
        rates = [one.rate for one in self.tried]
        if not rates or self.chosen not in (rates[0], rates[-1]):
            return None
        return "lowest" if self.chosen == rates[0] else "highest"


@dataclass(frozen=True)
class Tuning:
    """The trials behind a study of tuned learning rates, of its models in their order."""

    trials: tuple[ModelTrials, ...]

    @property
    def seeds(self) -> frozenset[int]:
        """The seeds of all trials: none of them may be reported."""
        return frozenset(seed for one in self.trials for seed in one.seeds)

    @property
    def common_rates(self) -> list[float]:
        """The recipes' own rates, usually one."""
        return sorted({one.common_rate for one in self.trials})


@dataclass(frozen=True)
class Trial:
    """The outcome of one trial.

    Attributes:
        accuracy_percent: on the held-out images after the last epoch; None if it diverged.
        classes: the number of classes; 0 if unknown, as of a trial that diverged.
    """

    rate: float
    seed: int
    accuracy_percent: float | None
    classes: int = 0


def tried_rates(trials: Iterable[Trial], rates: Iterable[float]) -> tuple[TriedRate, ...]:
    """Return the rates with their trials; one that diverged counts as a guess."""
    trials = list(trials)
    classes = max((one.classes for one in trials), default=0)
    chance = 100 / classes if classes else 0.0
    found = []
    for rate in rates:
        of_rate = {one.seed: one.accuracy_percent for one in trials if one.rate == rate}
        accuracies = {seed: chance if value is None else value for seed, value in sorted(of_rate.items())}
        found.append(TriedRate(rate, accuracies, list(of_rate.values()).count(None)))
    return tuple(found)


def trial_of(result: Result, accuracies: Sequence[float]) -> Trial | None:
    """Return the outcome of a trial's result; None without an accuracy on held-out images.

    Args:
        accuracies: the evaluation accuracy after each epoch; empty if unknown.
    """
    rate, seed = result.case.recipe.learning_rate, result.seed
    if result.status == "diverged":
        return Trial(rate, seed, None)
    if not result.is_complete or not result.case.val_split or not accuracies:
        return None
    return Trial(rate, seed, accuracies[-1], len(result.per_class))
