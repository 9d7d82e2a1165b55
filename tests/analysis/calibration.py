"""Simulated studies with a known truth, and counts of what the analysis concludes from them.

A study has the paper's six CIFAR-10 models with their costs. An accuracy is the model's true one plus an independent
normal deviation for each run, rounded to whole images.
"""

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.interpolate import PchipInterpolator

from harness.analysis import budgets, multiplicity
from harness.analysis.answer import Question, answer
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence, Measure, published_evidence
from harness.analysis.power import Spread
from harness.analysis.sequential import plan_looks
from harness.analysis.stats import Interval
from tests.analysis.budget_studies import USE

PAPER = published_evidence("cifar10")
BUDGETS = ("total_seconds", "params", "macs", "scale_factor")
SIX_BUDGETS = (*BUDGETS[:3], "latency_seconds", "image_seconds", BUDGETS[3])
TRUE_PERCENT = 91.0
PATTERNS = {
    "equal": (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "growing": (0.5, 0.7, 0.9, 1.1, 1.3, 1.5),
    "cyclic": (2 / 3, 1.0, 4 / 3, 2 / 3, 1.0, 4 / 3),
    "noisy pair": (1.0, 1.0, 2.0, 1.0, 2.0, 1.0),
}
"""Factors of the spread between seeds by model: 20, 56, 110, 20-2, 20-4, 20-8; the last is for information only."""
HEADLINES = 50  # of a process and cell: a whole answer takes four times as long as its verdicts
JointPValue = Callable[[float, np.ndarray, float], float]
_GRID = np.r_[np.linspace(0, 8, 65), 10, 15, 25, 50]  # t statistics at which joint p-values are tabulated


@dataclass(frozen=True)
class Cell:
    """The truth about a set of studies.

    Attributes:
        seeds: runs of each model.
        spread_points: the standard deviation between seeds.
        pattern: the factors of the spread by model.
        wider_points: the true advantage of every wider model, and so of width at each budget.
        has_use_times: true if latency and throughput were measured, so that there are six budgets.
    """

    seeds: int
    spread_points: float
    pattern: str = "equal"
    wider_points: float = 0.0
    has_use_times: bool = False

    @property
    def budgets(self) -> tuple[str, ...]:
        return SIX_BUDGETS if self.has_use_times else BUDGETS

    @property
    def key(self) -> tuple[int, ...]:
        """Numbers from which the cell's random numbers follow."""
        place = list(PATTERNS).index(self.pattern)
        return self.seeds, round(100 * self.spread_points), place, round(100 * self.wider_points)

    @property
    def name(self) -> str:
        return f"n{self.seeds}-sd{self.spread_points:g}-{self.pattern.replace(' ', '-')}"


@dataclass(frozen=True)
class SimulatedStudy(Evidence):
    """A study that computes each mean once: costs are asked for a hundred times."""

    @functools.cached_property
    def _means(self) -> dict[tuple[str, str], Interval | None]:
        return {}

    def mean(self, model: str, measure: Measure) -> Interval | None:
        if (model, measure) not in self._means:
            self._means[model, measure] = super().mean(model, measure)
        return self._means[model, measure]


def study_of(accuracies: dict[str, dict[int, float]], *, has_use_times: bool = False) -> Evidence:
    """Return a study of the paper's models with these accuracies by model and seed, and the paper's costs."""
    by_model = {run.model: run for run in PAPER.runs}
    if has_use_times:
        by_model = {
            model: replace(run, latency_seconds=USE[model][0], image_seconds=USE[model][1])
            for model, run in by_model.items()
        }
    runs = [
        replace(by_model[model], seed=seed, accuracy_percent=value, accuracy_beside_f1_percent=value)
        for model, of_model in accuracies.items()
        for seed, value in of_model.items()
    ]
    return SimulatedStudy(**{field.name: getattr(PAPER, field.name) for field in fields(PAPER)} | {"runs": tuple(runs)})


def simulate(cell: Cell, generator: np.random.Generator) -> Evidence:
    """Return a random study of a cell."""
    accuracies = {}
    for run, factor in zip(PAPER.runs, PATTERNS[cell.pattern], strict=True):
        true = TRUE_PERCENT + (cell.wider_points if "-" in run.model else 0.0)
        drawn = generator.normal(true, factor * cell.spread_points, cell.seeds)
        accuracies[run.model] = {seed: round(float(value), 2) for seed, value in enumerate(drawn)}
    return study_of(accuracies, has_use_times=cell.has_use_times)


def up_to(evidence: Evidence, seeds: int) -> Evidence:
    """Return the study as it was after its first seeds."""
    return replace(evidence, runs=tuple(run for run in evidence.runs if run.seed < seeds))


def count_headlines(cell: Cell, part: int, studies: int) -> Counter[str]:
    """Count the outcomes of random studies; the headlines of the first ones must name the same winners."""
    generator, found = np.random.default_rng((*cell.key, part)), Counter[str]()
    for place in range(studies):
        evidence = simulate(cell, generator)
        verdicts = budgets.budget_verdicts(evidence)
        found.update(outcomes(verdicts, cell.budgets))
        if place < HEADLINES:
            headline = answer(Comparisons(evidence), evidence, Question(Spread(cell.spread_points, True))).headline
            assert ("go " in headline) == any(one.winner is not None for one in verdicts)
    return found


def count_verdicts(cell: Cell, part: int, studies: int) -> Counter[str]:
    """Count the outcomes of random studies by budget and in any budget."""
    generator, found = np.random.default_rng((*cell.key, part)), Counter[str]()
    for _ in range(studies):
        found.update(outcomes(budgets.budget_verdicts(simulate(cell, generator)), cell.budgets))
    return found


def count_sequential(cell: Cell, part: int, studies: int) -> Counter[str]:
    """Count the final outcomes of studies whose seeds stop once every budget is decided, and the seeds they took."""
    generator, found = np.random.default_rng((*cell.key, 1000 + part)), Counter[str]()
    plan = plan_looks(tuple(range(cell.seeds)))
    for _ in range(studies):
        evidence, interim = simulate(cell, generator), set()
        for look in plan.looks:
            verdicts = budgets.budget_verdicts(up_to(evidence, look), alpha=plan.level)
            interim |= {f"interim {name}" for name in outcomes(verdicts)}
            if all(one.is_decided for one in verdicts):
                break
        found.update(outcomes(verdicts) | interim)
        found["seeds"] += look
        found["decided"] += all(one.is_decided for one in verdicts)
    return found


def outcomes(verdicts: Sequence[budgets.BudgetVerdict], expected: Sequence[str] = BUDGETS) -> set[str]:
    """Return ``budget outcome`` for each verdict and ``any outcome``; wider and deeper also as ``winner``."""
    assert [one.budget for one in verdicts] == list(expected)
    named = {(one.budget, one.outcome) for one in verdicts}
    named |= {(one.budget, "winner") for one in verdicts if one.winner is not None}
    return {f"{budget} {outcome}" for budget, outcome in named} | {f"any {outcome}" for _, outcome in named}


def tabulate_joint_p_values() -> None:
    """Prepare a process for many studies: joint p-values from a table."""
    multiplicity.joint_p_value = tabulated(multiplicity.joint_p_value)


def tabulated(exact: JointPValue) -> JointPValue:
    """Return a function that interpolates joint p-values, the same function of t for all studies of a design.

    The quadrature takes three quarters of a study's time. Welch's degrees of freedom are of one study only: its
    p-values are computed as usual.
    """

    @functools.cache
    def log_p_values(correlation: tuple[tuple[float, ...], ...], df: float) -> PchipInterpolator:
        p_values = [exact(t, np.array(correlation), df) for t in _GRID]
        return PchipInterpolator(_GRID, np.log(np.maximum(p_values, 1e-12)))

    def interpolated(t: float, correlation: np.ndarray, df: float) -> float:
        if df != int(df):
            return exact(t, correlation, df)
        key = tuple(map(tuple, correlation.round(6)))
        return float(np.exp(log_p_values(key, df)(min(abs(t), _GRID[-1]))))

    return interpolated


def random_study(generator: np.random.Generator) -> Evidence:
    """Return a study of random models, seeds, spreads and effects; most lack some models or some of their seeds."""
    pattern = PATTERNS[str(generator.choice(list(PATTERNS)))]
    spread, seeds = generator.choice([0.1, 0.3, 0.6]), int(generator.integers(1, 7))
    effects = generator.choice([0.0, 0.5, 2.0]) * generator.normal(size=len(PAPER.runs))
    accuracies = {}
    for run, factor, effect in zip(PAPER.runs, pattern, effects, strict=True):
        kept = [seed for seed in range(seeds) if seed == 0 or generator.random() > 0.2]
        drawn = generator.normal(TRUE_PERCENT + effect, factor * spread, seeds)
        if run.model == "resnet20" or generator.random() > 0.1:
            accuracies[run.model] = {seed: round(float(drawn[seed]), 2) for seed in kept}
    return study_of(accuracies)
