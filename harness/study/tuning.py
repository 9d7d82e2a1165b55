"""The tuning of learning rates: trials of each model at each rate, on held-out images and own seeds.

Knows nothing of pytest. The trials are cases as all others: kept, resumed, and trained by the study's engine.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from harness.analysis.learning_rates import ModelTrials, Trial, trial_of, tried_rates
from harness.config.case import Case, Mode
from harness.config.experiment import Experiment
from harness.config.settings import Settings
from harness.config.variant import TUNING_VAL_SPLIT, Variant, fraction_text
from harness.errors import InputError
from harness.results.declared_tuning import DeclaredTuning, declare_tuning, read_declared_tuning
from harness.results.result import Result
from harness.study.study import Study
from harness.text import count_noun, listed_up_to
from harness.training.callback import TrainingCallback

TUNING_SEEDS = range(1_000_000, 1_000_003)
"""The seeds of trials, kept apart from those that a study reports."""


def trial_seeds(reported: Collection[int]) -> tuple[int, ...]:
    """Return the seeds of a model's trials: as many as are reported, three at most.

    Raises:
        InputError: a reported seed is one of trials.
    """
    if shared := sorted(set(reported) & set(TUNING_SEEDS)):
        first, last = TUNING_SEEDS[0], TUNING_SEEDS[-1]
        raise InputError(
            f"seeds {', '.join(map(str, shared))}: those from {first} to {last} choose the learning rates, and would "
            "be reported too\ngive other seeds by --seeds or the mark, or leave out --learning-rates"
        )
    return tuple(TUNING_SEEDS[: len(reported)])


def trials_of(plain: Experiment, settings: Settings, seeds: Iterable[int]) -> list[Experiment]:
    """Return the trials of a model with a known recipe: each rate with each seed, the smallest first."""
    recipe = plain.resolved_recipe
    epochs = max(1, round(settings.tune_epochs * recipe.epochs))
    is_shorter = epochs != recipe.epochs
    mode: Mode = "shortened" if is_shorter else plain.mode
    warmup = -(-recipe.warmup_epochs * epochs // recipe.epochs)  # rounded up: without it the smallest rate looks best
    shorter = replace(recipe.with_epochs(epochs), warmup_epochs=warmup) if is_shorter else recipe
    share, given = plain.variant.train_fraction, plain.variant.name
    held_out = settings.val_split or TUNING_VAL_SPLIT
    return [
        replace(
            plain, seed=seed, recipe=replace(shorter, learning_rate=rate), mode=mode,
            variant=Variant(epochs, share, held_out, rate, name=f"{given}-rate{rate:g}".removeprefix("-")),
        )
        for rate in settings.learning_rates or ()
        for seed in seeds
    ]  # fmt: skip


def needs_tuning(experiment: Experiment) -> bool:
    """Return whether the experiment's learning rate must still be chosen."""
    return experiment.variant.is_tuned and experiment.variant.learning_rate is None


def declaration(case: Case, trial: Experiment, rates: Iterable[float], seeds: tuple[int, ...]) -> DeclaredTuning:
    """Return the tuning of a model as the results folder declares it.

    Args:
        case: the model's case at the recipe's own rate.
        trial: one of its trials.
    """
    split = trial.variant.val_split
    assert split is not None, "`trials_of` gives each trial its own"
    of_trial = replace(case, recipe=trial.resolved_recipe, mode=trial.mode, seed=trial.seed, val_split=split)
    return DeclaredTuning(case, of_trial, tuple(sorted(set(rates))), seeds)


@dataclass
class _Tuned:
    """One model's tuning.

    Attributes:
        declared: the tuning as the results folder has it.
        left: the trials still to try.
        outcomes: of the trials so far.
        failures: a line for each trial without an outcome.
    """

    declared: DeclaredTuning
    left: list[Experiment]
    outcomes: list[Trial] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def chosen(self) -> float | None:
        """The best of the rates that completed with every seed; None while trials are left, or if none did."""
        if self.left:
            return None
        one = self.declared
        return ModelTrials(one.model, one.common_rate, tried_rates(self.outcomes, one.rates), one.seeds).best


class Tuning:
    """The learning rates of a study's models, each chosen by trials.

    Attributes:
        trial_identities: of the trials' cases, which are no results of the session.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self.trial_identities: set[str] = set()
        self._tuned: dict[Experiment, _Tuned] = {}

    def prepare(
        self,
        experiments: Iterable[tuple[Experiment, Collection[int]]],
        others: Sequence[Experiment] = (),
        notify: Callable[[str], None] = lambda _: None,
    ) -> list[Experiment]:
        """Check the trials of experiments before any training, and announce them; return them in their order.

        Args:
            experiments: those that need tuning, each with all reported seeds of its study.
            others: further experiments to announce after the trials.
            notify: called with a line about each step that may take long.

        Raises:
            InputError: a trial cannot be trained, or a reported seed is one of trials.
        """
        asked = {_of_any_seed(one): trial_seeds(seeds) for one, seeds in experiments}
        self._study.engine.prepare(list(asked), notify)
        root = self._study.results.root
        earlier = self._study.on_rank_zero(lambda: read_declared_tuning(root))
        new = {}
        for one, seeds in asked.items():
            plain = self._study.resolved(one)
            if plain not in self._tuned:
                new[plain] = self._planned(plain, seeds, earlier)
        trials = [trial for one in new.values() for trial in one.left]
        self._study.prepare([*trials, *others], notify)
        self._study.on_rank_zero(lambda: declare_tuning(root, [one.declared for one in new.values()]))
        self._tuned |= new
        self.trial_identities |= {self._study.case(trial).identity for trial in trials}
        return trials

    def train(self, trial: Experiment, callback: TrainingCallback) -> Result | None:
        """Train a trial unless it is finished; keep its outcome, and return its result, None if it failed.

        A failure leaves the other trials to go on; `tuned` names it if no rate is left.

        Raises:
            InputError: the trial failed in a process group, whose other processes may have stopped with it.
        """
        of = next(one for one in self._tuned.values() if trial in one.left)
        result, cause = None, ""
        try:
            result, records = self._study.train(trial, callback)
        except Exception as error:
            if callback.is_stop(error):
                raise
            if self._study.is_distributed:
                raise InputError(f"{trial.label}: this trial of a learning rate failed: {error}") from error
            cause = str(error) or type(error).__name__
        else:
            outcome = trial_of(result, [record.evaluation_accuracy_percent for record in records])
            if outcome is not None:
                of.outcomes.append(outcome)
            else:
                cause = result.cause or result.status.replace("_", " ")
        of.left.remove(trial)
        of.failures += [f"{trial.label}: {cause}"] if cause else []
        return result

    def declare(self) -> None:
        """Keep the choices in the results folder, for later reports."""
        chosen = [replace(one.declared, chosen=one.chosen) for one in self._tuned.values()]
        self._study.on_rank_zero(lambda: declare_tuning(self._study.results.root, chosen))

    def lines(self) -> list[str]:
        """Return a line for each dataset's models with their rates, human-readable."""
        found: dict[tuple[str, int, float], list[str]] = defaultdict(list)
        for plain, one in self._tuned.items():
            if one.chosen is not None:
                key = (plain.dataset, plain.resolved_recipe.epochs, plain.variant.train_fraction)
                found[key].append(f"{plain.model} {one.chosen:g}")
        return [
            f"{dataset}, {count_noun(epochs, 'epoch')}{'' if share == 1 else f', {fraction_text(share)}'}: "
            f"learning rates chosen: {', '.join(models)}"
            for (dataset, epochs, share), models in found.items()
        ]

    def tuned(self, experiment: Experiment) -> Experiment:
        """Return the experiment at its model's own rate if it needs tuning, else as it is.

        Raises:
            InputError: no rate completed with every seed.
        """
        if not needs_tuning(experiment):
            return experiment
        plain = self._study.resolved(_of_any_seed(experiment))
        of = self._tuned[plain]
        rate = of.chosen
        if rate is None:
            tried = listed_up_to([f"{one:g}" for one in of.declared.rates], 5, "rate")
            raise InputError(
                f"{experiment.label}: no learning rate can be chosen: none of {tried} completed with every seed of its "
                f"trials\n{listed_up_to(of.failures, 1, 'trial')}\n"
                "mend the cause and run the command again, or leave out --learning-rates"
            )
        return _at_rate(experiment, plain, rate)

    def _planned(self, plain: Experiment, seeds: tuple[int, ...], earlier: Iterable[DeclaredTuning]) -> _Tuned:
        """Return a model's tuning, with as many seeds as an earlier one of the same trials, if that had more."""
        most = trials_of(plain, self._study.settings, TUNING_SEEDS)
        rates = [one.resolved_recipe.learning_rate for one in most]
        declared = declaration(self._study.case(plain), most[0], rates, seeds)
        same = [one.seeds for one in earlier if replace(declared, seeds=one.seeds).is_of(one)]
        seeds = max([seeds, *(one for one in same if set(one) <= set(TUNING_SEEDS))], key=len)
        return _Tuned(replace(declared, seeds=seeds), [one for one in most if one.seed in seeds])


def _of_any_seed(experiment: Experiment) -> Experiment:
    """Return the experiment at the recipe's own rate with seed 0: the same for all seeds of a model."""
    return replace(experiment.at_common_rate, seed=0)


def _at_rate(experiment: Experiment, plain: Experiment, rate: float) -> Experiment:
    """Return an experiment at a rate; ``plain`` has its recipe."""
    recipe = plain.resolved_recipe
    variant = replace(experiment.variant, learning_rate=rate, common_rate=recipe.learning_rate)
    return replace(experiment, recipe=replace(recipe, learning_rate=rate), mode=plain.mode, variant=variant)


def with_trials(
    experiments: Sequence[Experiment],
    settings: Settings,
    resolved: Callable[[Experiment], Experiment],
    declared: Callable[[Experiment, tuple[int, ...]], DeclaredTuning | None],
) -> list[Experiment]:
    """Return experiments after the trials that they need; those whose rate is declared already have it.

    Args:
        resolved: returns an experiment with its recipe.
        declared: returns the tuning of a model, whose experiment has its recipe, that has chosen its rate by trials
            with these seeds at least; None without one.

    Raises:
        InputError: a reported seed is one of trials.
    """
    plains = {one: resolved(_of_any_seed(one)) for one in experiments if needs_tuning(one)}
    reported = defaultdict(set)
    for one, plain in plains.items():
        reported[plain].add(one.seed)
    seeds = {plain: trial_seeds(of) for plain, of in reported.items()}
    rates: dict[Experiment, float] = {}
    for plain, of in seeds.items():
        if (earlier := declared(plain, of)) is not None and earlier.chosen is not None:
            seeds[plain], rates[plain] = earlier.seeds, earlier.chosen
    trials = [trial for plain, of in seeds.items() for trial in trials_of(plain, settings, of)]
    found = [
        _at_rate(one, plains[one], rates[plains[one]]) if one in plains and plains[one] in rates else one
        for one in experiments
    ]
    return [*trials, *found]
