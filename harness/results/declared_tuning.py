"""Learning rates that studies try, kept in the results folder for later reports.

They say which results are trials, so that no report takes them for runs, and which rate is each model's own.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from harness.config.case import SEED_LIMIT, Case
from harness.config.datasets import is_own_images, kind_of
from harness.results.declared import changing, read_declared, write_declared

FILE = "tuning.json"
_MOST_RATES, _MOST_SEEDS = 1000, 1000
_Rate = Annotated[float, Field(gt=0, lt=1e6)]
_Seed = Annotated[int, Field(ge=0, lt=SEED_LIMIT)]


@dataclass(frozen=True)
class DeclaredTuning:
    """The learning rates tried for one model.

    Attributes:
        plain: the model's case at the recipe's own rate, with any seed.
        trial: the case of a trial, with any rate and seed.
        rates: those tried, in ascending order.
        seeds: the seeds of the trials.
        chosen: the model's own rate; None until all are tried.
    """

    plain: Case
    trial: Case
    rates: Annotated[tuple[_Rate, ...], Field(min_length=2, max_length=_MOST_RATES)]
    seeds: Annotated[tuple[_Seed, ...], Field(min_length=1, max_length=_MOST_SEEDS)]
    chosen: _Rate | None = None

    def __post_init__(self) -> None:
        if list(self.rates) != sorted(set(self.rates)):
            raise ValueError(f"the rates tried for {self.plain.model} are not in ascending order, each once")
        if self.chosen is not None and self.chosen not in self.rates:
            raise ValueError(f"the rate chosen for {self.plain.model} is none of those tried")

    @property
    def model(self) -> str:
        return self.plain.model

    @property
    def common_rate(self) -> float:
        """The recipe's own rate."""
        return self.plain.recipe.learning_rate

    def at_common_rate(self, case: Case) -> Case:
        """Return a case at the chosen rate as it is at the recipe's own."""
        return replace(case, recipe=replace(case.recipe, learning_rate=self.common_rate))

    def is_of(self, other: "DeclaredTuning") -> bool:
        """Return whether another tuning is of the same trials for the same cases."""
        return _terms(self) == _terms(other)


class Trials:
    """The trials of declared tunings."""

    def __init__(self, declared: Iterable[DeclaredTuning]) -> None:
        self._of_trial: dict[Case, list[DeclaredTuning]] = defaultdict(list)
        for one in declared:
            self._of_trial[at_any_rate(one.trial)].append(one)

    def tunings_of(self, case: Case) -> list[DeclaredTuning]:
        """Return the tunings that a case is a trial of; none for a run."""
        tunings = self._of_trial.get(at_any_rate(case), ()) if self._of_trial else ()
        return [one for one in tunings if case.seed in one.seeds and case.recipe.learning_rate in one.rates]


def at_any_rate(case: Case) -> Case:
    """Return the case without seed, rate and the name of the images: equal for trials of one model."""
    dataset = kind_of(case.dataset) if is_own_images(case.dataset) else case.dataset
    recipe = replace(case.recipe, learning_rate=1.0)
    return replace(case, dataset=dataset, recipe=recipe, seed=0, compiled=False)


def _terms(one: DeclaredTuning) -> tuple[object, ...]:
    return at_any_rate(one.plain), one.common_rate, at_any_rate(one.trial), one.rates, one.seeds


_ADAPTER = TypeAdapter(tuple[DeclaredTuning, ...])


def read_declared_tuning(root: Path) -> tuple[DeclaredTuning, ...]:
    """Read the declared learning rates of a results folder, the newest last; empty if none were declared.

    Raises:
        DamagedError: the file does not have its form.
    """
    remedy = "delete it, and run pytest with --learning-rates again to declare them"
    return read_declared(root / FILE, _ADAPTER, (), "learning rates", remedy)


def declare_tuning(root: Path, tunings: Iterable[DeclaredTuning]) -> None:
    """Write tunings into a results folder, beside earlier ones: those say which results are trials, too.

    A tuning without a chosen rate leaves an earlier choice from the same trials as it is.

    Raises:
        DamagedError: the file of earlier tunings does not have its form.
        InputError: the file cannot be written.
    """
    with changing(root / FILE):
        before = read_declared_tuning(root)
        chosen = [one for one in before if one.chosen is not None]
        new = [one for one in tunings if one.chosen is not None or not any(one.is_of(other) for other in chosen)]
        kept = [one for one in before if not any(one.is_of(other) for other in new)]
        if (*kept, *new) != before:
            write_declared(root / FILE, _ADAPTER, (*kept, *new))
